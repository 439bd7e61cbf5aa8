"""What studies keep in docs/results, for the claims of the sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from homotopy_bench.core import statistics
from reproductions import (
    convexity_source,
    curvature_estimators,
    curvature_overhead,
    curvature_source,
    hta_functions,
    hta_vgg,
    identity_script,
    identity_source,
    precision_bounds,
    transformer,
)
from reproductions.ledger import Ledger, Training
from reproductions.source_study import PERCENT, SourceStudy
from reproductions.study import Outcome, Study
from reproductions.tuned_study import kept_outcomes

STUDIES: Mapping[str, SourceStudy] = {
    one.name: one
    for one in (
        identity_script.STUDY,
        identity_source.STUDY,
        curvature_source.STUDY,
        hta_vgg.STUDY,
        convexity_source.STUDY,
    )
}
"""Studies of the sources' own experiments, by name."""


class NotMeasured(Exception):
    """Say that a figure is not kept."""


class Kept:
    """Read what is kept below a folder.

    Args:
        results: The folder, docs/results.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._ledger = cache(Ledger)

    def runs(self, study: str, *rows: str) -> list[list[Training]]:
        """Return the reporting runs of rows: of the full protocol where all of them have some, else of the fast one.

        Raises:
            NotMeasured: If neither has runs of all of them.
        """
        own = STUDIES[study]
        for fast in (False, True):
            asked = {one.name: " ".join(one.overrides) for each in own.protocol(fast).rows.values() for one in each}
            file = own.file(self._results, fast).with_suffix(".csv")
            if file.exists():
                ledger = self._ledger(file)
                found = [[one for one in ledger.reports(row) if one.overrides == asked.get(row)] for row in rows]
                if all(found):
                    return found
        raise NotMeasured(f"{study}, {', '.join(rows)}")

    def values(self, study: str, row: str, figure: str = "test_acc") -> list[float]:
        """Return a figure of the runs of a row, by seed.

        Raises:
            NotMeasured: If no run has it.
        """
        return self.paired(study, row, figure=figure)[0]

    def paired(self, study: str, *rows: str, figure: str = "test_acc") -> list[list[float]]:
        """Return a figure of the runs of rows of one protocol, by the seeds that all of them have.

        Raises:
            NotMeasured: If there is no such seed.
        """
        by_seed = [
            {one.seed: value for one in runs if (value := one.figure(figure)) is not None}
            for runs in self.runs(study, *rows)
        ]
        seeds = sorted(set.intersection(*map(set, by_seed)))
        if not seeds:
            raise NotMeasured(f"{study}, {', '.join(rows)}: {figure}")
        return [[of_row[seed] for seed in seeds] for of_row in by_seed]

    def protocol(self, study: str, *rows: str) -> str:
        """Return ``fast protocol`` where only that is measured of these rows and not the source's own, else nothing."""
        overrides = {runs[0].overrides for runs in self.runs(study, *rows)}
        full = {" ".join(one.overrides) for each in STUDIES[study].full.rows.values() for one in each}
        return "" if overrides <= full else "fast protocol"

    def outcomes(self, name: str, study: Study) -> dict[str, list[Outcome]]:
        """Return the outcomes of the rows that a study with a search has in full, by target.

        Raises:
            NotMeasured: If nothing of it is kept.
        """
        return kept_outcomes(study, self._ledger_of(name))

    def functions(self) -> dict[str, Any]:
        """Return the counts and the number of minima of the analytic function.

        Raises:
            NotMeasured: If they are not kept.
        """
        return self._json(hta_functions.NAME)

    def bounds(self) -> list[dict[str, Any]]:
        """Return bounds on bits against measured bits, a row for each pair.

        Raises:
            NotMeasured: If they are not kept.
        """
        rows: list[dict[str, Any]] = self._json(precision_bounds.NAME)["rows"]
        return rows

    def processor_seconds(self) -> dict[str, float]:
        """Return row -> processor seconds of a training with a curvature learning rate, or of a rival.

        Raises:
            NotMeasured: If they are not kept.
        """
        seconds: dict[str, float] = self._json(curvature_overhead.NAME)["seconds"]
        return seconds

    def transformers(self) -> transformer.Runs:
        """Return the runs of the study of warm-up on transformers.

        Raises:
            NotMeasured: If none is kept.
        """
        return transformer.runs_of(self._ledger_of(transformer.NAME))

    def _ledger_of(self, name: str) -> Ledger:
        file = self._results / f"{name}.csv"
        if not file.exists():
            raise NotMeasured(name)
        return self._ledger(file)

    def estimates(self) -> curvature_estimators.Results:
        """Return estimates of the largest curvature beside the true one, along each run of their study.

        Raises:
            NotMeasured: If they are not kept.
        """
        found = curvature_estimators.kept(self._results / curvature_estimators.NAME)
        if not found:
            raise NotMeasured(curvature_estimators.NAME)
        return found

    def _json(self, name: str) -> dict[str, Any]:
        file = self._results / f"{name}.json"
        if not file.exists():
            raise NotMeasured(name)
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return kept

    def landscape_rows(self) -> list[str]:
        """Return the rows of the study of wide networks.

        Raises:
            NotMeasured: If nothing of it is kept.
        """
        return list(self._json("landscape"))

    def landscape(self, row: str, figure: str, split: str) -> dict[str, float]:
        """Return seed, or pair of seeds, -> a figure of the study of wide networks.

        Raises:
            NotMeasured: If it is not kept.
        """
        row_kept = self._json("landscape").get(row, {"runs": [], "pairs": []})
        found = {}
        for one in (*row_kept["runs"], *row_kept["pairs"]):
            value = one["figures"][split].get(figure, {}).get("value", one.get(figure))
            if value is not None:
                found["-".join(map(str, one["seeds"])) if "seeds" in one else str(one["seed"])] = float(value)
        if not found:
            raise NotMeasured(f"landscape, {row}, {split}: {figure}")
        return found


def percent(values: Sequence[float], digits: int = 1) -> str:
    """Return ``mean +- standard deviation %`` of fractions.

    Example:
        >>> percent([0.5, 0.52])
        '51.0 +- 1.4 %'
    """
    return f"{spread([PERCENT * value for value in values], digits)} %"


def spread(values: Sequence[float], digits: int) -> str:
    """Return ``mean +- standard deviation``, or the value of one."""
    deviation = statistics.standard_deviation(values)
    mean = f"{fmean(values):.{digits}f}"
    return mean if deviation is None else f"{mean} +- {deviation:.{digits}f}"


def run_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of Student's t in which one more run would lie.

    Half its length is sqrt(n + 1) times that of the interval of the mean.

    Example:
        >>> [round(bound, 2) for bound in run_interval([1.0, 2.0, 3.0])]
        [-2.97, 6.97]
    """
    interval = statistics.student_interval(values)
    if interval is None:
        return values[0], values[0]
    centre, half = fmean(values), (interval.high - interval.low) / 2.0
    half *= (len(values) + 1) ** 0.5
    return centre - half, centre + half
