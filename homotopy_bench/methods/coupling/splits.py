"""Split the parameters into m groups: copy j of a network is anchored in group j and free in the others.

    layers      the layers in m contiguous groups from input to output, as equal as possible
    channels    the outputs of every layer (channels of a convolution, units of a linear map) likewise, with their
                biases and what normalises them
    random      every scalar on its own, each group equally likely

The first of m groups of n things has the things 0, ..., floor(n/m) - 1, and so on: group j begins at floor(j n/m).
Groups are uint8, in the order of the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import stream_seed
from homotopy_bench.models.layers import Deformable

AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


def layers_of(network: nn.Module) -> dict[str, nn.Module]:
    """Return the layers of a network by name, from input to output.

    A layer is an affine map with what belongs to it: its normalisation, the weight of its branch; in a transformer a
    whole branch of a block, attention or perceptron.
    """
    found: dict[str, nn.Module] = {}
    for name, module in network.named_modules():
        inside = any(name.startswith(f"{layer}.") for layer in found)
        if not inside and isinstance(module, (Deformable, *AFFINE)):
            found[name] = module
    return found


def owners(network: nn.Module) -> dict[str, int]:
    """Return the index of the layer of every parameter, by the parameter's name.

    A parameter outside of all layers, of a module that is not the project's own, belongs to the layer before it.

    Example:
        >>> owners(nn.Sequential(nn.Linear(1, 2, bias=False), nn.BatchNorm1d(2), nn.Linear(2, 1, bias=False)))
        {'0.weight': 0, '1.weight': 0, '1.bias': 0, '2.weight': 1}
    """
    layers, found, last = list(layers_of(network)), {}, 0
    for name, _ in network.named_parameters():
        last = next((index for index, layer in enumerate(layers) if name.startswith(f"{layer}.")), last)
        found[name] = last
    return found


def contiguous(count: int, groups: int) -> Tensor:
    """Return the groups of ``count`` things in contiguous parts, shape (count,).

    Example:
        >>> contiguous(5, 2).tolist(), contiguous(7, 3).tolist()
        ([0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2, 2])
    """
    begins = torch.tensor([group * count // groups for group in range(1, groups)], dtype=torch.int64)
    return torch.bucketize(torch.arange(count), begins, right=True).to(torch.uint8)


def layers(network: nn.Module, groups: int) -> Tensor:
    """Return the group of every scalar, shape (P,), by layers."""
    group_of, layer_of = contiguous(max(len(layers_of(network)), 1), groups), owners(network)
    parts = [group_of[layer_of[name]].expand(parameter.numel()) for name, parameter in network.named_parameters()]
    return torch.cat(parts)


def channels(network: nn.Module, groups: int) -> Tensor:
    """Return the group of every scalar, shape (P,), by outputs; a branch's weight, without any, is in the first."""
    parts = []
    for parameter in network.parameters():
        outputs = len(parameter) if parameter.dim() else 1
        group_of = contiguous(outputs, groups if parameter.dim() else 1)
        parts.append(group_of.repeat_interleave(parameter.numel() // outputs))
    return torch.cat(parts)


def random(network: nn.Module, groups: int, seed: int) -> Tensor:
    """Return a random group of every scalar, shape (P,), from the stream "split" of a member's seed."""
    generator = torch.Generator().manual_seed(stream_seed(seed, "split"))
    count = sum(parameter.numel() for parameter in network.parameters())
    return torch.randint(groups, (count,), generator=generator, dtype=torch.uint8)


def check_groups(split: str, network: nn.Module, groups: int) -> None:
    """Check that a split of a target network leaves none of m groups empty.

    Raises:
        InputError: If there are more groups than layers, or than outputs of a layer.
    """
    if split == "random":
        return
    if split == "layers":
        count, things = len(layers_of(network)), "layers of the model"
    else:
        outputs = [len(module.weight) for module in network.modules() if isinstance(module, AFFINE)]
        count, things = min(outputs, default=0), "outputs of the narrowest layer of the model"
    if groups > count:
        accepted = f"2 to {count}, the {things}" if count >= 2 else "method.split=random"
        raise InputError("method.groups", groups, f"split={split}; accepted: {accepted}")


def anchored(group: Tensor, groups: int) -> Tensor:
    """Return the masks M_j, shape (m, P), bool, of the scalars in which copy j is anchored: those of group j.

    Example:
        >>> anchored(torch.tensor([0, 1, 1]), 2).int().tolist()
        [[1, 0, 0], [0, 1, 1]]
    """
    return group == torch.arange(groups, dtype=group.dtype, device=group.device).unsqueeze(1)


def masks(split: str, network: nn.Module, groups: int, seeds: Sequence[int]) -> list[Tensor]:
    """Return the masks M_j for the members of some seeds: one tensor (m, P), bool, each."""
    if split == "random":
        return [anchored(random(network, groups, seed), groups) for seed in seeds]
    group = layers(network, groups) if split == "layers" else channels(network, groups)
    return [anchored(group, groups)] * len(seeds)
