"""Find and deform the parts of an ordinary network: modules of PyTorch alone, in whatever order its forward runs them.

What cannot be read off a foreign module is seen in a dry run: which submodules are called, with what shapes.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from homotopy_bench.models.dropout import Dropout
from homotopy_bench.models.layers import DEFORMATION, Deformable, Deformation, Deformed, Layer
from homotopy_bench.models.sublayer import Sublayer

_INPUT = "_input_shape"

MAPS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Single modules that may be deformed by themselves; normalisations and activations keep every shape, and are not."""


def remember_input(network: nn.Module, shape: tuple[int, ...]) -> None:
    """Keep the shape of a sample with an ordinary network, for dry runs."""
    vars(network)[_INPUT] = tuple(shape)


def is_ordinary(network: nn.Module) -> bool:
    """Return whether a network was made outside of this package, so that a dry run is possible and needed."""
    return _INPUT in vars(network)


def dry_run(network: nn.Module, shape: tuple[int, ...], *, training: bool = False) -> Tensor:
    """Return the output for zeros of a shape, in evaluation mode by default; the network's mode stays as it was."""
    modes = {module: module.training for module in network.modules()}
    first = next((parameter for parameter in network.parameters()), None)
    zeros = torch.zeros(shape) if first is None else first.new_zeros(shape)
    try:
        with torch.no_grad():
            output: Tensor = network.train(training)(zeros)
            return output
    finally:
        for module, mode in modes.items():
            module.training = mode


def draws_random_numbers(network: nn.Module, shape: tuple[int, ...]) -> bool:
    """Return whether a network draws from PyTorch's generator of the host in training, for zeros of a shape."""
    before = torch.get_rng_state()
    try:
        dry_run(copy.deepcopy(network), shape, training=True)
        return not torch.equal(before, torch.get_rng_state())
    finally:
        torch.set_rng_state(before)


def take_over_dropout(network: nn.Module) -> None:
    """Put :class:`~homotopy_bench.models.dropout.Dropout` in the place of every ``nn.Dropout``, with its mode.

    The ``state_dict`` stays that of the network as it was made.
    """
    ours: dict[nn.Module, Dropout] = {}
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if name and type(module) is nn.Dropout and module.p < 1.0:
            if module not in ours:
                ours[module] = Dropout(module.p, persistent=False).train(module.training)
            replace(network, name, ours[module])


@dataclass
class Calls:
    """Hold what a dry run saw of a submodule: shapes of its inputs and outputs.

    None stands for an input that is no single tensor or is overwritten, and for an output that is no tensor.
    """

    shapes: list[tuple[tuple[int, ...] | None, tuple[int, ...] | None]]

    @property
    def keep(self) -> bool:
        """Whether every call has one tensor in and one of the same shape out."""
        return all(before is not None and before == after for before, after in self.shapes)


def watched(network: nn.Module) -> dict[str, Calls]:
    """Return what a dry run of an ordinary network calls, by the names of submodules, in the order of first calls."""
    found: dict[str, Calls] = {}
    versions: dict[str, int | None] = {}
    handles = []
    for name, module in network.named_modules():

        def note(_: nn.Module, inputs: tuple[Any, ...], name: str = name) -> None:
            found.setdefault(name, Calls([]))
            versions[name] = _version(inputs)

        def look(_: nn.Module, inputs: tuple[Any, ...], output: Any, name: str = name) -> None:
            # A deformation combines the input with the output: it must still be there.
            whole = versions[name] is not None and versions[name] == _version(inputs)
            after = tuple(output.shape) if isinstance(output, Tensor) else None
            found[name].shapes.append((tuple(inputs[0].shape) if whole else None, after))

        handles += [module.register_forward_pre_hook(note), module.register_forward_hook(look)]
    try:
        dry_run(network, (2, *vars(network)[_INPUT]))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _version(inputs: tuple[Any, ...]) -> int | None:
    """Return how often a single input has been changed in place; None where it is no single tensor."""
    return inputs[0]._version if len(inputs) == 1 and isinstance(inputs[0], Tensor) else None


def shape_keeping(network: nn.Module) -> list[str]:
    """Return the names of the submodules of an ordinary network that keep the shape of their input, outermost first.

    They are linear maps, convolutions and modules of one's own (blocks) with parameters. What holds the first or the
    last map of the network is not among them, nor what lies in one that is; a ``Sequential`` is what is in it.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> remember_input(network, (3,))
        >>> shape_keeping(network)
        ['2']
    """
    calls = watched(network)
    maps = [name for name in calls if isinstance(network.get_submodule(name), MAPS)]
    ends = {maps[0], maps[-1]} if maps else set()
    found: list[str] = []
    for name, module in network.named_modules():
        if name == "" or name not in calls or any(name.startswith(f"{outer}.") for outer in found):
            continue
        own = not type(module).__module__.startswith("torch.nn.") or isinstance(module, MAPS)
        holds_end = any(end == name or end.startswith(f"{name}.") for end in ends)
        if own and not holds_end and calls[name].keep and any(True for _ in module.parameters()):
            found.append(name)
    return sorted(found, key=list(calls).index)


