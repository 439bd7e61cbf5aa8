"""Find the tensors of a network that have several names: tied parameters, and those of modules in several places."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.func import functional_call


class Names:
    """Hold the names of a network's parameters and buffers.

    Attributes:
        first: Every name -> the first one of the same tensor, by which ``named_parameters`` and ``named_buffers`` list
            it.

    Args:
        network: The architecture.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
        >>> network[1].weight = network[0].weight
        >>> Names(network).first
        {'0.weight': '0.weight', '0.bias': '0.bias', '1.weight': '0.weight'}
    """

    def __init__(self, network: nn.Module) -> None:
        self.first: dict[str, str] = {}
        for listed in (network.named_parameters, network.named_buffers):
            own = {id(tensor): name for name, tensor in listed()}
            self.first |= {name: own[id(tensor)] for name, tensor in listed(remove_duplicate=False)}
        self._places = [
            f"{name}.{own}" if name else own
            for name, module in network.named_modules()
            for own, tensor in (*module._parameters.items(), *module._buffers.items())
            if tensor is not None
        ]

    def call(self, network: nn.Module, tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Return the outputs of a network of this architecture with other tensors, given by their first names."""
        placed = {name: tensors[self.first[name]] for name in self._places}
        # Tied here: functional_call itself leaves what it was given in a module that has several names.
        outputs: Tensor = functional_call(network, placed, (x,), tie_weights=False)
        return outputs
