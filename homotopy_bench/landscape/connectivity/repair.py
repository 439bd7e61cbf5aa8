"""Repair networks on a chord whose activations have collapsed (REPAIR: Jordan et al. 2023, arXiv:2211.08403).

Averaging two networks averages activations that agree in part only: their variance falls, layer by layer, until a deep
network says the same to every input. Repaired, every unit's pre-activations have the mean and the standard deviation
that lie between those of the ends,

    mean(a) = (1 - a) mean_0 + a mean_1,    std(a) = (1 - a) std_0 + a std_1        (section 3)

which an affine map of the unit's row and bias reaches. A repaired point is not on the chord, but a network of the same
architecture. In networks with BatchNorm the statistics are estimated anew instead (``batch_statistics.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.connectivity.symmetries import parts_of
from homotopy_bench.landscape.networks import Networks, Points, Samples
from homotopy_bench.models.layers import Layer, ResidualLayer

Statistics = dict[str, tuple[Tensor, Tensor]]
"""Name of a map -> mean and standard deviation (K, units) of its outputs over samples and positions."""

_AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d)


class NotRepairable(ValueError):
    """Report an architecture whose hidden maps have no bias that a mean could be set by."""


def unit_statistics(networks: Networks, points: Points, samples: Samples) -> Statistics:
    """Return the statistics of the pre-activations of all hidden maps at K points."""
    walk = _Pass(networks, points)
    walk.run(samples.x)
    return walk.statistics


def repaired(
    networks: Networks,
    points: Points | Combined,
    samples: Samples,
    ends: tuple[Statistics, Statistics],
    a: Float[Tensor, " K"],
) -> Points:
    """Return points whose hidden units have the interpolated statistics of their ends.

    Args:
        networks: Networks of the architecture.
        points: K points.
        samples: Where the statistics are taken, all at once.
        ends: For each point the statistics of its two ends, (K, units).
        a: Where each point lies between them, in [0, 1].

    Raises:
        NotRepairable: If a hidden map has no bias.
    """
    first, second = ends

    def target(name: str) -> tuple[Tensor, Tensor]:
        share = a[:, None].to(points.theta)
        pairs = zip(first[name], second[name], strict=True)
        mean, std = ((1.0 - share) * one + share * other for one, other in pairs)
        return mean, std

    walk = _Pass(networks, points, target)
    walk.run(samples.x)
    theta = torch.cat([walk.tensors[name].reshape(len(points), -1) for name in networks.columns], dim=1)
    return Points(theta, points.buffers)


@dataclass
class _Pass:
    """Run K points layer by layer, note the statistics of every hidden map, and correct it where a target is given."""

    networks: Networks
    points: Points | Combined
    target: Callable[[str], tuple[Tensor, Tensor]] | None = None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=dict)

    def run(self, x: Tensor) -> None:
        theta, count = self.points.theta, len(self.points)
        self.tensors = {
            name: theta[:, columns].reshape(count, *self.networks.shapes[name])
            for name, columns in self.networks.columns.items()
        }
        # Of each parameter its name, for those that modules hold under another one, as ReZero's scale.
        self.names = {id(value): name for name, value in self.networks.architecture.named_parameters()}
        maps = [name for name, one in self.networks.architecture.named_modules() if isinstance(one, _AFFINE)]
        self.hidden = set(maps[:-1])
        with torch.no_grad():
            self.module(self.networks.architecture, "", x.expand(count, *x.shape))

    def module(self, module: nn.Module, name: str, x: Tensor) -> Tensor:
        parts = parts_of(module)
        if parts is not None:
            for own, part in parts.items():
                x = self.module(part, _join(name, own), x)
            return x
        if isinstance(module, Layer) and not module.deformation:
            y = self.affine(module.affine, _join(name, "affine"), x)
            if module.norm is not None:
                y = self.call(module.norm, _join(name, "norm"), y)
            y = module.activation(y)
            if isinstance(module, ResidualLayer):
                return x + self.scale(module.scale, x) * y
            return y
        if isinstance(module, _AFFINE):
            return self.affine(module, name, x)
        return self.call(module, name, x)

    def scale(self, scale: float | nn.Parameter, like: Tensor) -> Tensor | float:
        if not isinstance(scale, nn.Parameter):
            return scale
        return self.tensors[self.names[id(scale)]].view(-1, *[1] * (like.dim() - 1))

    def affine(self, module: nn.Module, name: str, x: Tensor) -> Tensor:
        y = self.call(module, name, x)
        if name not in self.hidden:
            return y
        over = [1, *range(3, y.dim())]
        mean, std = y.mean(dim=over), y.std(dim=over, correction=0)
        self.statistics[name] = mean, std
        if self.target is None:
            return y
        if _join(name, "bias") not in self.tensors:
            raise NotRepairable(f"{name} has no bias")
        wanted_mean, wanted_std = self.target(name)
        factor = torch.where(std > 0.0, wanted_std / std, 1.0)
        shift = wanted_mean - factor * mean
        weight, bias = self.tensors[_join(name, "weight")], self.tensors[_join(name, "bias")]
        self.tensors[_join(name, "weight")] = weight * factor.view(*factor.shape, *[1] * (weight.dim() - 2))
        self.tensors[_join(name, "bias")] = factor * bias + shift
        beside = (len(y), 1, y.shape[2], *[1] * (y.dim() - 3))
        return y * factor.view(beside) + shift.view(beside)

    def call(self, module: nn.Module, name: str, x: Tensor) -> Tensor:
        """Return the outputs of a module at all points."""
        own = {}
        for key in (*dict(module.named_parameters()), *dict(module.named_buffers())):
            full = _join(name, key)
            own[key] = self.tensors[full] if full in self.tensors else self.points.buffers[full]
        if not own:
            flat: Tensor = module(x.flatten(0, 1))
            return flat.view(*x.shape[:2], *flat.shape[1:])

        def run(tensors: dict[str, Tensor], inputs: Tensor) -> Tensor:
            outputs: Tensor = functional_call(module, tensors, (inputs,))
            return outputs

        outputs: Tensor = vmap(run)(own, x)
        return outputs


def rows_of(statistics: Statistics, chosen: Sequence[int] | Tensor) -> Statistics:
    """Return the statistics of some points."""
    index = torch.as_tensor(chosen)
    return {name: (mean[index], std[index]) for name, (mean, std) in statistics.items()}


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)
