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
from homotopy_bench.models.blend import add_input, blend
from homotopy_bench.models.dirac import Dirac, delta
from homotopy_bench.models.dropout import Dropout, dropped
from homotopy_bench.models.layers import DEFORMATION, Deformation, Deformed, Layer, Network, ResidualLayer
from homotopy_bench.models.sequences import MeanOverPlaces, PatchEmbedding, TiedOutput, TokenEmbedding
from homotopy_bench.models.sublayer import Sublayer
from homotopy_bench.models.tailored import Tailored, TailoredLeakyReLU

Stacked = Callable[[Tensor], Tensor]
"""(M, B, *input) -> (M, B, *output)."""

Rule = Callable[..., Tensor]

Pair = tuple[Tensor, Tensor]
"""What a deformation says of a layer: s and c, or two slopes."""


MapSource = Callable[[], Map]
"""Makes the affine map of a layer, for those in which it depends on more than its own tensors."""


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
        if module._forward_hooks or module._forward_pre_hooks:
            return None
        if isinstance(module, Network):
            return _chain([self.module(part, _join(name, own)) for own, part in module.parts().items()])
        if type(module).forward is nn.Sequential.forward:  # a subclass may have another
            parts = module._modules.items()  # not named_children, which has a module once
            return _chain([self.module(part, _join(name, own)) for own, part in parts if part is not None])
        if type(module) is nn.Identity:
            return lambda x: x
        if type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
            return lambda x: x.flatten(2)
        if type(module) is nn.Linear:
            weight, bias = self.affine(name)
            return over_places(lambda x: affine(x, weight, bias))
        if type(module) is nn.LayerNorm and len(module.normalized_shape) == 1 and module.bias is not None:
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

    def map(self, module: nn.Module, name: str) -> MapSource | None:
        """Return a function that returns the present affine map of a module; None where it is no linear one."""
        if type(module) is nn.Linear:
            plain = self.affine(name)
            return lambda: plain
        if isinstance(module, Dirac) and isinstance(module, nn.Linear):
            weight, bias = self.affine(name)
            scales = [self.tensors[_join(name, scale)] for scale in module.scales]
            return lambda: (module.effective(weight, *scales), bias)
        return None

    def layer(self, layer: Layer, name: str) -> Stacked | None:
        branch = self.branch(layer, _join(name, "affine"))
        if branch is None:
            return None
        plain = self.beside(layer, branch) if isinstance(layer, ResidualLayer) else branch
        if not layer.deformation:
            return plain
        part = layer.deformation[0]
        if _rule(part) is blend and isinstance(plain, _Layers) and plain.run is _relu_layers:
            own = self.coefficients(part)
            return _Layers(blended_layers, plain.maps, (lambda: (own["s"], own["c"]),))
        rule = self.rule(part)
        return lambda x: rule(x, plain(x))

    def branch(self, layer: Layer, name: str) -> Stacked | None:
        """Return activation(affine(x))."""
        source, activation = self.map(layer.affine, name), layer.activation
        if source is not None and layer.shift:
            source = self.shifted(layer.shift[0], source)
        if source is None or layer.norm is not None:
            return None
        if activation is torch.relu:
            return _Layers(_relu_layers, (source,), (None,))
        if isinstance(activation, Deformed):
            return self.deformed(activation, source)
        if isinstance(activation, Tailored | TailoredLeakyReLU) or activation in ACTIVATIONS.values():
            return lambda x: activation(affine(x, *source()))
        return None

    def shifted(self, part: Deformation | Deformed, source: MapSource) -> MapSource | None:
        """Return the map with s I added to its weight: s x added to its output."""
        if _rule(part) is not add_input:
            return None
        s = self.coefficients(part)["s"]

        def shifted() -> Map:
            weight, bias = source()
            return weight + s * delta(weight.shape[1:], weight), bias

        return shifted

    def deformed(self, part: Deformed, source: MapSource) -> Stacked:
        """Return the rule of a deformation, with parameters of its own, on affine(x)."""
        rule = part.deformation.rule
        if isinstance(rule, Bent):
            slopes, own, parameters = rule.slopes, self.coefficients(part), self.own_parameters(part)
            return _Layers(
                bent_layers,
                (source,),
                (lambda: slopes(*(_beside_samples(values) for values in parameters), **own),),
            )
        applied = self.rule(part)
        return lambda x: applied(affine(x, *source()))

    def beside(self, layer: ResidualLayer, branch: Stacked) -> Stacked:
        """Return x + scale branch(x)."""
        if not isinstance(layer.scale, nn.Parameter):
            return lambda x: x + layer.scale * branch(x)
        scale = self.tensors[self.parameters[id(layer.scale)]]
        return lambda x: x + _beside_samples(scale) * branch(x)

    def rule(self, part: Deformation | Deformed) -> Rule:
        """Return the rule at the members' coefficients and parameters."""
        rule, coefficients, parameters = _rule(part), self.coefficients(part), self.own_parameters(part)
        return lambda *tensors: rule(*tensors, *(_beside_samples(values) for values in parameters), **coefficients)

    def own_parameters(self, part: Deformation | Deformed) -> tuple[Tensor, ...]:
        """Return the members' values of the parameter of the deformation that a layer has; none where it has none."""
        if isinstance(part, Deformation) or part.parameter is None:
            return ()
        return (self.tensors[_join(DEFORMATION, part.parameter)],)

    def coefficients(self, part: Deformation | Deformed) -> dict[str, Tensor]:
        """Return the members' coefficients by name, which stand where :class:`Deformation` says."""
        deformation, layer = (part, None) if isinstance(part, Deformation) else (part.deformation, part.layer)
        name = self.names[id(deformation)]
        stacked = {own: self.tensors[_join(name, own)] for own in deformation.coefficients()}
        return {
            own: _beside_samples(values if layer is None else values[:, layer : layer + 1])
            for own, values in stacked.items()
        }


@dataclass(frozen=True)
class _Layers:
    """Layers of one kind, one after the other: one node of autograd computes them all.

    Attributes:
        run: The kind.
        maps: Function () -> affine map, of every layer, which is called at every pass.
        pairs: Function () -> pair, of every layer, likewise; None for layers without.
    """

    run: Callable[[Tensor, Sequence[Map], Sequence[Pair]], Tensor]
    maps: tuple[MapSource, ...]
    pairs: tuple[Callable[[], Pair] | None, ...]

    def __call__(self, x: Tensor) -> Tensor:
        return self.run(x, [source() for source in self.maps], [pair() for pair in self.pairs if pair])

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


def _rule(part: Deformation | Deformed) -> Rule:
    return part.rule if isinstance(part, Deformation) else part.deformation.rule


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
