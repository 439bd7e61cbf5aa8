"""Compute the forward pass of M networks of one architecture, layer by layer on stacked tensors.

A model is written for one member, and vmap runs any model for M. For linear maps and elementwise functions that is
work for nothing: the batched form is known, and half as long. So it is for attention, whose fused kernels vmap does not
know. :func:`stack` reads it off the modules of a network that
consists of nothing else, with deformations where a method has put them:

    >>> from torch import nn
    >>> network = Network(flatten=nn.Flatten(), hidden=Layer(nn.Linear(2, 3), torch.relu), output=nn.Linear(3, 1))
    >>> tensors = {name: torch.stack([value, value]) for name, value in network.named_parameters()}
    >>> forward = stack(network, tensors)
    >>> x = torch.ones(2, 5, 2)
    >>> forward(x).shape, bool((forward(x)[1] - network(x[1])).abs().max() < 1e-6)
    (torch.Size([2, 5, 1]), True)
    >>> stack(Network(norm=nn.BatchNorm1d(2)), {}) is None
    True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.ensemble.affine import Map, affine, relu_layers
from homotopy_bench.ensemble.bent_layers import bent_layers
from homotopy_bench.ensemble.blended_layers import blended_layers
from homotopy_bench.models.activations import ACTIVATIONS
from homotopy_bench.models.attention import Attention, attend
from homotopy_bench.models.bend import Bent
from homotopy_bench.models.blend import blend
from homotopy_bench.models.dropout import Dropout, dropped
from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed, Layer, Network, ResidualLayer
from homotopy_bench.models.sequences import MeanOverPlaces, PatchEmbedding, TiedOutput, TokenEmbedding
from homotopy_bench.models.sublayer import Sublayer

Stacked = Callable[[Tensor], Tensor]
"""(M, B, *input) -> (M, B, *output)."""

Rule = Callable[..., Tensor]

Pair = tuple[Tensor, Tensor]
"""What a deformation says of a layer: s and c, or two slopes."""


def stack(network: nn.Module, tensors: Mapping[str, Tensor]) -> Stacked | None:
    """Return a function that runs all members at once.

    Args:
        network: The architecture.
        tensors: Name of a parameter or buffer -> the members' values, shape (M, *shape). They are read at every call.

    Returns:
        A function of inputs (M, B, *input) with outputs (M, B, *output); None where the network has parts for which
        only vmap knows what to do.
    """
    return _Stacker(network, tensors).module(network, "")


class _Stacker:
    """Reads modules; every method returns None for what it does not know."""

    def __init__(self, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.names = {id(module): name for name, module in network.named_modules()}
        # Of each parameter its name, for those that modules hold under another one, as ReZero's scale.
        self.parameters = {id(value): name for name, value in network.named_parameters()}

    def module(self, module: nn.Module, name: str) -> Stacked | None:
        if isinstance(module, Network | nn.Sequential):
            parts = module.parts() if isinstance(module, Network) else dict(module.named_children())
            return _chain([self.module(part, _join(name, own)) for own, part in parts.items()])
        if type(module) is nn.Identity:
            return lambda x: x
        if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return lambda x: x.flatten(2)
        if type(module) is nn.Linear:
            weight, bias = self.affine(name)
            return over_places(lambda x: affine(x, weight, bias))
        if type(module) is nn.LayerNorm and len(module.normalized_shape) == 1:
            return self.normalisation(module, name)
        if type(module) is Dropout:
            return lambda x: dropped(module, x, *(self.tensors[_join(name, own)] for own in ("key", "rate")))
        if type(module) is Sublayer:
            return self.sublayer(module, name)
        if type(module) is Attention:
            return self.attention(module, name)
        if type(module) in (TokenEmbedding, PatchEmbedding):
            return self.embedding(module, name)
        if type(module) is MeanOverPlaces:
            return module
        if type(module) is TiedOutput:
            vectors = self.tensors[_join(self.names[id(module.embedding[0])], "tokens")]
            return over_places(lambda x: affine(x, vectors, None))
        if type(module) in (Layer, ResidualLayer):
            assert isinstance(module, Layer)
            return self.layer(module, name)
        return None

    def normalisation(self, norm: nn.LayerNorm, name: str) -> Stacked:
        weight, bias = (self.tensors[_join(name, own)] for own in ("weight", "bias"))
        shape, eps = norm.normalized_shape, norm.eps
        return lambda x: torch.addcmul(
            _beside(bias, x), functional.layer_norm(x, list(shape), eps=eps), _beside(weight, x)
        )

    def embedding(self, embedding: nn.Module, name: str) -> Stacked:
        positions = self.tensors[_join(name, "positions")]
        if isinstance(embedding, PatchEmbedding):
            weight, bias = self.affine(_join(name, "affine"))
            patched = over_places(lambda x: affine(x, weight, bias))
            return lambda x: patched(embedding.patches(x)) + positions.unsqueeze(1)
        vectors = self.tensors[_join(name, "tokens")]
        return lambda tokens: embedded(tokens, vectors) + positions[:, : tokens.shape[-1]].unsqueeze(1)

    def attention(self, attention: Attention, name: str) -> Stacked:
        (into, into_bias), (out, out_bias) = (self.affine(_join(name, own)) for own in ("inputs", "output"))
        before = over_places(lambda x: affine(x, into, into_bias))
        after = over_places(lambda x: affine(x, out, out_bias))

        def run(x: Tensor) -> Tensor:
            # Members are beside each other as samples are: attention has no parameters.
            gathered = attend(before(x).flatten(0, 1), attention.heads, causal=attention.causal)
            return after(gathered.view(x.shape))

        return run

    def sublayer(self, sublayer: Sublayer, name: str) -> Stacked | None:
        """Return what a branch on every place makes of x, as :class:`Sublayer` does."""
        branch = self.module(sublayer.branch, _join(name, "branch"))
        dropout = self.module(sublayer.dropout, _join(name, "dropout"))
        norm = None if sublayer.norm is None else self.module(sublayer.norm, _join(name, "norm"))
        if branch is None or dropout is None or (norm is None) != (sublayer.norm is None):
            return None
        run = branch if isinstance(sublayer.branch, Attention) else over_places(branch)
        rule = self.rule(sublayer.deformation[0]) if sublayer.deformation else None
        before, after = (norm if sublayer.place == place else None for place in ("pre", "post"))

        def forward(x: Tensor) -> Tensor:
            y = dropout(run(x if before is None else before(x)))
            if rule is not None:
                y = rule(x.flatten(1, -2), y.flatten(1, -2)).view(x.shape)
            elif sublayer.skip:
                y = x + y
            return y if after is None else after(y)

        return forward

    def affine(self, name: str) -> Map:
        return self.tensors[_join(name, "weight")], self.tensors.get(_join(name, "bias"))

    def layer(self, layer: Layer, name: str) -> Stacked | None:
        branch = self.branch(layer, _join(name, "affine"))
        if branch is None:
            return None
        plain = self.beside(layer, branch) if isinstance(layer, ResidualLayer) else branch
        if not layer.deformation:
            return plain
        deformation = layer.deformation[0]
        if deformation.rule is blend and isinstance(plain, _Layers) and plain.run is _relu_layers:
            own = self.coefficients(deformation)
            return _Layers(blended_layers, plain.maps, (lambda: (own["s"], own["c"]),))
        rule = self.rule(deformation)
        return lambda x: rule(x, plain(x))

    def branch(self, layer: Layer, name: str) -> Stacked | None:
        """Return activation(affine(x))."""
        if type(layer.affine) is not nn.Linear or layer.norm is not None:
            return None
        (weight, bias), activation = self.affine(name), layer.activation
        if activation is torch.relu:
            return _Layers(_relu_layers, ((weight, bias),), (None,))
        if isinstance(activation, Deformed):
            own = () if activation.parameter is None else (self.tensors[_join(DEFORMATION, activation.parameter)],)
            return self.deformed(activation.deformation, (weight, bias), own)
        if activation in ACTIVATIONS.values():
            return lambda x: activation(affine(x, weight, bias))
        return None

    def deformed(self, deformation: Deformation, affine_map: Map, parameters: tuple[Tensor, ...]) -> Stacked:
        """Return the rule of a deformation, with parameters of its own, on affine(x)."""
        weight, bias = affine_map
        if isinstance(deformation.rule, Bent):
            slopes, own = deformation.rule.slopes, self.coefficients(deformation)
            return _Layers(
                bent_layers,
                (affine_map,),
                (lambda: slopes(*(_beside_samples(values) for values in parameters), **own),),
            )
        rule = self.rule(deformation)
        return lambda x: rule(affine(x, weight, bias), *(_beside_samples(values) for values in parameters))

    def beside(self, layer: ResidualLayer, branch: Stacked) -> Stacked:
        """Return x + scale branch(x)."""
        if not isinstance(layer.scale, nn.Parameter):
            return lambda x: x + layer.scale * branch(x)
        scale = self.tensors[self.parameters[id(layer.scale)]]
        return lambda x: x + _beside_samples(scale) * branch(x)

    def rule(self, deformation: Deformation) -> Rule:
        """Return the rule at the members' coefficients."""
        coefficients = self.coefficients(deformation)
        return lambda *tensors: deformation.rule(*tensors, **coefficients)

    def coefficients(self, deformation: Deformation) -> dict[str, Tensor]:
        """Return the members' coefficients by name, which stand where :class:`Deformation` says."""
        name = self.names[id(deformation)]
        return {own: _beside_samples(self.tensors[_join(name, own)]) for own in deformation.coefficients()}


