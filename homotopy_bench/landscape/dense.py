"""Evaluate fully connected networks one point after another, a fused kernel for each layer.

A narrow network is bound by the traffic of its activations: the product, the bias and the activation each pass over
them. oneDNN's linear layer does all three in one pass, and where a processor has wide vectors it uses them, which the
BLAS of PyTorch does not on every make. It needs many rows at once, so a point takes a long batch instead of many points
sharing a short one. PyTorch calls this kernel in compiled code; where a build lacks it, :func:`has_fused_linear` says
so and networks are evaluated as an ensemble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from homotopy_bench.models.activations import ACTIVATIONS
from homotopy_bench.models.layers import Activation, Layer, Network, ResidualLayer

THREAD_ACTIVATIONS = 2**18
"""Activations of one layer that a thread works on: fewer make more calls, more leave its cache."""

LEAST_SAMPLES = 512
"""Fewest samples of a batch; below, the weights are read too often."""


OVERFLOW = 1e37
"""Size of activations, a little below the largest number of float32, from which the kernel's ReLU is not trusted."""

UNDERFLOW = -87.0
"""Exponent below which float32 has no normal numbers: exp of less takes ten times as long and adds nothing to 1."""

Affine = Callable[[Tensor, Tensor, "Tensor | None", bool], Tensor]
"""(x, W, b, relu) -> x W^T + b, or the ReLU of it in the same pass; a ReLU asked for need not keep NaN."""

MODULES: dict[type[nn.Module], Activation] = {nn.ReLU: torch.relu, nn.Tanh: torch.tanh}
"""Modules that are the activation of the layer before them."""


@dataclass(frozen=True)
class DenseLayer:
    """Name the parameters of y = activation(x W^T + b), or of y = x + scale activation(x W^T + b).

    Attributes:
        weight: Name of W.
        bias: Name of b, or None.
        activation: The activation, or None.
        scale: Weight of the branch, or the name of the parameter that holds it; None where the input is not added.
        outputs: Number of outputs.
    """

    weight: str
    bias: str | None
    activation: Activation | None
    scale: float | str | None
    outputs: int


def dense_layers(network: nn.Module) -> tuple[DenseLayer, ...] | None:
    """Return the layers of a network that consists of fully connected layers alone, from input to output.

    Returns:
        The layers; None where the network has other parts, such as normalisations, dropout or deformations.

    Example:
        >>> [layer.weight for layer in dense_layers(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))) or ()]
        ['1.weight']
        >>> dense_layers(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))) is None
        True
    """
    names = {id(value): name for name, value in network.named_parameters()}
    parts = _parts(network)
    layers: list[DenseLayer] = []
    for part in parts:
        if type(part) is nn.Flatten and (part.start_dim, part.end_dim) == (1, -1) and not layers:
            continue
        if type(part) in MODULES and layers and layers[-1].activation is None:
            layers[-1] = replace(layers[-1], activation=MODULES[type(part)])
            continue
        layer = _layer(part, names)
        if layer is None:
            return None
        layers.append(layer)
    return tuple(layers) or None


def has_fused_linear(like: Tensor) -> bool:
    """Return whether this build has the fused kernel for tensors of this kind."""
    kernels = torch._C._has_mkldnn and bool(torch.backends.mkldnn.enabled)
    return kernels and like.device.type == "cpu" and like.dtype is torch.float32 and _exists()


