"""Run the Lanczos process with full reorthogonalisation: a basis of the Krylov space, one product at a time.

After k products of a symmetric A on a start v there are orthonormal v_1 = v/|v|, v_2, ..., v_k, which span
v, A v, ..., A^(k-1) v, and the tridiagonal T = V A V^T with V the rows v_i (Lanczos 1950, J. Res. Natl. Bur. Stand. 45,
255-282). The eigenvalues of T, the Ritz values, approach those of A from inside, the outer ones first; they are also
the nodes of Gauss's quadrature for the spectrum as v sees it. Rounding makes the basis lose its orthogonality as soon
as a Ritz value has converged, and converged values then appear again; orthogonalising every new vector against all
others prevents that, at a cost that is small beside the product.

The steps of a member depend on nothing of the others'.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from homotopy_bench.curvature.estimate import Operator, Vectors


class Krylov:
    """Krylov spaces of all members that grow together.

    T and beta are on the host and in float64: they are small, and what is computed of them should add no error.

    Attributes:
        steps: Number k of products so far.
        limit: Most steps that can be taken: what was asked for, but at most Q.
        beta: |A v_k - its part in the span|, the length of the next basis vector before it is scaled, shape (M,). It is
            0 where the space is invariant to rounding; further steps add zeros to the basis and to T.
        rounding: What rounding of the format can make of a product's length, shape (M,).

    Args:
        operator: v (M, Q) -> A v (M, Q), symmetric.
        start: Vectors v (M, Q), none of them zero.
        max_steps: Most steps, for which the basis takes memory: M times max_steps times Q numbers.
    """

    def __init__(self, operator: Operator, start: Vectors, max_steps: int) -> None:
        members, size = start.shape
        self._operator = operator
        self._vector: Tensor = start / start.norm(dim=1, keepdim=True)
        self.limit = min(max_steps, size)
        self.steps = 0
        self._basis = start.new_empty(members, self.limit, size)
        self._tridiagonal = torch.zeros(members, self.limit, self.limit, dtype=torch.float64)
        self.beta = torch.ones(members, dtype=torch.float64)
        self.rounding = torch.zeros(members, dtype=torch.float64)

    @property
    def basis(self) -> Float[Tensor, "M k Q"]:
        """V, shape (M, k, Q)."""
        return self._basis[:, : self.steps]

    @property
    def tridiagonal(self) -> Float[Tensor, "M k k"]:
        """T, shape (M, k, k), float64, on the host."""
        return self._tridiagonal[:, : self.steps, : self.steps]

    @property
    def finite(self) -> Bool[Tensor, " M"]:
        """Whether all products of a member were finite, shape (M,), bool."""
        return self.tridiagonal.isfinite().all(dim=2).all(dim=1) & self.beta.isfinite()

    def extend(self) -> None:
        """Take one step: one product, one more vector of the basis, one more row of T."""
        k, vector = self.steps, self._vector
        if k:
            self._tridiagonal[:, k, k - 1] = self._tridiagonal[:, k - 1, k] = self.beta
        self._basis[:, k] = vector
        self.steps = k + 1
        image = self._operator(vector)
        alpha = (vector * image).sum(dim=1, keepdim=True)
        # By the recurrence these two parts are all of the image in the span. What rounding leaves of them, and adds of
        # other vectors of the basis, is small beside the rest, so that orthogonalising against all once is enough.
        image = image - alpha * vector
        if k:
            image = image - self.beta.to(image)[:, None] * self._basis[:, k - 1]
        parts = torch.bmm(self.basis, image[:, :, None])  # (M, k, 1)
        image = torch.baddbmm(image[:, None], parts.mT, self.basis, alpha=-1.0)[:, 0]
        self._tridiagonal[:, k, k] = alpha[:, 0].double().cpu()
        size = vector.shape[1]
        largest = self.tridiagonal.abs().amax(dim=(1, 2))
        self.rounding = torch.finfo(vector.dtype).eps * size**0.5 * largest
        beta = torch.linalg.vector_norm(image, dim=1, dtype=torch.float64).cpu()  # float32 has no square of 1e-25
        self.beta = torch.where((beta <= self.rounding) | (self.steps == size), 0.0, beta)
        divisor = self.beta.to(vector)[:, None]
        self._vector = torch.where(divisor != 0.0, image / divisor, 0.0)

    def ritz(self) -> tuple[Float[Tensor, "M k"], Float[Tensor, "M k k"]]:
        """Return the eigenvalues (M, k), ascending, and the eigenvectors (M, k, k), in columns, of T.

        Those of a member that is not finite mean nothing.
        """
        values, vectors = torch.linalg.eigh(torch.where(self.finite[:, None, None], self.tridiagonal, 0.0))
        return values, vectors
