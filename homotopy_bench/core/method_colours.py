"""Give every method one colour, the same in every picture."""

from __future__ import annotations

from zlib import crc32

COLOURS = {
    "baseline": "#0072b2",
    "identity_homotopy": "#d55e00",
    "convexity_annealing": "#009e73",
    "hta": "#cc79a7",
    "l2_schedule": "#e69f00",
    "curvature_lr": "#56b4e9",
    "tailored_activation": "#004d40",
    "decay_centre": "#7a5195",
    "skip_multipliers": "#a0522d",
}
"""Colours that colour-blind readers tell apart (Okabe and Ito 2008)."""

OTHERS = ("#8c564b", "#6a3d9a", "#808000", "#117777", "#882255", "#332288")
"""Colours of methods from outside the package."""


def method_colour(method: str) -> str:
    """Return the colour of a method; one from outside the package has the same in every process.

    Example:
        >>> method_colour("baseline"), method_colour("mine") == method_colour("mine")
        ('#0072b2', True)
    """
    return COLOURS.get(method) or OTHERS[crc32(method.encode("utf-8", "backslashreplace")) % len(OTHERS)]
