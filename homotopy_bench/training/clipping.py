"""Clip gradients row by row."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def clip_rows(gradient: Float[Tensor, "R P"], bounds: Float[Tensor, " R"], target_size: int) -> Float[Tensor, " R"]:
    """Scale each row of a gradient to norm at most its bound, in place, as torch.nn.utils.clip_grad_norm_ does.

    Args:
        gradient: Shape (R, P).
        bounds: Largest norms, shape (R,); infinite where a row stays what it is, whatever its norm.
        target_size: Number of columns that are parameters of the target network.

    Returns:
        The norms before, shape (R,).

    Example:
        >>> gradient = torch.tensor([[3.0, 4.0], [0.0, 0.5]], dtype=torch.float64)
        >>> clip_rows(gradient, torch.tensor([1.0, 1.0], dtype=torch.float64), target_size=2).tolist()
        [5.0, 0.5]
        >>> gradient.round(decimals=5).tolist()
        [[0.6, 0.8], [0.0, 0.5]]
        >>> huge = torch.tensor([[1e20, 1e20]])  # whose norm is no number of float32
        >>> clip_rows(huge, torch.tensor([float("inf")]), target_size=2).tolist(), huge.isfinite().all().item()
        ([inf], True)
    """
    norms: Tensor = torch.linalg.vector_norm(gradient[:, :target_size], dim=1)
    if target_size < gradient.shape[1]:
        # Apart, because the order of a sum decides its last bit: with zeros here the norm is the baseline's.
        norms = torch.hypot(norms, torch.linalg.vector_norm(gradient[:, target_size:], dim=1))
    factors = (bounds / (norms + 1e-6)).clamp(max=1.0)
    gradient.mul_(torch.where(bounds.isinf(), 1.0, factors).unsqueeze(1))
    return norms
