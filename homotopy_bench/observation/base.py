"""Define the base of the choices of ``landscape``: when a run measures, where, and how closely."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import final

from homotopy_bench.core.options import Options


class Landscape(Options, ABC):
    """Options of the measurements of a run, whose results do not depend on them."""

    name: str

    @property
    def splits(self) -> Sequence[str]:
        """The splits to measure on, ``train`` and ``test``; none for no measurement."""
        return ()

    @property
    def levels(self) -> Sequence[float]:
        """Values of t at which the network on the path is measured, besides the end."""
        return ()

    @final
    def due(self, before: float | None, t: float, *, last: bool) -> bool:
        """Return whether an evaluation measures.

        Args:
            before: t at the evaluation before; None at the first.
            t: t at this one.
            last: Whether training ends here.
        """
        reached = any(level <= t and (before is None or level > before) for level in self.levels)
        return bool(self.splits) and (last or reached)
