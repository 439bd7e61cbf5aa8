"""Hold M networks as rows, and evaluate their loss at any points of parameter space, many at once.

A point is a row of parameters with the statistics (buffers) that belong to it. Every metric moves the networks to
points of its own: the points of a chord, of a plane, of a sphere. Points are evaluated in chunks that train as one
ensemble would: the networks' own rows are never written to.

    >>> from torch import nn
    >>> networks = Networks.of([nn.Linear(1, 2, bias=False)])
    >>> samples = Samples(torch.tensor([[1.0]]), torch.tensor([0]), "train")
    >>> line = torch.tensor([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.0]])
    >>> scores = networks.evaluate([networks.points(line)], samples)
    >>> [round(loss, 4) for loss in scores.loss.tolist()], scores.error.tolist()
    ([0.6931, 0.1269, 2.1269], [0.0, 0.0, 1.0])
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from homotopy_bench.curvature.point import split_batches
from homotopy_bench.curvature.products import CountedOperator, hessian_operator, rebuilt_hessian_operator
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy
from homotopy_bench.hardware.transfer import inputs_as
from homotopy_bench.landscape.combined import Combined
from homotopy_bench.landscape.dense import DenseLayer, dense_layers, dense_scores, has_fused_linear
from homotopy_bench.landscape.first_layer import FirstLayer, combined_scores, leads
from homotopy_bench.landscape.measurement import Convention
from homotopy_bench.landscape.point_threads import PointThreads

CHUNK_SAMPLES = 4096
"""Samples of one forward pass, over all points of a chunk; bounds its memory and keeps activations in the cache."""

HESSIAN_BATCH = 1000
"""Samples of one batch of a Hessian product."""

KEPT_BYTES = 4e9
"""Most memory for the graph of a gradient; where it would take more, it is built anew for every product."""


@dataclass(frozen=True)
class Samples:
    """Hold the samples of one split."""

    x: Shaped[Tensor, " N *input"]
    """Inputs (N, *input)."""
    y: Int[Tensor, " N *places"]
    """Labels (N,), or (N, T) of sequences, int64."""
    split: str
    """``train`` or ``test``."""

    def __len__(self) -> int:
        """Return N."""
        return len(self.y)

    def to(self, dtype: torch.dtype) -> Samples:
        """Return the same samples with inputs in another format."""
        return Samples(inputs_as(self.x, dtype), self.y, self.split)


@dataclass(frozen=True)
class Points:
    """Hold K points: parameters with the buffers that belong to them."""

    theta: Float[Tensor, "K P"]
    """Parameters (K, P)."""
    buffers: Mapping[str, Shaped[Tensor, "K ..."]]
    """Name -> (K, *shape): running statistics, coefficients of a deformation."""

    def __len__(self) -> int:
        """Return K."""
        return len(self.theta)

    def rows(self, chosen: slice | Tensor) -> Points:
        """Return some of the points."""
        return Points(self.theta[chosen], {name: values[chosen] for name, values in self.buffers.items()})


@dataclass(frozen=True)
class PointScores:
    """Hold the mean cross-entropy (nats) and the share of wrong predictions at K points."""

    loss: Float[Tensor, " K"]
    """Losses (K,), float64."""
    error: Float[Tensor, " K"]
    """1 - accuracy (K,), float64."""


class Networks:
    """Hold M networks of one architecture, in evaluation mode.

    Attributes:
        ensemble: The networks; metrics read it and never write to it.
        theta: Their parameters, shape (M, P).
        buffers: Name -> their buffers, shape (M, *shape).
        shapes: Name of a parameter -> its shape in one network, in the order of theta's columns.
        columns: Name of a parameter -> its columns of theta.

    Args:
        ensemble: The networks; it belongs to this object from now on.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        ensemble.train(False)
        self.ensemble = ensemble
        self.theta: Float[Tensor, "M P"] = ensemble.theta
        self.buffers: Mapping[str, Tensor] = ensemble.buffers
        self.shapes = {name: values.shape[1:] for name, values in ensemble.parameters.items()}
        ends = pairwise(accumulate((shape.numel() for shape in self.shapes.values()), initial=0))
        self.columns = {name: slice(*pair) for name, pair in zip(self.shapes, ends, strict=True)}
        self._workers: dict[int, Ensemble] = {}

    @classmethod
    def of(cls, networks: Sequence[nn.Module], dtype: torch.dtype | None = None) -> Networks:
        """Return copies of modules of one architecture.

        Args:
            networks: Modules from inputs (B, *input) to logits (B, classes).
            dtype: Format of parameters and buffers; None for that of the first parameter.
        """
        modules = [copy.deepcopy(network) for network in networks]
        first = next(modules[0].parameters())
        return cls(Ensemble(modules, first.device, dtype or first.dtype))

    def __len__(self) -> int:
        """Return M."""
        return self.ensemble.members

    @property
    def architecture(self) -> nn.Module:
        """The module of one network; the values in it mean nothing."""
        return self.ensemble.network

    def to(self, dtype: torch.dtype) -> Networks:
        """Return copies in another number format."""
        return self.at(self.points(self.theta), dtype)

    def at(self, points: Points | Combined, dtype: torch.dtype | None = None) -> Networks:
        """Return networks of the same architecture at K points."""
        ensemble = self._worker(len(points), dtype or self.theta.dtype, kept=False)
        _place(ensemble, points)
        return Networks(ensemble)

    def points(self, theta: Float[Tensor, "K P"] | None = None, owners: Tensor | slice | None = None) -> Points:
        """Return points with the networks' own buffers.

        Args:
            theta: Parameters (K, P); None for those of the networks, or of their owners.
            owners: Network of every point, for K != M; without it a single network owns all points.
        """
        if owners is None:
            rows = len(self) if theta is None else len(theta)
            owners = slice(None) if rows == len(self) else torch.zeros(rows, dtype=torch.int64)
        own = {name: values[owners] for name, values in self.buffers.items()}
        return Points(self.theta[owners] if theta is None else theta, own)

    def convention(
        self, samples: Samples, details: str, radius: float | None = None, *, reestimated: bool = False
    ) -> Convention:
        """Return the convention of a metric on samples, in the words that all metrics share."""
        mode = ("reestimated" if reestimated else "frozen") if self.normalises_batches() else "none"
        dtype = torch.finfo(self.theta.dtype).dtype
        return Convention(samples.split, len(samples), dtype, mode, radius, details)

    def normalises_batches(self) -> bool:
        """Return whether a layer has statistics of batches."""
        kinds = nn.modules.batchnorm._BatchNorm
        return any(
            isinstance(module, kinds) and module.running_mean is not None for module in self.architecture.modules()
        )

    def chunks(self, count: int) -> Iterator[slice]:
        """Return slices of ``count`` points that are evaluated together."""
        size = self.chunk_size
        if self._dense_layers is not None:
            size += -size % torch.get_num_threads()  # none is idle
        return (slice(begin, min(begin + size, count)) for begin in range(0, count, size))

    @property
    def chunk_size(self) -> int:
        """Points that are evaluated together: more for smaller networks, whose products are too small alone."""
        return max(1, min(16, int(2e6) // self.theta.shape[1]))

    def outputs(self, points: Points | Combined, x: Shaped[Tensor, " B *input"]) -> Float[Tensor, "K B *places C"]:
        """Return the logits (K, B, classes) at K points for inputs (B, *input) that all share."""
        worker = self._worker(len(points), self.theta.dtype, kept=True)
        _place(worker, points)
        parts = torch.split(x, max(CHUNK_SAMPLES // len(points), 1))
        with torch.no_grad():
            return torch.cat([worker.forward(part.expand(len(points), *part.shape)) for part in parts], dim=1)

    def evaluate(
        self, chunks: Iterable[Points | Combined], samples: Samples, first: FirstLayer | None = None
    ) -> PointScores:
        """Return loss and error at points that come in chunks.

        Args:
            chunks: The points, best as many at once as :meth:`chunks` says.
            samples: Where.
            first: The first layer over the samples, where it is to be shared with other calls.
        """
        first = first or self.first_layer(samples)
        with PointThreads() as threads:
            found = [self._scores(points, samples, first, threads) for points in chunks]
        return PointScores(torch.cat([one.loss for one in found]), torch.cat([one.error for one in found]))

    def first_layer(self, samples: Samples) -> FirstLayer | None:
        """Return the first layer over samples; None where a network is not a chain of fully connected layers."""
        layers = dense_layers(self.architecture) if self.theta.device.type == "cpu" else None
        known = layers is not None and leads(layers, self.shapes)
        return FirstLayer(layers, self.shapes, samples.x) if layers is not None and known else None

    def gradient(self, points: Points | Combined, samples: Samples) -> tuple[Float[Tensor, " K"], Float[Tensor, "K P"]]:
        """Return loss (K,), float64, and gradient (K, P) at K points."""
        worker, rows = self._worker(len(points), self.theta.dtype, kept=True), len(points)
        _place(worker, points)
        total = torch.zeros(rows, dtype=torch.float64, device=self.theta.device)
        gradient = torch.zeros_like(points.theta)
        for x, y in _batches(samples, max(CHUNK_SAMPLES // rows, 1)):
            share = len(y) / len(samples)
            losses = cross_entropy(worker.forward(x.expand(rows, *x.shape)), y.expand(rows, *y.shape))
            worker.backward(losses.sum())
            gradient.add_(worker.gradient, alpha=share)
            total += losses.detach().double() * share
        return total, gradient

    def hessian(self, samples: Samples, pattern: str = "*") -> CountedOperator:
        """Return v (M, Q) -> H v for the mean loss of each network, in the parameters whose names a pattern chooses.

        The graph of the gradient is kept where it fits into :data:`KEPT_BYTES`; otherwise every product builds it anew.

        Raises:
            InputError: If no parameter has such a name.
        """
        batches = split_batches(samples.x, samples.y, len(self), max(HESSIAN_BATCH // samples.y[:1].numel(), 1))
        kept = self._graph_bytes(samples) <= KEPT_BYTES
        return (hessian_operator if kept else rebuilt_hessian_operator)(self.ensemble, batches, cross_entropy, pattern)

    @cached_property
    def _dense_layers(self) -> tuple[DenseLayer, ...] | None:
        """The layers, where a network has no others and their kernel is there."""
        return dense_layers(self.architecture) if has_fused_linear(self.theta) else None

    def _scores(
        self, points: Points | Combined, samples: Samples, first: FirstLayer | None, threads: PointThreads
    ) -> PointScores:
        """Return loss and error at the points of a chunk, as fast as the architecture allows."""
        if first is not None and isinstance(points, Combined):

            def score(k: int) -> tuple[Tensor, Tensor]:
                return combined_scores(first, points, k, samples.y)

        elif self._dense_layers is not None:
            layers, theta = self._dense_layers, points.theta

            def score(k: int) -> tuple[Tensor, Tensor]:
                return dense_scores(layers, self.shapes, theta[k], samples.x, samples.y)

        else:
            return self._ensemble_scores(points, samples)
        loss, wrong = (torch.stack(values) for values in zip(*threads.map(score, len(points)), strict=True))
        return PointScores(loss, wrong.double() / len(samples))

    def _ensemble_scores(self, points: Points | Combined, samples: Samples) -> PointScores:
        worker, rows = self._worker(len(points), self.theta.dtype, kept=True), len(points)
        _place(worker, points)
        loss = torch.zeros(rows, dtype=torch.float64, device=self.theta.device)
        wrong = torch.zeros_like(loss)
        with torch.no_grad():
            for x, y in _batches(samples, max(CHUNK_SAMPLES // rows, 1)):
                labels = y.expand(rows, *y.shape)
                logits = worker.forward(x.expand(rows, *x.shape))
                loss += cross_entropy(logits, labels).double() * len(y)
                wrong += (logits.argmax(dim=-1) != labels).flatten(1).sum(dim=1)
        return PointScores(loss / len(samples), wrong / samples.y.numel())

    def _graph_bytes(self, samples: Samples) -> float:
        """Return how much the graph of the gradient on all samples keeps, measured on a few."""
        few = min(len(samples), 16)
        kept = 0

        def count(tensor: Tensor) -> Tensor:
            nonlocal kept
            kept += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            self.ensemble.modules(samples.x[:few].expand(len(self), few, *samples.x.shape[1:]))
        parameters = self.theta.numel() * self.theta.element_size()
        return max(kept - parameters, 0) * 3.0 * len(samples) / few  # of the gradient's graph, twice those of the loss

    def _worker(self, rows: int, dtype: torch.dtype, *, kept: bool) -> Ensemble:
        """Return an ensemble of so many rows to place at points; one that is kept serves again."""
        if kept and rows in self._workers:
            return self._workers[rows]
        modules = [copy.deepcopy(self.architecture) for _ in range(rows)]
        worker = Ensemble(modules, self.theta.device, dtype)
        worker.train(False)
        if kept:
            self._workers = dict(list(self._workers.items())[-1:])  # the usual size, and that of a last chunk
            self._workers[rows] = worker
        return worker


def concatenated(points: Sequence[Points]) -> Points:
    """Return all points together."""
    names = points[0].buffers
    return Points(
        torch.cat([each.theta for each in points]),
        {name: torch.cat([each.buffers[name] for each in points]) for name in names},
    )


def _place(ensemble: Ensemble, points: Points | Combined) -> None:
    ensemble.theta.copy_(points.theta)
    ensemble.assign(points.buffers)


def _batches(samples: Samples, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    each = max(size // samples.y[:1].numel(), 1)  # of sequences fewer: each has as many logits as tokens
    return zip(torch.split(samples.x, each), torch.split(samples.y, each), strict=True)
