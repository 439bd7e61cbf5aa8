"""Check what the jobs of a multirun are made from, before all of them are written out, and write them out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep

from homotopy_bench.core.errors import InputError

MOST_JOBS = 100_000
"""Largest number of jobs of a multirun: each is composed, and held in memory, before the first begins."""


def check_grid(overrides: Sequence[str]) -> None:
    """Check that the sweeps among overrides stand for at least one job, and for no more than can be held.

    Args:
        overrides: Those of the command line, without its flags.

    Raises:
        InputError: At the first sweep that stands for none, or with which there are too many.
    """
    study = any(one.lstrip("+").startswith(("sweep=", "hydra/sweeper=")) for one in overrides)
    jobs = 1
    for one in OverridesParser.create().parse_overrides(list(overrides)):
        sweep, key, written = one.value(), one.get_key_element(), (one.input_line or "").partition("=")[2]
        if isinstance(sweep, IntervalSweep) and not study:
            accepted = "accepted: choice(a,b) or range(a,b); a study with hydra/sweeper=optuna searches an interval"
            raise InputError(key, written, accepted)
        try:
            jobs *= _size(one)
        except ValueError as error:
            raise InputError(key, written, f"{error}; accepted: 1 to {MOST_JOBS} values") from None
        if jobs > MOST_JOBS and not study:
            raise InputError(key, written, f"these are {jobs} jobs; accepted: at most {MOST_JOBS}")


def grid_jobs(hydra: Mapping[Any, Any], loader: ConfigLoader) -> list[list[str]]:
    """Return the overrides of every job of a multirun, in order; none where only its sweeper knows them.

    Args:
        hydra: The section ``hydra`` of its configuration.
        loader: Knows the choices that a ``glob`` stands for.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    sweeper = hydra.get("sweeper", {})
    if sweeper.get("_target_", "").rpartition(".")[2] != BasicSweeper.__name__:
        return []
    asked = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    overrides = OverridesParser.create(loader).parse_overrides([*asked, *hydra["overrides"]["task"]])
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    return jobs


def range_size(sweep: RangeSweep) -> int:
    """Return the number of values of a range, without going through them.

    Raises:
        ValueError: If there are none, or more than :data:`MOST_JOBS`.
    """
    start, stop, step = (float(number or 0) for number in (sweep.start, sweep.stop, sweep.step))
    if step == 0.0 or not all(map(math.isfinite, (start, stop, step))):
        raise ValueError("a range without end")
    size = (stop - start) / step
    if size <= 0.0:
        raise ValueError("an empty range")
    if size > MOST_JOBS:
        raise ValueError(f"a range of {size:.3g} values")
    return math.ceil(size)


def _size(override: Override) -> int:
    sweep = override.value()
    if isinstance(sweep, RangeSweep):
        return range_size(sweep)
    return len(sweep.list) if isinstance(sweep, ChoiceSweep) else 1