def dense_scores(
    layers: Sequence[DenseLayer],
    shapes: Mapping[str, torch.Size],
    theta: Float[Tensor, " P"],
    x: Float[Tensor, " N *input"],
    y: Int[Tensor, " N"],
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Return the mean cross-entropy (nats, float64) and the number of wrong predictions of one network.

    Args:
        layers: Its layers.
        shapes: Name of a parameter -> its shape, in the order of theta.
        theta: Its parameters, float32, on the host.
        x: Inputs.
        y: Labels.
    """
    parameters, largest = named(theta.contiguous(), shapes), size_of(theta)
    loss, wrong = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.int64)
    batches = batches_of(layers, len(y))
    with torch.no_grad():
        for inputs, labels in zip(x.chunk(batches), y.chunk(batches), strict=True):
            flat = inputs.flatten(1)
            logits = logits_of(layers, parameters, flat, fused_affine, (largest, size_of(flat)))
            of_batch, wrong_in_batch = sums(logits, labels)
            loss += of_batch
            wrong += wrong_in_batch
    return loss / len(y), wrong


def named(theta: Float[Tensor, " P"], shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Return the parameters of one network by name, as views of theta."""
    columns = torch.split(theta, [shape.numel() for shape in shapes.values()])
    return {name: own.view(shape) for (name, shape), own in zip(shapes.items(), columns, strict=True)}


def batches_of(layers: Sequence[DenseLayer], samples: int) -> int:
    """Return in how many batches samples are taken, of equal length: a short rest takes nearly as long as a batch."""
    widest = max(layer.outputs for layer in layers)
    return -(-samples // max(LEAST_SAMPLES, THREAD_ACTIVATIONS * torch.get_num_threads() // widest))


def logits_of(
    layers: Sequence[DenseLayer],
    parameters: Mapping[str, Tensor],
    x: Float[Tensor, "B inputs"],
    affine: Affine,
    sizes: tuple[float, float],
) -> Float[Tensor, "B C"]:
    """Return the logits of one network, or of the layers that are left of it.

    Args:
        layers: The layers.
        parameters: Their parameters by name.
        x: Inputs.
        affine: What computes a map, and a ReLU with it.
        sizes: What no parameter and what no input exceeds in modulus; NaN where they are not finite.
    """
    largest, bound = sizes
    for layer in layers:
        growing = _bound_after(layer, x.shape[1], largest, bound)
        if not growing < OVERFLOW:  # only now is the true size worth a pass over the activations
            growing = _bound_after(layer, x.shape[1], largest, size_of(x))
        x = _output(layer, parameters, x, affine, safe=growing < OVERFLOW)
        bound = growing
    return x


def sums(logits: Float[Tensor, "B C"], labels: Int[Tensor, " B"]) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Return the sum of the cross-entropies (nats, float64) and the number of wrong predictions, by the first largest.

    The logits z of a class stand beside each other, so that all passes over classes are vectorised.

        -log softmax(z)_y = (max z - z_y) + log sum_c exp(z_c - max z),

    whose first part is exactly 0 where y is predicted, so that a small loss keeps its digits.
    """
    z = logits.t().contiguous()
    top, predicted = z.max(dim=0)
    own = z.gather(0, labels[None])[0]
    rest = (z - top).clamp_min_(UNDERFLOW).exp_().sum(dim=0).log_()
    return (top - own + rest).sum(dtype=torch.float64), (predicted != labels).sum()


def fused_affine(x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor:
    """Return x W^T + b, or max(0, x W^T + b), by oneDNN's kernel, whose ReLU makes 0 of NaN."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "relu" if relu else "none", [], "")
    return y


def size_of(values: Tensor) -> float:
    """Return the largest modulus, NaN where there is one."""
    low, high = (end.item() for end in values.aminmax())
    return max(-low, high)


def _output(layer: DenseLayer, parameters: Mapping[str, Tensor], x: Tensor, affine: Affine, *, safe: bool) -> Tensor:
    """Return the output of a layer, by the ReLU of its map's kernel where no NaN can be."""
    fused = layer.activation is torch.relu and safe
    bias = None if layer.bias is None else parameters[layer.bias]
    y = affine(x, parameters[layer.weight], bias, fused)
    if not fused and layer.activation is not None:
        y = layer.activation(y)
    if layer.scale is not None:
        y = y.mul_(parameters[layer.scale] if isinstance(layer.scale, str) else layer.scale).add_(x)
    return y


def _bound_after(layer: DenseLayer, inputs: int, largest: float, bound: float) -> float:
    """Return what no output and no partial sum of a layer exceeds, for inputs up to ``bound``."""
    product = (inputs * bound + 1.0) * largest
    if layer.scale is None:
        return product
    return bound + product * max(1.0, largest if isinstance(layer.scale, str) else abs(layer.scale))


def _exists() -> bool:
    return hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _parts(module: nn.Module) -> list[nn.Module]:
    """Return the parts of nested chains in order."""
    if isinstance(module, Network):
        return [part for own in module.parts().values() for part in _parts(own)]
    if type(module) is nn.Sequential:
        return [part for own in module for part in _parts(own)]
    return [module]


def _layer(part: nn.Module, names: Mapping[int, str]) -> DenseLayer | None:
    """Return a fully connected layer by the names of its parameters; None for any other part."""
    linear, activation, scale = part, None, None
    if type(part) in (Layer, ResidualLayer):
        assert isinstance(part, Layer)
        known = part.activation is torch.relu or any(part.activation is one for one in ACTIVATIONS.values())
        if part.norm is not None or part.deformation or not known:
            return None
        linear, activation = part.affine, part.activation
        if isinstance(part, ResidualLayer):
            scale = names[id(part.scale)] if isinstance(part.scale, nn.Parameter) else part.scale
    if type(linear) is not nn.Linear:
        return None
    bias = None if linear.bias is None else names[id(linear.bias)]
    return DenseLayer(names[id(linear.weight)], bias, activation, scale, linear.out_features)
