"""Timing contenders fairly on a noisy machine: round by round in one process, medians, and ratios of medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

SLICES = 8
"""Turns that every contender takes in a round: disturbances longer than a turn then hit all of them alike."""


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int, slices: int = SLICES) -> dict[str, float]:
    """Time every contender in each round, in short turns, after one untimed turn each.

    Args:
        contenders: Name -> work of one turn, some tenths of a second.
        rounds: Number of timed rounds.
        slices: Turns of each in a round, fewer where a turn takes seconds.

    Returns:
        Name -> median over the rounds of the mean seconds of a turn.
    """
    names = list(contenders)
    for work in contenders.values():
        work()
    means: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        seconds = dict.fromkeys(names, 0.0)
        for turn in range(slices):
            # The order moves on by one each turn, so that no contender always follows the same one.
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                begin = time.perf_counter()
                contenders[name]()
                seconds[name] += time.perf_counter() - begin
        for name in names:
            means[name].append(seconds[name] / slices)
    return {name: statistics.median(values) for name, values in means.items()}
