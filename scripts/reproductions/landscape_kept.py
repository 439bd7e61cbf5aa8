"""Keep the figures of the study of wide networks as a CSV: a line for every run or pair, split and figure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from homotopy_bench.analysis.finished import FinishedRun
from homotopy_bench.analysis.pairs import PairFigure
from homotopy_bench.analysis.survey import Figure
from homotopy_bench.core.files import write_atomically


@dataclass(frozen=True)
class Kept:
    """Hold a figure of a run, or of two.

    Attributes:
        row: Name of the row.
        seeds: Seed of the run, or seeds of the pair as ``0-1``.
        split: ``train`` or ``test``.
        figure: Its name.
        value: Its value.
    """

    row: str
    seeds: str
    split: str
    figure: str
    value: float


def of_study(
    finished: Mapping[str, Sequence[FinishedRun]],
    figures: Sequence[Figure],
    pairs: Mapping[str, Sequence[PairFigure]],
) -> list[Kept]:
    """Return all figures of a study that have a value, with the runs' test accuracies and losses."""
    names = {run.folder: name for name, own in finished.items() for run in own}
    kept = []
    for row, own in finished.items():
        for run in own:
            final = json.loads((run.folder / "summary.json").read_text(encoding="utf-8"))["final"]
            kept += [
                Kept(row, str(run.config.seed), "test", name, final[f"{name}_target"])
                for name in ("test_acc", "test_loss")
            ]
    kept += [
        Kept(names[one.run.folder], str(one.run.config.seed), one.split, one.name, one.entry["value"])
        for one in figures
        if one.entry.get("value") is not None
    ]
    for row, between in pairs.items():
        kept += [
            Kept(row, f"{one.first.config.seed}-{one.second.config.seed}", one.split, one.name, one.entry["value"])
            for one in between
            if one.entry.get("value") is not None
        ]
    return kept


def write(file: Path, kept: Sequence[Kept]) -> None:
    """Write figures."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Kept)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(one) for one in kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, text.getvalue().encode())


def read(file: Path) -> list[Kept]:
    """Return what a file has."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [Kept(**{**line, "value": float(line["value"])}) for line in csv.DictReader(lines)]  # type: ignore[arg-type]
