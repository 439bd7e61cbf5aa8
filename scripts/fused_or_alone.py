"""Whether training together changes what is reached: the same seeds as one program and one by one, paired.

    python scripts/fused_or_alone.py [--seeds 16] [OVERRIDE ...]

The bits differ by the order of sums, which training amplifies until single runs differ by points; their distribution
must not. Printed are the test accuracies at t = 1, their mean difference, and a paired test.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev

from homotopy_bench import compose, train, train_many
from homotopy_bench.core import statistics
from homotopy_bench.runs.job import Result


def main() -> None:
    """Train every seed twice and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=16, choices=range(2, 1001), metavar="N", help="seeds 0, 1, ...")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every run")
    arguments = parser.parse_intermixed_args()
    configs = [compose(*arguments.overrides, f"seed={seed}") for seed in range(arguments.seeds)]
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(seed) for seed in range(arguments.seeds)]
        together = accuracies(train_many(configs, folders, probe=False))
        alone = accuracies(train(one, folder / "alone") for one, folder in zip(configs, folders, strict=True))
    print("seed  together  alone")
    for seed, (a, b) in enumerate(zip(together, alone, strict=True)):
        print(f"{seed:4d} {a:9.2%} {b:6.2%}")
    print(f"mean {fmean(together):9.2%} {fmean(alone):6.2%}")
    differences = [100 * (a - b) for a, b in zip(together, alone, strict=True)]
    found = statistics.minimum_detectable_effect(differences)
    print(
        f"difference {fmean(differences):+.2f} +- {stdev(differences):.2f} points (mean and standard deviation over "
        f"{arguments.seeds} seeds), Wilcoxon p = {statistics.wilcoxon_p(differences):.2f}, "
        + ("all are equal" if found is None else f"a mean difference of {found:.2f} points would be found")
    )


def accuracies(results: Iterable[Result]) -> list[float]:
    """Return the test accuracies at t = 1 after the last step."""
    return [result.summary["final"]["test_acc_target"] for result in results]


if __name__ == "__main__":
    main()