def matching(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Return the names of submodules that patterns such as ``stages.*.conv2`` mean, each of which keeps its shape.

    Raises:
        ValueError: If a pattern means none, or one that does not keep the shape of its input; names it.
    """
    names = [name for name, _ in network.named_modules() if name]
    calls = watched(network) if is_ordinary(network) else None
    found: list[str] = []
    for pattern in patterns:
        meant = [name for name in names if fnmatchcase(name, pattern)]
        if not meant:
            raise ValueError(f"'{pattern}' is the name of no submodule; known: {_few(names)}")
        for name in meant:
            _check_keeps(network, name, calls)
        found += [name for name in meant if name not in found]
    return sorted(found, key=names.index)


def _check_keeps(network: nn.Module, name: str, calls: dict[str, Calls] | None) -> None:
    """Check that a submodule keeps the shape of its input.

    Raises:
        ValueError: If it does not.
    """
    from homotopy_bench.models.layers import keeps_shape

    module = network.get_submodule(name)
    if calls is None:
        # What transformers deform are the branches of their blocks, whole.
        branches = [name for name, one in network.named_modules() if isinstance(one, Sublayer)]
        layers = branches or [name for name, one in network.named_modules() if isinstance(one, Layer)]
        if name not in layers:
            raise ValueError(f"'{name}' is no layer of this model; accepted: of {_few(layers)}")
        if isinstance(module, Layer) and not keeps_shape(module):
            raise ValueError(f"'{name}' does not keep the shape of its input")
    elif name not in calls:
        raise ValueError(f"'{name}' is not called in a dry run")
    elif not calls[name].keep:
        before, after = next(pair for pair in calls[name].shapes if pair[0] is None or pair[0] != pair[1])
        raise ValueError(f"'{name}' maps {_shown(before)} to {_shown(after)}; accepted: submodules that keep the shape")


def _shown(shape: tuple[int, ...] | None) -> str:
    return "what is no single tensor or is overwritten" if shape is None else str(list(shape))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


class _LastWord:
    """Give a deformation the last word on the output of a module, as a forward hook."""

    def __init__(self, deformation: Deformation | Deformed) -> None:
        self.deformation = deformation

    def __call__(self, _: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        result: Tensor = self.deformation(inputs[0], output)
        return result


def deform_output(module: nn.Module, deformation: Deformation | Deformed) -> None:
    """Let a deformation have the last word on a module's output; its rule gets the input and the plain output."""
    if isinstance(module, Deformable):
        module.deform(deformation)
    else:
        module.register_forward_hook(_LastWord(deformation))


def deform_map(module: nn.Module, deformation: Deformation | Deformed) -> bool:
    """Let a deformation have the last word on a linear map or convolution, before what follows it.

    Returns:
        Whether the module is one, or a layer with one.
    """
    if isinstance(module, Layer):
        module.deform_map(deformation)
        return True
    if isinstance(module, MAPS):
        deform_output(module, deformation)
        return True
    return False


def hold_deformation(network: nn.Module, deformation: nn.Module) -> None:
    """Keep a deformation, or several in one module, at the top of a network, where its coefficients are state.

    What a ``Sequential`` holds it would run as one more part; it goes on as one that does not.
    """
    if isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward:
        network.__class__ = type(type(network).__name__, (_WithoutDeformation, type(network)), {})
    network.add_module(DEFORMATION, deformation)


class _WithoutDeformation(nn.Sequential):
    """Runs its parts in order, without the deformation."""

    def forward(self, input: Any) -> Any:
        for name, module in self._modules.items():  # not named_children, which has a module once
            if name != DEFORMATION and module is not None:
                input = module(input)
        return input


class DeformedActivation(nn.Module):
    """Stand in the place of an activation that a deformation replaces."""

    def __init__(self, activation: Deformed) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return what the deformation makes of x."""
        return self.activation(x)


def relus(network: nn.Module) -> list[str]:
    """Return the names of all ``nn.ReLU``; a module that stands under several names has all of them."""
    return [name for name, module in network.named_modules(remove_duplicate=False) if type(module) is nn.ReLU]


def replace(network: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of a submodule."""
    owner, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(owner), attribute, module)
