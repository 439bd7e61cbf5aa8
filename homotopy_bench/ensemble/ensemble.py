"""Rows are members: M independent networks of one architecture, their parameters in one matrix theta (M, P).

A single run is an ensemble of one. The gradients live in a matrix of the same shape, and what a network keeps besides
its parameters (running statistics, the coefficients of a deformation) in buffers stacked to (M, *shape). Every
parameter tensor of the networks is a view of theta; nothing is gathered before a step or scattered after it.

A composition, three members of a small network on one shared batch:

    >>> import torch
    >>> from torch import nn
    >>> ensemble = Ensemble([nn.Linear(2, 1, bias=False) for _ in range(3)])
    >>> _ = ensemble.theta.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> outputs = ensemble.forward(torch.tensor([[2.0, 3.0]]).expand(3, 1, 2))
    >>> outputs.flatten().tolist()
    [2.0, 3.0, 5.0]
    >>> ensemble.backward(outputs.sum())
    >>> ensemble.gradient.tolist()
    [[2.0, 3.0], [2.0, 3.0], [2.0, 3.0]]
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.func import vmap

from homotopy_bench.distributed.replicas import ALONE, Replicas
from homotopy_bench.ensemble.names import Names
from homotopy_bench.ensemble.normalization import widen_normalizations
from homotopy_bench.ensemble.stacked import Stacked, stack
from homotopy_bench.models.attention import differentiable_twice
from homotopy_bench.models.layers import DEFORMATION


class Ensemble:
    """Hold M members of one architecture as rows of ``theta``.

    Attributes:
        theta: Parameters, shape (M, P); row m is member m.
        gradient: Gradient of the last backward pass, shape (M, P), the mean over the replicas.
        replicas: The copies that share batches.
        target_size: Number of columns that are parameters of the target network; those of a deformation follow.
        rows: What an optimiser updates: for each member its row of theta in parts, each with ``grad`` its part of the
            gradient; one part, two where a deformation has parameters of its own, or as :meth:`cut_rows` says.
        parameters: Name -> view of theta, shape (M, *shape of the parameter).
        gradients: Name -> view of the gradient, of the same shape.
        buffers: Name -> stacked buffer, shape (M, *shape of the buffer).
        network: The architecture; with M = 1 its parameters and buffers are row 0 itself.
        names: Which of its names mean one tensor.

    Args:
        networks: The members as ordinary modules with their initial values, all of one architecture.
        device: Where the ensemble lives.
        dtype: Format of parameters and of floating-point buffers.
        replicas: Equal copies of the ensemble, each with a share of every batch; the ensemble itself where there is
            one.
        channels_last: Whether a single network is given its images (C, H, W) with the channels of a pixel together,
            which its convolutions and what lies between them then keep.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        replicas: Replicas = ALONE,
        *,
        channels_last: bool = False,
    ) -> None:
        self.replicas = replicas
        self._channels_last = channels_last
        # Asked once of every network: asking for each name again takes longer than all else for deep networks.
        parameters = [dict(network.named_parameters()) for network in networks]
        stacked = {name: torch.stack([own[name].detach() for own in parameters]) for name in parameters[0]}
        members = len(networks)
        columns = torch.cat([values.reshape(members, -1) for values in stacked.values()], dim=1)
        self.theta: Float[Tensor, "M P"] = columns.to(device=device, dtype=dtype)
        self.gradient: Float[Tensor, "M P"] = torch.zeros_like(self.theta)
        shapes = {name: values.shape[1:] for name, values in stacked.items()}
        self.parameters = self._views(self.theta, shapes)
        self.gradients = self._views(self.gradient, shapes)
        self.target_size = sum(
            shape.numel() for name, shape in shapes.items() if not name.startswith(f"{DEFORMATION}.")
        )
        # Fused kernels round the last few values of a tensor differently from the others, and the target network's must
        # be rounded as the baseline's are, whatever a deformation adds after them.
        self.cut_rows([size for size in (self.target_size, self.theta.shape[1] - self.target_size) if size])
        buffers = [dict(network.named_buffers()) for network in networks]
        self.buffers = {
            name: torch.stack([own[name] for own in buffers]).to(device, dtype if buffer.is_floating_point() else None)
            for name, buffer in buffers[0].items()
        }
        self._shapes = shapes
        self.network = networks[0]
        self.names = Names(self.network)
        widen_normalizations(self.network, several=members > 1)
        self._stacked: Stacked | None = None
        if members == 1:
            self._install(self.network)
        else:
            for view in self.parameters.values():
                view.requires_grad_()
            stacked = {**self.parameters, **self.buffers}
            self._stacked = stack(self.network, {name: stacked[first] for name, first in self.names.first.items()})

    @property
    def members(self) -> int:
        """Number M of members."""
        return self.theta.shape[0]

    def forward(self, x: Shaped[Tensor, "M B *input"]) -> Float[Tensor, "M B *output"]:
        """Return the members' outputs, shape (M, B, *output), for a batch of B inputs each, shape (M, B, *input)."""
        return self._run(x) if self._stacked is None else self._stacked(x)

    def modules(self, x: Shaped[Tensor, "M B *input"]) -> Float[Tensor, "M B *output"]:
        """Return the outputs of :meth:`forward` by the modules themselves: slower, but differentiable several times."""
        with differentiable_twice():
            return self._run(x)

    def _run(self, x: Shaped[Tensor, "M B *input"]) -> Float[Tensor, "M B *output"]:
        if self.members == 1:  # vmap over one member costs 1.8 times as much as the module itself
            outputs: Tensor = self.network(_with_channels_last(x[0]) if self._channels_last else x[0])
            return outputs.unsqueeze(0)
        call = vmap(self._call, randomness="different")
        stacked: Tensor = call(self.parameters, self.buffers, x)
        return stacked

    def backward(self, loss: Float[Tensor, ""]) -> None:
        """Write the gradient of a scalar into ``gradient``.

        Args:
            loss: Sum of the members' losses; as no member's loss depends on another's parameters, row m receives the
                gradient of the loss of member m.
        """
        if self.members == 1:  # the parameters' own grad is a view of the matrix: nothing has to be copied
            self.gradient.zero_()
            torch.autograd.backward(loss)
        else:
            gradients = torch.autograd.grad(loss, list(self.parameters.values()), materialize_grads=True)
            torch._foreach_copy_(list(self.gradients.values()), gradients)
        self.replicas.mean_(self.gradient)

    def leaves(self) -> list[Tensor]:
        """Return the tensors that the graph of :meth:`forward` ends in, in the order of theta's columns."""
        return list(self.network.parameters() if self.members == 1 else self.parameters.values())

    def leaf_views(self, matrix: Float[Tensor, "M P"]) -> list[Tensor]:
        """Return views of the columns of a matrix (M, P), one in the shape of each of :meth:`leaves`."""
        views = self._views(matrix, self._shapes).values()
        return [view[0] for view in views] if self.members == 1 else list(views)

    def layers(self) -> dict[str, slice]:
        """Return the columns of each layer: of the parameters that follow each other and belong to one module."""
        columns: dict[str, slice] = {}
        start = 0
        for name, shape in self._shapes.items():
            layer, stop = name.rpartition(".")[0] or name, start + shape.numel()
            known = columns.get(layer)
            columns[layer] = slice(start if known is None else known.start, stop)
            start = stop
        return columns

    def cut_rows(self, sizes: Sequence[int]) -> None:
        """Give an optimiser every row in parts, so that each may have a rate of its own.

        Args:
            sizes: Number of columns of each part; together P.
        """
        self.rows = [self._pieces(*pair, sizes) for pair in zip(self.theta, self.gradient, strict=True)]

    @contextmanager
    def only(self, row: int | None) -> Iterator[None]:
        """Put the gradients and buffers of all members but one back at the end of the context.

        Args:
            row: The member that keeps what it got inside; None for all.
        """
        if row is None or self.members == 1:
            yield
            return
        written = [self.gradient, *self.buffers.values()]
        before = [values.clone() for values in written]
        yield
        for values, old in zip(written, before, strict=True):
            old[row].copy_(values[row])
            values.copy_(old)

    def assign(self, buffers: Mapping[str, Tensor]) -> None:
        """Set stacked buffers, name -> values (M, *shape of the buffer), such as the coefficients of a deformation."""
        for name, values in buffers.items():
            self.buffers[name].copy_(values)

    def merged(self, groups: Sequence[slice]) -> Ensemble:
        """Return an ensemble of networks that are the means of groups of these.

        Parameters and floating-point buffers are averaged, running statistics among them: they are those of the mean
        network where the networks of a group agree. Other buffers are those of the first network of a group.

        Args:
            groups: For each new member the rows here that it is the mean of.

        Returns:
            A new ensemble, which shares nothing with this one.
        """
        like = self.theta
        stacked = {**self.parameters, **self.buffers}
        networks = []
        for rows in groups:
            # Empty there: what a copy from the host would bring is overwritten, and the device waited for.
            network = copy.deepcopy(self.network).to(dtype=like.dtype).to_empty(device=like.device)
            with torch.no_grad():
                for name, own in (*network.named_parameters(), *network.named_buffers()):
                    own.copy_(_mean(stacked[self.names.first[name]][rows]))
            networks.append(network)
        return Ensemble(networks, like.device, like.dtype, self.replicas, channels_last=self._channels_last)

    def statistics(self) -> dict[str, Tensor]:
        """Return the buffers other than path coefficients: running statistics, dropout keys; name -> (M, *shape)."""
        prefix = f"{DEFORMATION}."
        return {name: values for name, values in self.buffers.items() if not name.startswith(prefix)}

    def unsaved_buffers(self) -> set[str]:
        """Return the names of buffers that are in no ``state_dict`` of the network."""
        return self.buffers.keys() - self.network.state_dict().keys()

    def train(self, mode: bool = True) -> None:
        """Put the networks into training mode, or into evaluation mode."""
        self.network.train(mode)

    def member_state(self, member: int, names: Sequence[str]) -> dict[str, Tensor]:
        """Return the state dict of one member, for a module that has these entries.

        Args:
            member: Row of theta.
            names: Names of parameters and buffers, as in the ``state_dict`` of the module.

        Returns:
            Copies of the member's tensors, on the host.
        """
        stacked = {**self.parameters, **self.buffers}
        return {name: stacked[self.names.first[name]][member].detach().cpu().clone() for name in names}

    def _call(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        return self.names.call(self.network, parameters | buffers, x)

    def _install(self, network: nn.Module) -> None:
        """Make the tensors of a module the views of row 0, so that calling it needs no functional_call."""
        tensors: dict[str, Tensor] = {name: values[0] for name, values in self.buffers.items()}
        for name, view in self.parameters.items():
            tensors[name] = nn.Parameter(view[0])
            tensors[name].grad = self.gradients[name][0]
        for name, first in self.names.first.items():
            owner, _, attribute = name.rpartition(".")
            setattr(network.get_submodule(owner), attribute, tensors[first])

    @staticmethod
    def _pieces(row: Tensor, gradient: Tensor, sizes: Sequence[int]) -> list[Tensor]:
        pieces = list(torch.split(row, list(sizes)))
        for piece, part in zip(pieces, torch.split(gradient, list(sizes)), strict=True):
            piece.grad = part
        return pieces

    @staticmethod
    def _views(matrix: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        sizes = [shape.numel() for shape in shapes.values()]
        columns = torch.split(matrix, sizes, dim=1)
        return {
            name: column.view(len(column), *shape)
            for (name, shape), column in zip(shapes.items(), columns, strict=True)
        }


def _with_channels_last(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Return a copy with the channels of a pixel together.

    Not by ``contiguous``, which leaves images of a single channel as they are: either layout describes them, and
    convolutions would then take the other.
    """
    return torch.empty_like(images, memory_format=torch.channels_last).copy_(images)


def _mean(values: Tensor) -> Tensor:
    """Return the mean over the first dimension; of one entry, or where there is no mean, the first entry."""
    return values.mean(dim=0) if len(values) > 1 and values.is_floating_point() else values[0]
