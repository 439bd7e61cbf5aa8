"""Kill small runs, multiruns and studies at system calls, continue them, and compare every bit with undisturbed ones.

First at every rename, fsync, write, unlink, truncate and mkdir of a run, of its continuation, and of a multirun; then
at calls drawn at random over all methods, trackers and studies, each followed by a second kill. A kill comes at the
entry of the call (strace), so that the call before it is the last that reached the disk.

    python scripts/kill.py --kills 200 [--only every|random] [--seed 0] [--json FILE]

Needs strace and the development environment. Ends with exit code 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.kill_campaign import Command

Moment = tuple[str, int]
"""A system call and its number."""


def main() -> int:
    """Run the campaign and print a line per command.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many, at least")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--only", choices=["every", "random"], help="one of the two parts")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.cli.kill_campaign import MULTIRUN, RUN, commands, kill_and_continue, reference

    kills: Counter[str] = Counter()
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        counts: dict[Command, Counter[str]] = {}

        def undisturbed(command: Command) -> Path:
            folder = base / str(abs(hash(command)))
            if command not in counts:
                folder.mkdir()
                counts[command] = reference(command, folder)
            return folder

        def attack(what: str, command: Command, moments: list[Moment]) -> None:
            kept = undisturbed(command)
            with tempfile.TemporaryDirectory() as attempt:
                try:
                    kills[what] += kill_and_continue(command, Path(attempt), iter(moments), kept)
                except AssertionError as error:
                    lost.append(f"{what}, {moments}: {str(error)[:500]}")
                    print(f"LOST  {lost[-1]}", flush=True)

        if asked.only != "random":
            for what, command in (("every call of a run", RUN), ("every call of a multirun", MULTIRUN)):
                undisturbed(command)
                for moment in every(counts[command]):
                    attack(what, command, [moment])
                print(f"{kills[what]:5d} kills at {what}", flush=True)
            what, middle = "every call of a continuation", ("fsync", counts[RUN]["fsync"] // 2)
            for moment in every(counts[RUN]):
                attack(what, RUN, [middle, moment])
            print(f"{kills[what]:5d} kills at {what}, each after one of the run", flush=True)

        draw, named = random.Random(asked.seed), commands()
        for what, command in itertools.cycle(named.items() if asked.only != "every" else ()):
            if kills.total() >= asked.kills and all(kills[name] for name in named):
                break
            undisturbed(command)
            attack(what, command, [draw.choice(list(every(counts[command]))) for _ in range(2)])
        for what in filter(kills.get, named):
            print(f"{kills[what]:5d} kills of {what}")
    print(f"{kills.total()} kills, {len(lost)} losses")
    if asked.json:
        asked.json.write_text(json.dumps({"kills": kills, "total": kills.total(), "lost": lost}, indent=2) + "\n")
    return 1 if lost else 0


def every(counts: Counter[str]) -> Iterator[Moment]:
    """Return every moment there is."""
    return ((call, number) for call in sorted(counts) for number in range(1, counts[call] + 1))


if __name__ == "__main__":
    sys.exit(main())
