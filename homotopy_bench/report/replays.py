"""Tell controls apart by the runs whose learning rates they replay.

A control names the folder of one run, which has a seed: its rows are those of controls of equal settings of that run.
Where it is not in the report, the other runs in the same folder tell, if they agree; else the folder does. No path is
left in the settings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from homotopy_bench.report.runs import Run

REPLAYED = "lr_schedule.run"
"""Key of the folder of a run whose learning rates are replayed."""


def name_sources(read: Sequence[tuple[Run, dict[str, str]]]) -> None:
    """Put what tells the replayed run's settings in the place of its folder.

    Args:
        read: Runs with their settings, dotted key -> JSON text, which are changed.
    """
    known: dict[Path, str] = {}
    waiting = {number: folder for number, (_, own) in enumerate(read) if isinstance(folder := _folder(own), str)}
    if waiting:  # most reports have no control, and then no folder is looked up
        _note(known, [pair for number, pair in enumerate(read) if number not in waiting])
    while waiting:
        unnamed = {_place(str(read[number][0].path)) for number in waiting}
        # Controls of controls come after these; of a circle all at once.
        ready = [number for number, folder in waiting.items() if _place(folder) not in unnamed] or list(waiting)
        beside: dict[Path, set[str]] = {}
        for place, digest in known.items():
            beside.setdefault(place.parent, set()).add(digest)
        for number in ready:
            read[number][1][REPLAYED] = json.dumps(_source(waiting.pop(number), known, beside))
        _note(known, [read[number] for number in ready])


def _folder(settings: Mapping[str, str]) -> object:
    return json.loads(settings.get(REPLAYED, "null"))


def _note(known: dict[Path, str], read: Sequence[tuple[Run, dict[str, str]]]) -> None:
    """Add the digests of runs by their places."""
    known |= {place: _digest(run, own) for run, own in read if (place := _place(str(run.path))) is not None}


def _source(folder: str, known: Mapping[Path, str], beside: Mapping[Path, set[str]]) -> str:
    place = _place(folder)
    if place is not None and place in known:
        return known[place]
    others = set() if place is None else beside.get(place.parent, set())
    return next(iter(others)) if len(others) == 1 else f"another {_four_digits(folder.rpartition('/')[0])}"


def _place(text: str) -> Path | None:
    """Return the folder of a name; None for one that no folder can have."""
    try:
        return Path(text).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _digest(run: Run, settings: Mapping[str, str]) -> str:
    """Return the method of a run and four digits that name all its settings but the seed."""
    return f"{run.method} {_four_digits(json.dumps(sorted(settings.items())))}"


def _four_digits(text: str) -> str:
    return sha256(text.encode(errors="backslashreplace")).hexdigest()[:4]
