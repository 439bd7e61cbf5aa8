"""Define estimators of curvature: what they see of a training step, and what they return.

The parameters are cut into blocks of columns: one block for one learning rate, or a block per layer. An estimator says
how large the Hessian of the batch loss is on every block of every row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.graph import GradientGraph, require_second_derivatives
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble


class Local:
    """Evaluate the loss of R rows at one batch, around the parameters where they stand.

    Attributes:
        step: The training step, from 0.
        gradient: g of every row, shape (R, P).
        losses: The rows' losses, shape (R,).
        gradients: Gradients taken so far beyond the one of the step.
        products: Hessian products taken so far.

    Args:
        ensemble: The rows; its gradient is set to g.
        evaluate: Returns the rows' losses (R,) at the parameters of the moment, always on the same batch.
        step: The training step.
        twice: Whether Hessian products will be asked for, which need the graph of the gradient.

    Raises:
        RuntimeError: If the loss cannot be differentiated.
    """

    def __init__(self, ensemble: Ensemble, evaluate: Callable[[], Tensor], step: int, twice: bool = True) -> None:
        self.step = step
        self.gradients = self.products = 0
        self._ensemble, self._evaluate = ensemble, evaluate
        # Random layers draw by a counter among the buffers: a second look at the loss must begin where the first did.
        self._before = copied(ensemble.buffers)
        losses = evaluate()
        self._graph = GradientGraph(ensemble, losses.sum()) if twice else None
        if not twice:
            ensemble.backward(losses.sum())
        self.losses = losses.detach()
        ensemble.replicas.mean_(self.losses)
        self.gradient = ensemble.gradient

    def check(self) -> None:
        """Check that products will be complete, by :func:`require_second_derivatives`."""
        if self._graph is not None:
            require_second_derivatives(self._graph.gradients)

    def product(self, vectors: Float[Tensor, "R P"]) -> Float[Tensor, "R P"]:
        """Return H v for vectors v (R, P), which costs one Hessian product."""
        assert self._graph is not None
        self.products += 1
        return self._graph.product(vectors)

    def radius(self) -> Float[Tensor, "R 1"]:
        """Return |theta| of every row, shape (R, 1)."""
        length: Tensor = torch.linalg.vector_norm(self._ensemble.theta, dim=1, keepdim=True)
        return length

    def change(self, offset: Float[Tensor, "R P"]) -> Float[Tensor, "R P"]:
        """Return g(theta + offset) - g(theta), shape (R, P), which costs one gradient.

        Parameters, gradients and running statistics are put back, but no product can be taken after it.
        """
        self.gradients += 1
        ensemble = self._ensemble
        here, gradient, buffers = ensemble.theta.clone(), ensemble.gradient.clone(), copied(ensemble.buffers)
        try:
            with torch.no_grad():
                ensemble.theta.add_(offset)
            ensemble.assign(self._before)
            ensemble.backward(self._evaluate().sum())
            return ensemble.gradient - gradient
        finally:  # also where the second gradient fails: training goes on from here
            with torch.no_grad():
                ensemble.theta.copy_(here)
            ensemble.gradient.copy_(gradient)
            ensemble.assign(buffers)


class Estimator(ABC):
    """Estimate |H| per row and block, and remember what one estimate leaves to the next.

    Attributes:
        twice: Whether it takes Hessian products.
        memory: Name -> what an estimate leaves to the next, one entry per row, shape (R, ...).

    Args:
        blocks: Columns of each of the B blocks.
        like: Gives shape (R, P), format and device.
        seeds: Seeds of the R rows.
        products: Products or probes of an estimate, where the estimator takes any.
        first_products: Of the first estimate, which has no earlier one to start from.
    """

    twice: ClassVar[bool] = False

    def __init__(
        self, blocks: Sequence[slice], like: Tensor, seeds: Sequence[int], products: int, first_products: int
    ) -> None:
        self.blocks, self.like, self.seeds = list(blocks), like, list(seeds)
        self.products, self.first_products = products, first_products
        self.memory: dict[str, Tensor] = self.begin()

    def begin(self) -> dict[str, Tensor]:
        """Return what the first estimate starts from, in the form of ``memory``; by default nothing."""
        return {}

    @abstractmethod
    def estimate(self, at: Local) -> Float[Tensor, "R B"]:
        """Return the size of the Hessian on every block, shape (R, B); not a number where there is no estimate.

        Raises:
            RuntimeError: If the loss cannot be differentiated twice.
        """

    def load(self, rows: slice, memory: Mapping[str, Tensor]) -> None:
        """Set the memory of some rows."""
        for name, values in memory.items():
            self.memory[name][rows].copy_(values)

    def follow(self, before: Estimator, groups: Sequence[slice]) -> None:
        """Remember what the estimator of other rows did; each row here follows the first of a group of rows there."""
        for name, values in before.memory.items():
            self.memory[name].copy_(values[[group.start for group in groups]])

    def norms(self, vectors: Float[Tensor, "R P"]) -> Float[Tensor, "R B"]:
        """Return the Euclidean norms of every block of vectors (R, P), shape (R, B)."""
        return torch.stack([torch.linalg.vector_norm(vectors[:, block], dim=1) for block in self.blocks], dim=1)
