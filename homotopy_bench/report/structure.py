"""Hold what a report is made of: plain frozen values, which every renderer reads and nobody recomputes.

Accuracies and their differences are fractions; None stands for a value that is not defined for so few runs
or that the records lack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homotopy_bench.core.statistics import Interval
from homotopy_bench.core.tuning_budget import TuningBudget
from homotopy_bench.report.landscape import LandscapeMean
from homotopy_bench.report.runs import Unusable


@dataclass(frozen=True)
class Row:
    """Summarise the runs of one variant: equal in everything but the seed.

    Attributes:
        method: Name of the method.
        label: ``settings`` as ``key=value`` words; empty where the method has one variant only.
        settings: The configuration keys that tell this variant from the others of the same method.
        seeds: The seeds averaged, sorted.
        accuracies: Test accuracy of the final network at t = 1 of each of them.
        runs: How many runs; diverged ones are among them.
        diverged: How many of them diverged.
        collapsed_seeds: The seeds that diverged or have less than half the accuracy of the best one.
        mean: Mean test accuracy of the final network at t = 1.
        std: Its standard deviation over runs (ddof = 1).
        iqm: Its interquartile mean.
        interval: 95 % interval of the mean by Student's t; None for one run.
        precision_mean: Mean macro precision of the same networks on the test split.
        recall_mean: Their mean macro recall.
        f1_mean: Their mean macro F1.
        val_mean: Mean validation accuracy of the same networks.
        path_mean: Mean test accuracy of the best network on the path, at the t it had; never ranked.
        path_runs: How many runs ``path_mean`` averages.
        loss_mean: Mean test loss of the final networks that have a finite one, in nats.
        loss_runs: How many runs ``loss_mean`` averages.
        loss_spikes: Mean number of loss spikes; None where no record has them.
        max_grad_norm: The largest gradient norm of all runs; infinite where one was no number.
        train_seconds: Mean training time, in seconds, without evaluation.
        gradient_evaluations: Mean number of minibatch gradients.
        hvp_evaluations: Mean number of Hessian-vector products.
        forward_equivalents: Mean cost in units of one forward pass.
        peak_memory_mb: Mean peak memory, in megabytes.
        paths: The run folders averaged, in the order of ``seeds``.
        landscape: Split -> metric -> mean over the completed runs that were measured; empty where none was.
        tuning: With how many trials its setting was tuned, the fewest of its runs; None where that is not known.
    """

    method: str
    label: str
    settings: Mapping[str, str]
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    runs: int
    diverged: int
    collapsed_seeds: tuple[int, ...]
    mean: float
    std: float | None
    iqm: float
    interval: Interval | None
    precision_mean: float | None
    recall_mean: float | None
    f1_mean: float | None
    val_mean: float | None
    path_mean: float | None
    path_runs: int
    loss_mean: float | None
    loss_runs: int
    loss_spikes: float | None
    max_grad_norm: float | None
    train_seconds: float | None
    gradient_evaluations: float | None
    hvp_evaluations: float | None
    forward_equivalents: float | None
    peak_memory_mb: float | None
    paths: tuple[str, ...]
    landscape: Mapping[str, Mapping[str, LandscapeMean]]
    tuning: TuningBudget | None


@dataclass(frozen=True)
class BaselineChoice:
    """Describe the baseline variant that every other method of a section is compared with.

    Attributes:
        label: Its label among the baseline variants.
        candidates: Among how many variants it was chosen.
        val_mean: Its mean validation accuracy.
        asked: The ``key=value`` words by which the user picked it; empty where validation decided.
    """

    label: str
    candidates: int
    val_mean: float | None
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Hold the paired difference of one row to the baseline: row minus baseline, seed by seed.

    Attributes:
        method: Name of the row's method.
        label: The row's label.
        pairs: n, the number of seeds that both have.
        dropped_seeds: Seeds of the row that the baseline lacks.
        dropped_baseline_seeds: Seeds of the baseline that the row lacks.
        collapsed_seeds: The paired seeds with which the row collapsed.
        collapsed_baseline_seeds: The paired seeds with which the baseline collapsed.
        unequal_pairs: Pairs whose difference is not zero.
        mean_difference: Mean of the n differences.
        interval: 95 % interval of that mean by Student's t; None for fewer than two pairs.
        p_value: Two-sided Wilcoxon signed-rank p.
        p_holm: The same after Holm's correction over all comparisons of the report.
        beats: Whether ``p_holm`` is at most 5 % and the interval lies above zero.
        smallest_p: The smallest p that so many unequal pairs can reach.
        minimum_detectable_effect: The true difference found with 80 % power by a paired t-test of this size.
        cost_ratio: Mean forward equivalents of the row over those of the baseline, both of completed runs: one that
            diverged stopped early, which is no saving. None where none completed.
        differs_in: Configuration keys outside ``method`` and ``continuation`` in which row and baseline
            differ, each with the two values: what the difference may owe to something else.
    """

    method: str
    label: str
    pairs: int
    dropped_seeds: tuple[int, ...]
    dropped_baseline_seeds: tuple[int, ...]
    collapsed_seeds: tuple[int, ...]
    collapsed_baseline_seeds: tuple[int, ...]
    unequal_pairs: int
    mean_difference: float | None
    interval: Interval | None
    p_value: float | None
    p_holm: float | None
    beats: bool
    smallest_p: float | None
    minimum_detectable_effect: float | None
    cost_ratio: float | None
    differs_in: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Section:
    """All rows of one data set, model and protocol.

    Attributes:
        dataset: Name of the data set.
        model: Name of the model.
        protocol: What all rows have in common, key to value: the settings of the data set, the batch size, the epochs
            where they are equal, and the gradients of a run.
        label: What of ``protocol`` differs from the other sections of this data set and model; empty for the only one.
        rows: Sorted by falling mean.
        also_differ: Method to key to its values, for keys that differ between the variants of a method
            without being in their labels, because the keys in the labels determine them.
        baseline: What ``comparisons`` compares with, or None.
        no_baseline: Why there is none; empty where there is one.
        comparisons: One per row of another method than the baseline, in the order of the rows.
        code_versions: The versions of the code that made the runs, sorted.
        torch_versions: The versions of PyTorch, sorted.
        processors: The processors, sorted; the last digits of an accuracy differ between them.
        validated_on_test: Whether a run validated on the test split (``dataset.protocol=source``).
        damaged: Folder of a run -> what is wrong with its ``metrics.jsonl``, so that its curve is not drawn.
        unpublished_data: Whether a run read files that are not the published ones, such as re-encoded images.
    """

    dataset: str
    model: str
    protocol: Mapping[str, str]
    label: str
    rows: tuple[Row, ...]
    also_differ: Mapping[str, Mapping[str, tuple[str, ...]]]
    baseline: BaselineChoice | None
    no_baseline: str
    comparisons: tuple[Comparison, ...]
    code_versions: tuple[str, ...]
    torch_versions: tuple[str, ...]
    processors: tuple[str, ...]
    validated_on_test: bool
    damaged: Mapping[str, str]
    unpublished_data: bool


@dataclass(frozen=True)
class Report:
    """Everything that is printed.

    Attributes:
        sections: Sorted by data set and model, of these the largest budget first.
        unusable: Folders that are in no row, and why.
        tests: m, the number of p values that Holm's correction covers.
        tuning_runs: How many runs of searches were left out.
    """

    sections: tuple[Section, ...]
    unusable: tuple[Unusable, ...]
    tests: int
    tuning_runs: int = 0
