"""Share the options of all choices that measure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.observation.base import Landscape


class Measuring(Landscape):
    """Measure on ``samples`` of each split, as closely as ``mode`` says.

    They are drawn at random, equally many of every class, and are the same for every run.
    """

    split: Literal["train", "test", "both"] = "both"
    samples: Annotated[int, Field(ge=1)] = 1000
    mode: Literal["fast", "full"] = "fast"

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits."""
        return ("train", "test") if self.split == "both" else (self.split,)
