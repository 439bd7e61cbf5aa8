"""Keep the trainings of a study as a CSV: a line each, so that tables can be made and studies go on without records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.path_lock import path_lock

Purpose = Literal["tuning", "report"]

NONE: Mapping[str, float] = {}


@dataclass(frozen=True)
class Training:
    """Hold what a study keeps of a training.

    Attributes:
        row: Name of the contender.
        purpose: ``tuning`` or ``report``.
        seed: Seed of the run.
        overrides: The configuration without the seed, as on the command line.
        status: ``completed`` or ``diverged``.
        val_acc: Validation accuracy at t = 1 after the last step, a fraction.
        test_acc: Test accuracy there; None in tuning, which must not look at it.
        path_test_acc: Test accuracy where validation was best at any t, another network; None without a path.
        gradients: Gradient evaluations.
        forward_equivalents: Cost in forward passes of a batch.
        seconds: Seconds of training; of members that trained together, their share.
        code: Version of the code.
        torch: Version of torch.
        processor: Name of the processor: on another one last digits differ.
        figures: What the study keeps besides, as ``name=value name=value``.
    """

    row: str
    purpose: Purpose
    seed: int
    overrides: str
    status: str
    val_acc: float
    test_acc: float | None
    path_test_acc: float | None
    gradients: int
    forward_equivalents: float
    seconds: float
    code: str
    torch: str
    processor: str
    figures: str = ""

    @classmethod
    def of(
        cls,
        row: str,
        purpose: Purpose,
        overrides: str,
        seed: int,
        summary: Mapping[str, Any],
        figures: Mapping[str, float] = NONE,
    ) -> Training:
        """Return what is kept of a run: of its ``summary.json``, and what its study takes out of the record."""
        final, path, cost = summary["final"], summary["best_on_path"], summary["cost"]
        return cls(
            row=row,
            purpose=purpose,
            seed=seed,
            overrides=overrides,
            status=summary["status"],
            val_acc=round(final["val_acc_target"], DIGITS),
            test_acc=round(final["test_acc_target"], DIGITS) if purpose == "report" else None,
            path_test_acc=round(path["test_acc_path"], DIGITS) if purpose == "report" and path else None,
            gradients=cost["gradient_evaluations"],
            forward_equivalents=cost["forward_equivalents"],
            seconds=round(cost["train_seconds"], 2),
            code=summary["code_version"],
            torch=summary["environment"]["torch"],
            processor=summary["environment"]["processor"],
            figures=" ".join(f"{name}={value:.{DIGITS}g}" for name, value in figures.items()),
        )

    def figure(self, name: str) -> float | None:
        """Return one of :attr:`figures`, or a column of numbers; None where it is not kept."""
        value = self._kept().get(name, getattr(self, name, None))
        return None if value is None else float(value)

    def names(self) -> list[str]:
        """Return the names of :attr:`figures`, in order."""
        return list(self._kept())

    def _kept(self) -> dict[str, str]:
        return dict(word.split("=", 1) for word in self.figures.split())


DIGITS = 6
"""A millionth is less than one sample of any data set here."""

_Key = tuple[str, str, int, str]


class Ledger:
    """Hold the trainings of a study and write each addition to its file at once.

    Several threads and several processes may add.
    """

    def __init__(self, file: Path) -> None:
        """Read the file, if there is one.

        Raises:
            SystemExit: If it is not a ledger.
        """
        self._file = file
        self._lock = path_lock(file)
        self._kept = self._read()

    def find(self, row: str, purpose: Purpose, seed: int, overrides: str) -> Training | None:
        """Return a training, or None if it has not been done."""
        return self._kept.get((row, purpose, seed, overrides))

    def reports(self, row: str) -> list[Training]:
        """Return the reporting runs of a row, by seed."""
        found = [one for one in self._kept.values() if (one.row, one.purpose) == (row, "report")]
        return sorted(found, key=lambda one: one.seed)

    def rows(self) -> list[str]:
        """Return the names of the rows that have reporting runs, in the order of the file."""
        return list(dict.fromkeys(one.row for one in self._kept.values() if one.purpose == "report"))

    def add(self, trainings: Iterable[Training]) -> None:
        """Keep trainings."""
        with self._lock:
            self._kept = self._read() | self._kept | {_key(one): one for one in trainings}
            text = io.StringIO()
            writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(one) for one in self._kept.values())
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, text.getvalue().encode())

    def _read(self) -> dict[_Key, Training]:
        if not self._file.exists():
            return {}
        lines = csv.DictReader(io.StringIO(self._file.read_text(encoding="utf-8")))
        if lines.fieldnames not in (COLUMNS, COLUMNS[: COLUMNS.index("figures")]):
            raise SystemExit(f"{self._file}: accepted: a CSV with the columns {', '.join(COLUMNS)}")
        return {_key(one): one for one in map(_read, lines)}


def made_by(command: str, trainings: Iterable[Training]) -> Iterator[str]:
    """Yield the last lines of a page: the command, and the code, torch and processors that its trainings had."""
    made = sorted({f"{one.code}, torch {one.torch}, {one.processor}" for one in trainings})
    yield from ("", "## Made by", "", f"    {command}")
    if made:
        yield from ("", f"Code {'; '.join(made)}. Trainings: the CSV of this name.")


COLUMNS = [field.name for field in fields(Training)]


def _key(training: Training) -> _Key:
    return training.row, training.purpose, training.seed, training.overrides


def _read(line: Mapping[str, str]) -> Training:
    values: dict[str, Any] = dict(line)
    for name in ("seed", "gradients"):
        values[name] = int(values[name])
    for name in ("val_acc", "forward_equivalents", "seconds"):
        values[name] = float(values[name])
    for name in ("test_acc", "path_test_acc"):
        values[name] = float(values[name]) if values[name] else None
    return Training(**values)
