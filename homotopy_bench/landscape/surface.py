"""See the loss as a function of the parameters, so that what searches it knows no networks.

Metrics that move through parameter space take a :class:`Surface`; tests give them one whose maxima are known.
"""

from __future__ import annotations

from typing import Protocol

from jaxtyping import Float, Int
from torch import Tensor

from homotopy_bench.landscape.networks import Networks, PointScores, Samples


class Surface(Protocol):
    """Describe the losses of M networks as functions of their parameters."""

    @property
    def theta(self) -> Float[Tensor, "M P"]:
        """Where the networks stand."""

    def evaluate(self, theta: Float[Tensor, "K P"], owners: Int[Tensor, " K"]) -> PointScores:
        """Return losses and errors at K points; ``owners`` says whose each is."""

    def gradient(self, theta: Float[Tensor, "M P"]) -> tuple[Float[Tensor, " M"], Float[Tensor, "M P"]]:
        """Return the losses of the M networks at a point for each, float64, and their gradients."""


class LossSurface:
    """Be the mean cross-entropy of M networks over samples, with their own buffers (running statistics) everywhere.

    Attributes:
        samples: Where.

    Args:
        networks: The networks.
        samples: Where.
    """

    def __init__(self, networks: Networks, samples: Samples) -> None:
        self._networks, self.samples = networks, samples

    @property
    def theta(self) -> Float[Tensor, "M P"]:
        """Where the networks stand."""
        return self._networks.theta

    def evaluate(self, theta: Float[Tensor, "K P"], owners: Int[Tensor, " K"]) -> PointScores:
        """Return losses and errors at K points."""
        networks = self._networks
        chunks = (networks.points(theta[part], owners[part]) for part in networks.chunks(len(theta)))
        return networks.evaluate(chunks, self.samples)

    def gradient(self, theta: Float[Tensor, "M P"]) -> tuple[Float[Tensor, " M"], Float[Tensor, "M P"]]:
        """Return losses and gradients at a point for each network."""
        return self._networks.gradient(self._networks.points(theta), self.samples)
