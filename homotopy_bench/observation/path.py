"""Measure the network on its path, at chosen values of t, and at the end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from homotopy_bench.observation.measuring import Measuring


class Path(Measuring):
    """The same on the path: at the first evaluation at which t has reached each value of ``at``, and at the end."""

    name: Literal["path"] = "path"
    at: Annotated[list[Annotated[float, Field(ge=0.0, le=1.0)]], Field(min_length=1)] = Field(
        default_factory=lambda: [0.0, 0.25, 0.5, 0.75, 1.0]
    )

    @property
    def levels(self) -> list[float]:
        """The values of t."""
        return self.at
