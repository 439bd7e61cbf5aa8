"""Processor seconds of the rivals of the curvature learning rate (001, section 9), taken in turns in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time

from reproductions.curvature_source import ROWS
from reproductions.measured_once import measured_once

NAME = "curvature_overhead"

REFERENCE, AGAIN = "constant", "constant, again"
"""What the others are compared with, and a second instance of it, which says how exact the comparison is."""

TURN = 26
"""Steps of a turn: short enough that what else the machine does falls on all alike."""


def measure(results: Path) -> str:
    """Time whole trainings without their evaluations, unless that is done.

    Processor time of one thread, which what else runs lengthens less than time by the clock.

    Args:
        results: Folder of the JSON.

    Returns:
        What is kept.
    """
    return measured_once(results / f"{NAME}.json", lambda: {"seconds": _timed()})


def _timed() -> dict[str, float]:
    import torch

    from homotopy_bench import compose
    from homotopy_bench.training.trainer import Trainer

    torch.set_num_threads(1)
    rows = {one.name: one.overrides for one in ROWS["Base rate 0.01"]}
    rows[AGAIN] = rows[REFERENCE]
    configs = {name: compose(*overrides) for name, overrides in rows.items()}
    splits = configs[REFERENCE].dataset.load(configs[REFERENCE].paths.data_root())
    trainings = {name: Trainer([config], splits) for name, config in configs.items()}
    seconds = dict.fromkeys(rows, 0.0)
    turns = trainings[REFERENCE].total_steps // TURN
    for turn in range(turns):
        order = list(trainings)
        # Nobody always follows the same neighbour into the caches.
        for name in order[turn % len(order) :] + order[: turn % len(order)]:
            seconds[name] += _turn(trainings[name].advance)
    return {name: round(value, 3) for name, value in seconds.items()}


def _turn(advance: Callable[[], object]) -> float:
    begin = process_time()
    for _ in range(TURN):
        advance()
    return process_time() - begin
