"""Studies of what a source did, with the source's own settings: rows without a search, all kept in a CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from homotopy_bench.core import statistics
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered
from homotopy_bench.tracking.record import read_metrics
from reproductions.ledger import NONE, Ledger, Training, made_by
from reproductions.plan import Plan, Refused
from reproductions.search import Budget, Contender
from reproductions.study import PART, Figures, Train, Trainings, carry_out, processes, together

PERCENT = 100.0

NO_SEARCH = Budget(settings=1, finalists=1, seeds=0)

Rows = Mapping[str, tuple[Contender, ...]]
"""What rows have in common -> the rows."""

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Mapping[str, Sequence[Training]]], "Figure"]
"""From row -> reporting runs to a picture."""


@dataclass(frozen=True)
class Protocol:
    """Hold how a study is carried out: in full, or as far as two cores go in minutes.

    Attributes:
        rows: What is trained.
        seeds: Runs of each row, with seeds 0, 1, ...
        about: What the page says of the settings.
    """

    rows: Rows
    seeds: int
    about: str

    def names(self) -> list[str]:
        """Return the names of all rows."""
        return [one.name for own in self.rows.values() for one in own]


@dataclass(frozen=True)
class SourceStudy:
    """Describe the experiment of a source.

    Attributes:
        name: Name of its files.
        title: Heading of its page.
        full: The source's own protocol.
        fast: The one of ``--fast``; the full one where that takes minutes.
        figures: What is kept of a record besides the accuracies.
        shown: Name of a kept figure -> its column in the table.
        part: Runs of one program; 1 where seconds or memory matter.
        train: How they train.
        draw: A picture for the page.
    """

    name: str
    title: str
    full: Protocol
    fast: Protocol
    figures: Figures = lambda _, __: NONE
    shown: Mapping[str, str] = field(default_factory=dict)
    part: int = PART
    train: Train = together
    draw: Draw | None = None

    def protocol(self, fast: bool) -> Protocol:
        """Return one of the two protocols."""
        return self.fast if fast else self.full

    def file(self, results: Path, fast: bool) -> Path:
        """Return the page of a protocol below a folder; the CSV of its trainings has the same name."""
        short = fast and self.fast is not self.full
        return results / f"{self.name}{'_fast' if short else ''}.md"


def measure(study: SourceStudy, plan: Plan, page: Path) -> str:
    """Train what is missing of a study, and write its page from what its CSV has.

    Args:
        study: The study.
        plan: How much of it.
        page: File of the page; the CSV and the picture lie beside it.

    Returns:
        The page.

    Raises:
        Refused: If a row does not exist, or the overrides leave nothing that tells two rows apart.
    """
    protocol = study.protocol(plan.fast)
    names = plan.chosen(protocol.names())
    chosen = [
        Contender(one.name, (*one.overrides, *plan.overrides), ())
        for own in protocol.rows.values()
        for one in own
        if one.name in names
    ]
    alike: dict[frozenset[tuple[str, str]], str] = {}
    for one in chosen:
        settings = dict(word.lstrip("+~").split("=", 1) for word in one.overrides)
        other = alike.setdefault(frozenset(settings.items()), one.name)
        if other != one.name:
            told = f"rows {other} and {one.name} are the same with it; accepted: other overrides, or --only one of them"
            raise Refused(f"{' '.join(plan.overrides)}: {told}")
    ledger = Ledger(page.with_suffix(".csv"))
    try:
        with processes(plan.processes, study.train) as train:
            folder = plan.outputs / study.file(Path(), plan.fast).stem
            trainings = Trainings(ledger, folder, train, study.figures, study.part)
            # Rows take turns, so that no process is idle while another does the last row.
            for _ in carry_out(chosen, trainings, NO_SEARCH, plan.seeds or protocol.seeds, len(chosen)):
                pass
    finally:
        text = write_page(study, plan.fast, ledger, page, plan.overrides)
    return text


def write_page(study: SourceStudy, fast: bool, ledger: Ledger, page: Path, overrides: tuple[str, ...] = ()) -> str:
    """Write the page and the picture of what a ledger has.

    Args:
        study: The study.
        fast: Whether the fast protocol.
        ledger: Its trainings.
        page: File of the page.
        overrides: Those of every training.

    Returns:
        The page.
    """
    protocol = study.protocol(fast)
    asked = {one.name: " ".join((*one.overrides, *overrides)) for own in protocol.rows.values() for one in own}
    every = {name: [one for one in ledger.reports(name) if one.overrides == own] for name, own in asked.items()}
    kept = {name: runs for name, runs in every.items() if runs}
    picture = None
    if study.draw is not None and kept:
        picture = page.with_suffix(".png")
        page.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(picture, rendered(study.draw(kept)))
    short = ("--fast",) if fast and study.fast is not study.full else ()
    command = " ".join(("python scripts/reproduce.py", study.name, *short, *overrides))
    text = "\n".join(_lines(study, protocol, kept, picture, command)) + "\n"
    write_atomically(page, text.encode())
    return text


def _lines(
    study: SourceStudy, protocol: Protocol, kept: Mapping[str, Sequence[Training]], picture: Path | None, command: str
) -> Iterator[str]:
    yield from (f"# {study.title}", "", protocol.about, "")
    yield (
        "Test accuracy in percent after the last step, of the target network (t = 1), with the 95 % interval of its "
        "mean by Student's t. Means over the seeds otherwise. Seconds are of one thread, beside whatever else ran."
    )
    waiting = [name for name in protocol.names() if len(kept.get(name, ())) < protocol.seeds]
    if waiting:
        counts = ", ".join(f"{name} ({len(kept.get(name, ()))} of {protocol.seeds} seeds)" for name in waiting)
        yield from ("", f"Not measured yet, or in part: {counts}.")
    for target, rows in protocol.rows.items():
        if not any(one.name in kept for one in rows):
            continue
        yield from ("", f"## {target}", "")
        yield "| ".join(
            ("| row ", "seeds ", "mean ", "std ", "95 % interval ", "by seed ", "diverged ",
             *(f"{title} " for title in study.shown.values()), "gradients ", "forward equivalents ", "seconds |")
        )  # fmt: skip
        yield "|---|" + "---:|" * (9 + len(study.shown))
        yield from (_row(study, one.name, kept[one.name]) for one in rows if one.name in kept)
    if picture is not None:
        yield from ("", f"![{study.title}]({picture.name})")
    yield from ("", "## Settings", "", "| row | overrides |", "|---|---|")
    yield from (f"| {name} | `{runs[0].overrides}` |" for name, runs in kept.items())
    yield from made_by(command, [one for runs in kept.values() for one in runs])


def _row(study: SourceStudy, name: str, runs: Sequence[Training]) -> str:
    accuracies = [one.test_acc for one in runs if one.test_acc is not None]
    interval = statistics.student_interval(accuracies)
    spread = statistics.standard_deviation(accuracies)
    figures = [[value for one in runs if (value := one.figure(key)) is not None] for key in study.shown]
    cells = [
        name.replace("_", " "),
        str(len(runs)),
        f"**{PERCENT * fmean(accuracies):.2f}**",
        "-" if spread is None else f"{PERCENT * spread:.2f}",
        "-" if interval is None else f"[{PERCENT * interval.low:.2f}, {PERCENT * interval.high:.2f}]",
        " ".join(f"{PERCENT * value:.1f}" for value in accuracies),
        str(sum(one.status == "diverged" for one in runs)),
        *("" if not values else f"{fmean(values):.3g}" for values in figures),
        f"{fmean(one.gradients for one in runs):,.0f}",
        f"{fmean(one.forward_equivalents for one in runs):,.0f}",
        f"{fmean(one.seconds for one in runs):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's metrics."""
    return list(read_metrics(folder / "metrics.jsonl"))


def highest(lines: Sequence[Mapping[str, Any]], key: str) -> float | None:
    """Return the largest value of a key over evaluations; None where no line has it."""
    return max((line[key] for line in lines if line.get(key) is not None), default=None)
