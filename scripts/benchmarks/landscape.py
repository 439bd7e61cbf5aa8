"""The landscape: spectra against curvlinops, slices and pairs against loops, and what a run pays for a last look.

The figures are those of :mod:`benchmarks.landscape_spectrum`, :mod:`benchmarks.landscape_slices`,
:mod:`benchmarks.landscape_pairs` and :mod:`benchmarks.landscape_share`, each with its own A/A control.
"""

from __future__ import annotations

from benchmarks import landscape_spectrum  # isort: skip  # it sets the threads of BLAS before torch is loaded
from benchmarks import landscape_pairs, landscape_share, landscape_slices


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        All figures by name.
    """
    parts = (landscape_spectrum, landscape_slices, landscape_pairs, landscape_share)
    return {name: value for part in parts for name, value in part.run(rounds).items()}
