"""Shift signals and add noise to them, on the device and for all members at once.

    y[i] = x[(i - k) mod n] + noise z[i],        k uniform in {-shift, ..., shift},   z[i] ~ N(0, 1)

Every member draws k and z from streams of its own, one for each, so that its signals depend neither on its neighbours
nor on whether the other change is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.core.random_streams import stream_seed


@dataclass(frozen=True)
class ShiftNoise:
    """Shift by at most ``shift`` places around the end, and add noise of the standard deviation ``noise``.

    Attributes:
        shift: Largest shift, >= 0.
        noise: Standard deviation, in units of the inputs, >= 0.
        length: Values n of a signal.
    """

    shift: int
    noise: float
    length: int

    def draws(self, samples: int, seed: int, epoch: int) -> Float[Tensor, "N K"]:
        """Return k and, where there is noise, z for the signals that a member visits in one epoch, on the host."""

        def stream(name: str) -> torch.Generator:
            return torch.Generator().manual_seed(stream_seed(seed, name, epoch))

        # Whole numbers as float32, which are exact, to stand in one tensor with the noise.
        k = torch.randint(-self.shift, self.shift + 1, (samples, 1), generator=stream("shift")).float()
        if not self.noise:
            return k
        return torch.cat([k, torch.randn(samples, self.length, generator=stream("noise"))], dim=1)

    def apply(self, x: Float[Tensor, "M B n"], draws: Float[Tensor, "M B K"]) -> Float[Tensor, "M B n"]:
        """Return the changed signals.

        Example:
            >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
            >>> ShiftNoise(1, 0.0, 3).apply(x, torch.tensor([[[1.0]]])).tolist()
            [[[3.0, 1.0, 2.0]]]
        """
        y = x.gather(2, self._places(draws[..., :1].long())) if self.shift else x
        return torch.add(y, draws[..., 1:].to(x.dtype), alpha=self.noise) if self.noise else y

    def _places(self, k: Int[Tensor, "M B 1"]) -> Int[Tensor, "M B n"]:
        return (torch.arange(self.length, device=k.device) - k) % self.length
