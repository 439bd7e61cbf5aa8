"""Check what the jobs of a multirun are made from, before all of them are written out, and write them out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep

from homotopy_bench.core.errors import InputError

STUDY = ("sweep", "hydra/sweeper")
"""The groups that make a multirun a study."""

MOST_JOBS = 100_000
"""Largest number of jobs of a multirun: each is composed, and held in memory, before the first begins."""


def check_grid(overrides: Sequence[str]) -> None:
    """Check that the sweeps among overrides stand for jobs, the same each time, and for no more than can be held.

    Args:
        overrides: Those of the command line, without its flags.

    Raises:
        InputError: At the first sweep that stands for none, for another order each time or for several studies, or
            with which there are too many.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    study = any(one.key_or_group in STUDY for one in parsed)
    jobs = 1
    for one in parsed:
        sweep, key, written = one.value(), one.get_key_element(), (one.input_line or "").partition("=")[2]
        if one.key_or_group in STUDY and one.is_sweep_override():
            raise InputError(key, written, "accepted: one study at a time")
        if isinstance(sweep, ChoiceSweep | RangeSweep) and sweep.shuffle and not study:
            accepted = "resume= would continue with the jobs in another order; accepted: the same without shuffle(...)"
            raise InputError(key, written, accepted)
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
    if (stop - start) / step > MOST_JOBS:
        raise ValueError(f"a range of {(stop - start) / step:.3g} values")
    size = math.ceil((as_written(stop) - as_written(start)) / as_written(step))
    if size <= 0:
        raise ValueError("an empty range")
    return size


def as_written(number: float | Decimal) -> Decimal:
    """Return a number as its decimal digits say it, without the rounding of its binary form.

    Example:
        >>> 3 * as_written(0.3), 3 * 0.3
        (Decimal('0.9'), 0.8999999999999999)
    """
    return Decimal(str(number))


def _size(override: Override) -> int:
    sweep = override.value()
    if isinstance(sweep, RangeSweep):
        return range_size(sweep)
    return len(sweep.list) if isinstance(sweep, ChoiceSweep) else 1
