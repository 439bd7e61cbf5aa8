"""Build a report of runs: one row per variant, one section per data set, model and protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from math import inf

from homotopy_bench.core import statistics
from homotopy_bench.core.inert import LONGEST_NAME, shortened
from homotopy_bench.core.tuning_budget import budget_of
from homotopy_bench.report.collapse import collapsed_seeds
from homotopy_bench.report.comparison import BASELINE, check_asked, choose_baseline, compare, correct_for_multiple_tests
from homotopy_bench.report.landscape import landscape_means, read_landscape
from homotopy_bench.report.protocol import by_protocol, describe, label_protocols
from homotopy_bench.report.runs import Run, Unusable
from homotopy_bench.report.structure import Report, Row, Section
from homotopy_bench.report.variants import Naming, Variant, group_runs, label_settings, name_variants

LONGEST = 1000
"""Most characters of a label."""

_MOST_LABELS = 4


def build_report(records: Iterable[Run | Unusable], *, baseline: Mapping[str, object] | None = None) -> Report:
    """Return the report of any number of runs.

    Every run that has a test accuracy at t = 1 counts, diverged ones included. Rows of other methods are
    compared, seed by seed, with the baseline variant of their data set, model and protocol that has the best mean
    validation accuracy.

    Args:
        records: What :func:`~homotopy_bench.report.runs.read_runs` returns.
        baseline: Dotted configuration key to value, for instance ``{"model.init": "kaiming"}``: only baseline
            variants with these values are candidates. Texts are compared as on a command
            line; an :class:`~homotopy_bench.core.errors.InputError` says so where they fit no baseline run at all.
    """
    records = list(records)
    variants, duplicates = group_runs(record for record in records if isinstance(record, Run))
    asked = dict(baseline or {})
    if asked:
        check_asked([variant for variant in variants if variant.method == BASELINE], asked)
    by_section = groupby(variants, key=lambda variant: (variant.dataset, variant.model))
    uncorrected = [section for _, members in by_section for section in _sections(list(members), asked)]
    sections, tests = correct_for_multiple_tests(uncorrected)
    unusable = [record for record in records if isinstance(record, Unusable)] + duplicates
    listed = [one for one in unusable if one.kind != "tuning"]
    by_kind = tuple(sorted(listed, key=lambda one: (one.kind, str(one.path))))
    return Report(sections, by_kind, tests, tuning_runs=len(unusable) - len(listed))


def _sections(variants: Sequence[Variant], asked: Mapping[str, object]) -> list[Section]:
    """Return the sections of one data set and model; one without a baseline says where there are some."""
    groups = by_protocol(variants)
    protocols = [describe(protocol, members) for protocol, members in groups.items()]
    labels = label_protocols(protocols)
    sections = [
        _section(members, asked, protocol, label)
        for members, protocol, label in zip(groups.values(), protocols, labels, strict=True)
    ]
    elsewhere = [one.label for one in sections if one.baseline is not None]
    return [one if one.baseline is not None or not elsewhere else _refused(one, elsewhere) for one in sections]


def _refused(section: Section, elsewhere: Sequence[str]) -> Section:
    rest = len(elsewhere) - _MOST_LABELS
    more = f" or {rest} more" if rest > 0 else ""
    found = f"only with {' or '.join(one or 'other settings' for one in elsewhere[:_MOST_LABELS])}{more}"
    here = f" with {section.label}" if section.label else ""
    return replace(section, no_baseline=f"{section.no_baseline}{here}, {found}")


def _section(
    variants: Sequence[Variant], asked: Mapping[str, object], protocol: Mapping[str, str], label: str
) -> Section:
    rows: list[tuple[Row, Variant]] = []
    also_differ: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for method, group in groupby(variants, key=lambda variant: variant.method):
        members = list(group)
        naming = name_variants(members)
        rows += [(_row(variant, naming), variant) for variant in members]
        if naming.also_differ:
            also_differ[method] = naming.also_differ
    rows.sort(key=lambda pair: (-pair[0].mean, pair[0].method, pair[0].label))
    runs = [run for variant in variants for run in variant.runs]
    chosen = choose_baseline([pair for pair in rows if pair[0].method == BASELINE], asked)
    comparisons = []
    if not isinstance(chosen, str):
        reference = chosen[1]
        comparisons = [compare(row, one, reference) for row, one in rows if row.method != BASELINE]
    return Section(
        dataset=variants[0].dataset,
        model=variants[0].model,
        protocol=protocol,
        label=label,
        rows=tuple(row for row, _ in rows),
        also_differ=also_differ,
        baseline=None if isinstance(chosen, str) else chosen[0],
        no_baseline=chosen if isinstance(chosen, str) else "",
        comparisons=tuple(comparisons),
        code_versions=tuple(sorted({run.code_version for run in runs})),
        torch_versions=tuple(sorted({run.torch_version for run in runs})),
        processors=tuple(sorted({run.processor for run in runs})),
        validated_on_test=any(variant.settings.get("dataset.protocol") == '"source"' for variant in variants),
        damaged={str(run.path): run.damage for run in runs if run.damage},
        unpublished_data=not all(run.published for run in runs),
    )


def _row(variant: Variant, naming: Naming) -> Row:
    runs = variant.runs
    settings = label_settings(variant, naming.keys)
    accuracies = [run.test_acc for run in runs]
    budgets = [budget for run in runs if (budget := budget_of(run.overrides)) is not None]

    def mean(values: Iterable[float | None]) -> float | None:
        return statistics.mean([value for value in values if value is not None])

    return Row(
        method=variant.method,
        label=shortened(
            " ".join(shortened(f"{key}={value}", LONGEST_NAME) for key, value in settings.items()), LONGEST
        ),
        settings=settings,
        seeds=tuple(run.seed for run in runs),
        accuracies=tuple(accuracies),
        runs=len(runs),
        diverged=sum(run.status == "diverged" for run in runs),
        collapsed_seeds=collapsed_seeds(runs),
        mean=_defined(statistics.mean(accuracies)),
        std=statistics.standard_deviation(accuracies),
        iqm=_defined(statistics.interquartile_mean(accuracies)),
        interval=statistics.student_interval(accuracies),
        precision_mean=mean(run.test_precision for run in runs),
        recall_mean=mean(run.test_recall for run in runs),
        f1_mean=mean(run.test_f1 for run in runs),
        val_mean=mean(run.val_acc for run in runs),
        path_mean=mean(run.path_test_acc for run in runs),
        path_runs=sum(run.path_test_acc is not None for run in runs),
        loss_mean=mean(run.test_loss for run in runs),
        loss_runs=sum(run.test_loss is not None for run in runs),
        loss_spikes=mean(run.loss_spikes for run in runs),
        max_grad_norm=max((norm for run in runs if (norm := _largest_norm(run)) is not None), default=None),
        train_seconds=mean(run.train_seconds for run in runs),
        gradient_evaluations=mean(run.gradient_evaluations for run in runs),
        hvp_evaluations=mean(run.hvp_evaluations for run in runs),
        forward_equivalents=mean(run.forward_equivalents for run in runs),
        peak_memory_mb=mean(run.peak_memory_mb for run in runs),
        paths=tuple(str(run.path) for run in runs),
        landscape=landscape_means(read_landscape(run.path) for run in runs if run.status == "completed"),
        tuning=min(budgets, key=lambda budget: budget.trials, default=None),
    )


def _largest_norm(run: Run) -> float | None:
    """Return the largest gradient norm of a run; None where its record has none, as of an older version."""
    unbounded = run.max_grad_norm is None and run.loss_spikes is not None  # a record has null for what is no number
    return inf if unbounded else run.max_grad_norm


def _defined(value: float | None) -> float:
    assert value is not None, "a variant has at least one run"
    return value
