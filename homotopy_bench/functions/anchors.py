"""Anchors: where each start's anchored coordinates are held, by a rule."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.base import Array

Anchor = float | Literal["start", "random"]
"""The value x0 of every coordinate; or each start's own coordinates; or coordinates drawn for each start."""

ACCEPTED = "accepted: a finite number, start or random"
RANDOM = (0.0, 5.0)
"""Ends of the uniform distribution that ``random`` draws from, the domain of the paper's grids."""
SEED = 0


def parse_anchor(text: str) -> Anchor:
    """Return the rule that a word names.

    Raises:
        InputError: It is neither a finite number nor one of the names.

    Example:
        >>> parse_anchor("2"), parse_anchor("start")
        (2.0, 'start')
    """
    if text == "start":
        return "start"
    if text == "random":
        return "random"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("--anchor", text, ACCEPTED)
    return value


def anchors_of(anchor: Anchor, starts: Array) -> Array:
    """Return the anchor x0 of every start.

    Args:
        anchor: The rule.
        starts: The starts (S, n).

    Returns:
        x0 (S, n), all coordinates; each copy of the homotopy uses its own half.

    Raises:
        InputError: The number is not finite.

    Example:
        >>> anchors_of(2.0, np.array([[5.0, 4.0]])).tolist(), anchors_of("start", np.array([[5.0, 4.0]])).tolist()
        ([[2.0, 2.0]], [[5.0, 4.0]])
    """
    if anchor == "start":
        return starts
    if anchor == "random":
        return np.random.default_rng(SEED).uniform(*RANDOM, starts.shape)
    if not math.isfinite(anchor):
        raise InputError("--anchor", anchor, ACCEPTED)
    return np.full_like(starts, anchor)
