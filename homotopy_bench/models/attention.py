"""Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel


class Attention(nn.Module):
    """y = W_o concat_h softmax(q_h k_h^T/sqrt(d/H)) v_h + b_o over the places of a sequence, with q, k, v = W x + b.

    Args:
        width: Numbers d of a place.
        heads: Heads H, a divisor of the width.
        causal: Whether a place attends to itself and those before it alone.
    """

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "B T d"]) -> Float[Tensor, "B T d"]:
        """Return the output at every place, shape (B, T, d)."""
        output: Tensor = self.output(attend(self.inputs(x), self.heads, causal=self.causal))
        return output


def attend(qkv: Float[Tensor, "B T 3d"], heads: int, *, causal: bool) -> Float[Tensor, "B T d"]:
    """Return what the heads gather, side by side, shape (B, T, d).

    Args:
        qkv: Queries, keys and values of all heads, shape (B, T, 3 d).
        heads: Heads H.
        causal: Whether a place attends to itself and those before it alone.
    """
    parts = (part.reshape(*part.shape[:-1], heads, -1) for part in qkv.tensor_split(3, dim=-1))
    queries, keys, values = (part.transpose(-3, -2) for part in parts)
    gathered = functional.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
    return gathered.transpose(-3, -2).flatten(-2)


@contextmanager
def differentiable_twice() -> Iterator[None]:
    """Compute attention inside the context from operations with second derivatives: fused kernels have none."""
    with sdpa_kernel(SDPBackend.MATH):
        yield
