"""Write a map that keeps its shape as the identity and a correction, of which weight decay draws the correction to 0.

    dirac               W = I + V                                 Hardt and Ma 2017, arXiv:1611.04231, section 2
    dirac_normalized    W = diag(a) I + diag(b) V/|V|             Zagoruyko and Komodakis 2017, arXiv:1706.00388, eq. 4

V has the shape of W and is what the module keeps under the name ``weight``. I is the identity of a linear map, and of a
convolution the kernel that leaves its input as it is: the identity in its middle, 0 elsewhere. |V| is the norm of each
row or filter; a and b have a value for each, trained from 1 and 0.1 as published. What is drawn to 0 by weight decay is
V, and a and b with it.

A network of such maps is an ordinary network, with W in place of V: :func:`fold` makes it one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override


def delta(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return the weight (n, n, *kernel) of the map that leaves its input as it is, in format and place of a tensor.

    Example:
        >>> delta((2, 2, 3), torch.zeros(()))[:, :, 1].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    weight = torch.zeros(tuple(shape), dtype=like.dtype, device=like.device)
    middle(weight).fill_diagonal_(1.0)
    return weight


def middle(weight: Tensor) -> Tensor:
    """Return the view (n, m) of the middle of kernels (n, m, *kernel)."""
    for side in reversed(weight.shape[2:]):
        weight = weight[..., (side - 1) // 2]
    return weight


class Dirac(nn.Module):
    """Hold what the maps W = I + V share; to be inherited beside the map that W belongs to."""

    weight: Tensor
    scales: tuple[str, ...] = ()
    """Names of the parameters that W depends on besides V."""

    def effective(self, weight: Tensor, *scales: Tensor) -> Tensor:  # noqa: ARG002 - for those that have scales
        """Return W (..., n, n, *kernel) for V of that shape and scales (..., n)."""
        return weight + delta(self.weight.shape, weight)

    def own_weight(self) -> Tensor:
        """Return W."""
        return self.effective(self.weight, *(getattr(self, name) for name in self.scales))


class DiracLinear(Dirac, nn.Linear):
    """y = (I + V) x + b.

    Example:
        >>> layer = DiracLinear(2, 2)
        >>> _ = nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
        >>> layer(torch.tensor([3.0, -4.0])).tolist()
        [3.0, -4.0]
    """

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Return W x + b."""
        return functional.linear(input, self.own_weight(), self.bias)


class DiracConv1d(Dirac, nn.Conv1d):
    """Convolve signals with I + V."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution with W, plus b."""
        y: Tensor = self._conv_forward(input, self.own_weight(), self.bias)
        return y


class DiracConv2d(Dirac, nn.Conv2d):
    """Convolve images with I + V."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Return the convolution with W, plus b."""
        y: Tensor = self._conv_forward(input, self.own_weight(), self.bias)
        return y


class Normalized(Dirac):
    """Hold what the maps W = diag(a) I + diag(b) V/|V| share."""

    scales = ("a", "b")

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        rows = self.weight.shape[0]
        self.a = nn.Parameter(torch.ones(rows))
        self.b = nn.Parameter(torch.full((rows,), 0.1))

    @override
    def effective(self, weight: Tensor, *scales: Tensor) -> Tensor:
        """Return W (..., n, n, *kernel) for V of that shape, a and b (..., n)."""
        inner = self.weight.dim() - 1
        a, b = (values.view(*values.shape, *[1] * inner) for values in scales)
        norm = torch.linalg.vector_norm(weight, dim=tuple(range(-inner, 0)), keepdim=True)
        own: Tensor = a * delta(self.weight.shape, weight) + b * (weight / norm)
        return own


class NormalizedLinear(Normalized, DiracLinear):
    """y = (diag(a) I + diag(b) V/|V|) x + b."""


class NormalizedConv1d(Normalized, DiracConv1d):
    """Convolve signals with diag(a) I + diag(b) V/|V|."""


class NormalizedConv2d(Normalized, DiracConv2d):
    """Convolve images with diag(a) I + diag(b) V/|V|."""


LINEAR: dict[str, type[nn.Linear]] = {"dirac": DiracLinear, "dirac_normalized": NormalizedLinear}
"""Block -> its linear maps."""

CONVOLUTIONS: dict[str, tuple[type[nn.Conv1d], type[nn.Conv2d]]] = {
    "dirac": (DiracConv1d, DiracConv2d),
    "dirac_normalized": (NormalizedConv1d, NormalizedConv2d),
}
"""Block -> its convolutions of signals and of images."""


def fold(network: nn.Module) -> nn.Module:
    """Replace every such map of a network in place by the ordinary map with the weight W.

    Returns:
        The network.

    Example:
        >>> network = nn.Sequential(DiracLinear(2, 2), nn.ReLU())
        >>> x = torch.ones(1, 2)
        >>> before = network(x)
        >>> bool(torch.equal(fold(network)(x), before)), type(network[0]).__name__
        (True, 'Linear')
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, Dirac):
            owner, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(owner), attribute, _folded(module))
    return network


def folded_state(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the ``state_dict`` of a folded network for that of the network; without such maps, the same one.

    Args:
        network: The network as it was built.
        state: The tensors by name.
    """
    folded = dict(state)
    for name, module in network.named_modules():
        if isinstance(module, Dirac):
            scales = [folded.pop(f"{name}.{scale}") for scale in module.scales]
            folded[f"{name}.weight"] = module.effective(folded[f"{name}.weight"], *scales)
    return folded


def _folded(module: Dirac) -> nn.Module:
    # Not drawn: values follow, and the generator belongs to others.
    place = {"device": "meta", "dtype": module.weight.dtype}
    plain: nn.Module
    bias: Tensor | None
    if isinstance(module, nn.Linear):
        bias = module.bias
        plain = nn.Linear(module.in_features, module.out_features, bias is not None, **place)
    else:
        assert isinstance(module, nn.Conv1d | nn.Conv2d)  # what there are
        bias, channels = module.bias, (module.in_channels, module.out_channels)
        kind: Any = nn.Conv1d if isinstance(module, nn.Conv1d) else nn.Conv2d
        plain = kind(*channels, module.kernel_size, padding=module.padding, bias=bias is not None, **place)
    plain.to_empty(device=module.weight.device)
    with torch.no_grad():
        plain.get_parameter("weight").copy_(module.own_weight())
        if bias is not None:
            plain.get_parameter("bias").copy_(bias)
    return plain.train(module.training)
