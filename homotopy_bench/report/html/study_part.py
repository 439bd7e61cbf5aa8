"""Show the studies of a page: what each found, tuning curves, and learning rate against warm-up."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.report.cells import NOTHING, amount, percent
from homotopy_bench.report.html.heat_map import colour_scale, heat_map, trial_table
from homotopy_bench.report.html.markup import Markup, element, text
from homotopy_bench.report.html.parts import table, table_row
from homotopy_bench.report.html.styled_studies import StudyGroup, StyledStudy, study_groups
from homotopy_bench.report.html.tuning_figure import tuning_figure, tuning_notes
from homotopy_bench.report.studies import Study

_INTRODUCTION = (
    "A study searches settings by validation accuracy at t = 1; its runs are in no table above. Studies stand together "
    "where data and length of a trial were equal."
)


def study_part(studies: Sequence[Study]) -> Markup:
    """Return the part of a page on studies; empty without any."""
    groups = study_groups(studies)
    if not groups:
        return text()
    shown = [_group(one, str(number)) for number, one in enumerate(groups)]
    return element("section", element("h2", "Studies"), element("p", _INTRODUCTION), shown, id="studies")


def _group(group: StudyGroup, key: str) -> Markup:
    colours = colour_scale([one.study for one in group.studies])
    figures, tables = [tuning_figure(group, key)], []
    for one in group.studies:
        figure = heat_map(one, colours, one.key)
        if figure:
            figures.append(figure)
        else:
            tables.append(_folded(one))
    return element(
        "div",
        element("h3", group.heading),
        _overview(group, key),
        element("div", figures, class_="figures"),
        tuning_notes(group),
        tables,
        data_dataset=group.dataset,
        data_model=group.model,
    )


def _folded(one: StyledStudy) -> Markup:
    return element("details", element("summary", f"Trials of {one.study.name}"), trial_table(one, one.key))


def _overview(group: StudyGroup, key: str) -> Markup:
    headers = [
        "study", "method", "sampler, pruner", "how trials ended", "trials", "asked for", "gradients paid",
        "best validation accuracy, %", "its optimizer.lr", "its warm-up",
    ]  # fmt: skip
    return table(headers, [_line(one) for one in group.studies], key=f"studies-{key}", numbers_from=4)


def _line(one: StyledStudy) -> Markup:
    study, best = one.study, one.study.best
    ended: list[tuple[str, int]] = [
        (status, len(study.with_status(status))) for status in ("completed", "diverged", "pruned", "failed")
    ]
    ended.append(("not ended", len(study.with_status("open")) + study.missing))
    paid = [trial.gradients for trial in study.trials if trial.gradients is not None]
    found = (None, None) if best is None else (best.learning_rate, best.warmup)
    cells = [
        study.name, study.method, study.sampler if study.pruner == "none" else f"{study.sampler}, {study.pruner}",
        ", ".join(f"{number} {words}" for words, number in ended if number), str(len(study.trials) + study.missing),
        NOTHING if study.asked is None else str(study.asked), amount(sum(paid)),
        percent(None if best is None else best.val_acc), *(NOTHING if one is None else f"{one:.4g}" for one in found),
    ]  # fmt: skip
    return table_row(cells, row=one.key, method=study.method, numbers_from=4)
