"""Draw the initial values of networks; biases start at zero except in PyTorch's default."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from homotopy_bench.models.activations import GAINS
from homotopy_bench.models.dirac import Dirac, delta, middle
from homotopy_bench.models.layers import map_keeps_shape

Affine = nn.Linear | nn.Conv1d | nn.Conv2d


def initialize(layers: Sequence[Affine], init: str, activation: str = "relu", hidden_gain: float | None = None) -> None:
    """Initialise a stack of affine maps in place, the last of which makes the logits.

    Args:
        layers: The affine maps from input to output; an activation follows each but the last.
        init: ``default`` leaves PyTorch's values; ``kaiming`` draws N(0, g^2/fan_in) (He et al. 2015,
            arXiv:1502.01852, eq. 10); ``orthogonal`` draws g times a random (semi-)orthogonal matrix (Saxe et al.
            2014, arXiv:1312.6120); the gain g is sqrt(2) for ReLU, and 1 for the last map. ``glorot`` draws uniformly
            with variance 2/(fan_in + fan_out), whatever the activation (Glorot and Bengio 2010, eq. 16).
            ``looks_linear`` mirrors orthogonal blocks so that a ReLU network is a linear isometry where the widths
            allow one (Balduzzi et al. 2017, arXiv:1702.08591, section 5). ``delta_orthogonal`` is ``orthogonal`` in the
            middle of a convolution's kernel and 0 elsewhere (Xiao et al. 2018, arXiv:1806.05393, algorithm 1).
            ``identity`` starts maps that keep their shape as the identity, with V = 0 where they are I + V, and the
            others as ``delta_orthogonal``.
            ``mean_preserving`` draws an orthogonal matrix among those that map (1, ..., 1)/sqrt(inputs) to
            (1, ..., 1)/sqrt(outputs), with gain 1: see :func:`_mean_preserving`.
        activation: Name of the activation, for the gain.
        hidden_gain: Gain of the maps between the first and the last one; None for that of the activation.
    """
    if init == "default":
        return
    weights = [layer.weight for layer in layers]
    with torch.no_grad():
        if init == "looks_linear":
            _looks_linear(weights)
        else:
            gain = GAINS[activation]
            gains = [gain, *[gain if hidden_gain is None else hidden_gain] * (len(weights) - 2), 1.0]
            for layer, own in zip(layers, gains[-len(weights) :], strict=True):
                if init == "identity" and layer not in (layers[0], layers[-1]) and map_keeps_shape(layer):
                    weight = layer.weight
                    weight.copy_(torch.zeros_like(weight) if isinstance(layer, Dirac) else delta(weight.shape, weight))
                else:
                    _FILL[init](layer.weight, own)
        for layer in layers:
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


_FILL: dict[str, Callable[[Tensor, float], object]] = {
    "kaiming": lambda weight, gain: nn.init.normal_(weight, std=gain / weight[0].numel() ** 0.5),
    "orthogonal": nn.init.orthogonal_,
    "glorot": lambda weight, _: nn.init.xavier_uniform_(weight),
    "delta_orthogonal": lambda weight, gain: _delta_orthogonal(weight, gain),
    "mean_preserving": lambda weight, _: _mean_preserving(weight),
    "identity": lambda weight, gain: _delta_orthogonal(weight, gain),
}
"""Initialisations that draw one map after another, each with its gain."""


def _delta_orthogonal(weight: Tensor, gain: float) -> None:
    """Fill the middle of a kernel (outputs, inputs, *kernel) with an orthogonal matrix, and the rest with 0."""
    middle(weight.zero_()).copy_(nn.init.orthogonal_(weight.new_empty(weight.shape[:2]), gain))


def _mean_preserving(weight: Tensor) -> None:
    """Fill a map (outputs, inputs) with an orthogonal matrix that takes the mean direction to the mean direction.

    W = u v^T + A Q B^T, with u = (1, ..., 1)/sqrt(outputs), v = (1, ..., 1)/sqrt(inputs), A and B orthonormal bases of
    what is orthogonal to u and to v, and Q a random (semi-)orthogonal matrix. What ReLU lets through has a positive
    mean, which W keeps; in the limit of equal values ReLU loses nothing, so that no gain is needed and no unit is dead
    for all inputs. Lee et al. (2025, arXiv:2509.00362) ask the same of an orthogonal start, that it keeps lengths and
    sets the mean of the pre-activations; their closed form was not at hand, and this one is ours.
    """
    rows, columns = weight.shape[0], weight[0].numel()
    bases = []
    for size in (rows, columns):
        mean = torch.ones(size, 1, dtype=weight.dtype)
        beside = torch.linalg.qr(torch.cat([mean, torch.randn(size, size - 1, dtype=weight.dtype)], dim=1))[0][:, 1:]
        bases.append((mean / size**0.5, beside))
    (u, a), (v, b) = bases
    weight.copy_((u @ v.T).view_as(weight))
    if rows > 1 and columns > 1:
        weight += (a @ nn.init.orthogonal_(weight.new_empty(rows - 1, columns - 1)) @ b.T).view_as(weight)


def _looks_linear(weights: Sequence[Tensor]) -> None:
    """Fill the maps with mirrored orthogonal blocks.

    relu(a) - relu(-a) = a: the two halves of each hidden vector carry a and -a, and every map acts on a alone. No gain
    is needed, as nothing is lost.
    """
    first, last = weights[0], weights[-1]
    half = nn.init.orthogonal_(first.new_empty(first.shape[0] // 2, first.shape[1]))
    first.copy_(torch.cat([half, -half]))
    for weight in weights[1:-1]:
        block = nn.init.orthogonal_(weight.new_empty(weight.shape[0] // 2, weight.shape[1] // 2))
        weight.copy_(torch.cat([torch.cat([block, -block], dim=1), torch.cat([-block, block], dim=1)]))
    half = nn.init.orthogonal_(last.new_empty(last.shape[0], last.shape[1] // 2))
    last.copy_(torch.cat([half, -half], dim=1))
