"""A kill at any system call that changes the disk leaves nothing yet, or what can be continued to the same bits.

Here a chain of kills for a run and one for a multirun; ``python scripts/kill.py`` kills at every call, over all
methods, trackers and studies.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.cli.kill_campaign import MULTIRUN, RUN, Command, kill_and_continue, reference
from tests.servers import needed


@pytest.mark.parametrize("command", [RUN, MULTIRUN], ids=["run", "multirun"])
def test_a_chain_of_kills_changes_nothing(command: Command, tmp_path: Path) -> None:
    needed("strace", None if shutil.which("strace") else "not installed")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    undisturbed.mkdir()
    killed.mkdir()
    counts = reference(command, undisturbed)
    draw = random.Random(0)
    # Of every kind of call one early and one late; a continuation makes fewer of them, and may end before. Late in a
    # multirun its second run is killed.
    parts = (4, 1) if command is RUN else (2,)
    moments = [(call, draw.randint(1, max(counts[call] // part, 1))) for part in parts for call in counts]
    assert kill_and_continue(command, killed, iter(moments), undisturbed) >= len(moments) // 2
