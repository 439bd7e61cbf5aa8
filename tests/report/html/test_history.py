"""Means over the evaluations of runs."""

from __future__ import annotations

from homotopy_bench.report.html.history import Evaluation, History, mean_history


def test_an_epoch_is_exactly_that_of_the_runs() -> None:
    at = Evaluation(epoch=0.05, gradients=1.0, forward_equivalents=3.0, seconds=0.5, t=0.0, target=0.1, path=0.2)
    runs = [History(seed, diverged=False, evaluations=(at._replace(target=0.25 * seed),)) for seed in range(3)]
    (mean,) = mean_history(runs)
    assert mean.epoch == 0.05 != sum([0.05] * 3) / 3
    assert mean.target == 0.25
