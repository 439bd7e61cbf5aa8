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

    def runs(self, study: str, row: str) -> list[Training]:
        """Return the reporting runs of a row: of the full protocol where there are any, else of the fast one.

        Raises:
            NotMeasured: If there is none.
        """
        own = STUDIES[study]
        for fast in (False, True):
            asked = {one.name: " ".join(one.overrides) for rows in own.protocol(fast).rows.values() for one in rows}
            file = own.file(self._results, fast).with_suffix(".csv")
            if row in asked and file.exists():
                found = [one for one in self._ledger(file).reports(row) if one.overrides == asked[row]]
                if found:
                    return found
        raise NotMeasured(f"{study}, {row}")

    def values(self, study: str, row: str, figure: str = "test_acc") -> list[float]:
        """Return a figure of the runs of a row, by seed.

        Raises:
            NotMeasured: If no run has it.
        """
        values = [value for one in self.runs(study, row) if (value := one.figure(figure)) is not None]
        if not values:
            raise NotMeasured(f"{study}, {row}: {figure}")
        return values

    def protocol(self, study: str, row: str) -> str:
        """Return ``fast protocol`` where only that is measured and it is not the source's own, else nothing."""
        own = STUDIES[study]
        (overrides,) = {one.overrides for one in self.runs(study, row)}
        full = {" ".join(one.overrides) for rows in own.full.rows.values() for one in rows if one.name == row}
        return "" if overrides in full else "fast protocol"

    def outcomes(self, name: str, study: Study) -> dict[str, list[Outcome]]:
        """Return the outcomes of the rows that a study with a search has in full, by target.

        Raises:
            NotMeasured: If nothing of it is kept.
        """
        file = self._results / f"{name}.csv"
        if not file.exists():
            raise NotMeasured(name)
        return kept_outcomes(study, self._ledger(file))

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
