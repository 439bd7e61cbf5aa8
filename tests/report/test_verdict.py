"""What a verdict claims is right 95 times in 100, and it names its numbers, its pairs, its cost and collapsed seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from homotopy_bench.report import Report, Run, build_report, read_runs, to_dict
from homotopy_bench.report.verdict import verdicts
from tests.report.conftest import write_run

GAINS = (0.01, 0.02, 0.03, 0.01, 0.02, 0.03, 0.015, 0.025)
ACCURACIES = (0.50, 0.52, 0.54, 0.51, 0.53, 0.50, 0.52, 0.54)


def verdicts_on(root: Path, gains: tuple[float, ...], **options: Any) -> list[str]:
    for seed, (accuracy, gain) in enumerate(zip(ACCURACIES, gains, strict=False)):
        write_run(root / f"b{seed}", seed=seed, acc=accuracy)
        write_run(root / f"h{seed}", seed=seed, acc=accuracy + gain, method="hta", **options)
    found: list[str] = to_dict(build_report(read_runs([root])))["verdicts"]
    return found


def test_a_gain_of_every_pair_beats_the_baseline(tmp_path: Path) -> None:
    low, high = (100 * end for end in stats.ttest_1samp(GAINS, 0.0).confidence_interval(0.95))
    expected = f"hta beats baseline: +2.00 points [+{low:.2f}, +{high:.2f}], 8 pairs, equal cost."
    assert verdicts_on(tmp_path, GAINS) == [expected]


def test_a_loss_and_its_cost_are_told(tmp_path: Path) -> None:
    (verdict,) = verdicts_on(tmp_path, tuple(-gain for gain in GAINS), products=3000)
    assert verdict.startswith("hta does not beat baseline: -2.00 points [-2.")
    assert verdict.endswith("], 8 pairs, 1.50 times the cost.")


def test_few_pairs_prove_nothing_however_large_the_gain(tmp_path: Path) -> None:
    (verdict,) = verdicts_on(tmp_path, (0.30, 0.31, 0.32))
    assert verdict.startswith("hta is not shown to beat baseline: +31.00 points [+")
    assert verdict.endswith("], 3 pairs, equal cost; 3 pairs cannot give p <= 0.05.")


def test_one_pair_has_no_interval(tmp_path: Path) -> None:
    assert verdicts_on(tmp_path, (-0.1,)) == ["hta does not beat baseline: -10.00 points, 1 pair, equal cost."]


def test_equal_runs_are_equal(tmp_path: Path) -> None:
    assert verdicts_on(tmp_path, (0.0,) * 8) == ["hta equals baseline in all 8 pairs, equal cost."]


def test_collapsed_seeds_are_named(tmp_path: Path) -> None:
    gains = (*GAINS[:6], -0.42, 0.025)
    (verdict,) = verdicts_on(tmp_path, gains)
    assert verdict.endswith("; collapsed: its own seed 6, which no interval covers.")
    (section,) = build_report(read_runs([tmp_path])).sections
    assert {row.method: row.collapsed_seeds for row in section.rows} == {"hta": (6,), "baseline": ()}


METHODS, SEEDS, STUDIES = 4, 10, 2000


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return generator.normal(0.6, 0.02, shape)


def skewed(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return 0.7 - generator.exponential(0.02, shape)


def collapsing(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.where(generator.random(shape) < 0.1, 0.1, normal(generator, shape))


def study(test: NDArray[np.float64], validation: NDArray[np.float64], baselines: int) -> Report:
    """The report of a study: rows x seeds of test and validation accuracies, baselines first."""
    runs = [
        Run(
            path=Path(f"{row}-{seed}"),
            modified=0,
            status="completed",
            dataset="d",
            model="m",
            method="baseline" if row < baselines else f"method {row}",
            seed=seed,
            config={"model": {"init": row}} if row < baselines else {},
            test_acc=float(test[row, seed]),
            val_acc=float(validation[row, seed]),
        )
        for row in range(test.shape[0])
        for seed in range(test.shape[1])
    ]
    return build_report(runs)


@pytest.mark.parametrize("baselines", [1, 3])
@pytest.mark.parametrize("draw", [normal, skewed, collapsing])
def test_at_most_5_percent_of_studies_without_an_effect_claim_one(draw: Any, baselines: int) -> None:
    # All rows are the same method. They share the seed's luck, and validation shares the luck of the test.
    generator = np.random.default_rng(baselines)
    shape = (STUDIES, baselines + METHODS, SEEDS)
    test = np.clip(draw(generator, shape) + generator.normal(0.0, 0.01, (STUDIES, 1, SEEDS)), 0.0, 1.0).round(3)
    validation = np.clip(test + generator.normal(0.0, 0.01, shape), 0.0, 1.0)
    chosen = validation[:, :baselines].mean(axis=2).argmax(axis=1)
    differences = test[:, baselines:] - test[np.arange(STUDIES), chosen][:, None]
    # A claim takes an interval above zero: only the reports of studies that have one need to be made.
    t = np.asarray(stats.ttest_1samp(differences, 0.0, axis=2).statistic)
    suspects = np.flatnonzero(np.any(t > stats.t.ppf(0.975, SEEDS - 1), axis=1))
    assert len(suspects) > 20
    claims = 0
    for index in suspects:
        (section,) = study(test[index], validation[index], baselines).sections
        claimed = any(" beats " in sentence for sentence in verdicts(section))
        assert claimed == any(one.beats for one in section.comparisons)
        claims += claimed
    assert claims / STUDIES <= 0.05