@dataclass(frozen=True)
class _Layers:
    """Layers of one kind, one after the other: one node of autograd computes them all.

    Attributes:
        run: The kind.
        maps: The affine map of every layer.
        pairs: Function () -> pair, of every layer, which is called at every pass; None for layers without.
    """

    run: Callable[[Tensor, Sequence[Map], Sequence[Pair]], Tensor]
    maps: tuple[Map, ...]
    pairs: tuple[Callable[[], Pair] | None, ...]

    def __call__(self, x: Tensor) -> Tensor:
        return self.run(x, self.maps, [pair() for pair in self.pairs if pair])

    def joined(self, others: _Layers) -> _Layers:
        return _Layers(self.run, self.maps + others.maps, self.pairs + others.pairs)


def _chain(parts: list[Stacked | None]) -> Stacked | None:
    merged: list[Stacked] = []
    for part in parts:
        if part is None:
            return None
        before = merged[-1] if merged else None
        if isinstance(part, _Layers) and isinstance(before, _Layers) and part.run is before.run:
            merged[-1] = before.joined(part)
        else:
            merged.append(part)

    def run(x: Tensor) -> Tensor:
        for part in merged:
            x = part(x)
        return x

    return merged[0] if len(merged) == 1 else run


def over_places(run: Stacked) -> Stacked:
    """Return what does at all places of sequences (M, B, T, d) what a function does to vectors (M, B, d)."""
    return lambda x: run(x) if x.dim() == 3 else run(x.flatten(1, -2)).reshape(*x.shape[:-1], -1)


def embedded(tokens: Tensor, vectors: Tensor) -> Tensor:
    """Return the members' vectors (M, B, T, d) of tokens (M, B, T), for vectors (M, V, d) of every token."""
    members, vocabulary, width = vectors.shape
    first = vocabulary * torch.arange(members, device=tokens.device).view(-1, 1, 1)
    return functional.embedding(first + tokens, vectors.reshape(members * vocabulary, width))


def _relu_layers(x: Tensor, maps: Sequence[Map], _: Sequence[Pair]) -> Tensor:
    return relu_layers(x, maps)


def _beside_samples(values: Tensor) -> Tensor:
    """Return values (M,) or (M, units) in the shape in which they broadcast with (M, B, units)."""
    return values.view(len(values), 1, -1)


def _beside(values: Tensor, x: Tensor) -> Tensor:
    """Return values (M, units) in the shape in which they broadcast with x (M, ..., units)."""
    return values.view(len(values), *[1] * (x.dim() - 2), -1)


def _join(*names: str) -> str:
    return ".".join(name for name in names if name)
