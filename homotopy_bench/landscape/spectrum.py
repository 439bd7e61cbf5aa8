"""Measure the spectrum of the Hessian: both ends, trace, density, effective ranks, and the norm of the gradient.

One Hessian operator serves all of it, with its graph kept where that fits into the memory. The routines are those of
:mod:`homotopy_bench.curvature`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from homotopy_bench.curvature.density import Quadrature, shortened, spectral_density
from homotopy_bench.curvature.estimate import Estimate
from homotopy_bench.curvature.hutchinson import hutchinson_trace, layer_traces
from homotopy_bench.curvature.lanczos import lanczos
from homotopy_bench.curvature.largest import largest_eigenvalue
from homotopy_bench.curvature.products import CountedOperator
from homotopy_bench.landscape.effective_ranks import effective_ranks
from homotopy_bench.landscape.measurement import Cost, Measurement
from homotopy_bench.landscape.networks import Networks, Samples


@dataclass(frozen=True)
class SpectrumOptions:
    """Say how closely a spectrum is measured.

    Attributes:
        tolerance: Relative error at which an eigenvalue has converged.
        max_products: Most Hessian products for the ends of the spectrum.
        trace_probes: Random sign vectors of the trace.
        trace_tolerance: Relative standard error at which the trace has converged.
        steps: Lanczos steps of the density from each start; its nodes.
        starts: Random starts of the density; none for no density and no ranks.
        smallest: Whether the smallest eigenvalue is looked for too.
        rank_tolerance: Relative error at which an effective rank, or the share of negative eigenvalues, has converged.
        regularisation: a of ``rank_regularised``, in nats.
        seed: Seed of all random vectors.
    """

    tolerance: float = 1e-3
    max_products: int = 100
    trace_probes: int = 30
    trace_tolerance: float = 0.1
    steps: int = 80
    starts: int = 3
    smallest: bool = True
    rank_tolerance: float = 0.2
    regularisation: float = 1e-3
    seed: int = 0


FAST = SpectrumOptions(tolerance=1e-2, max_products=20, trace_probes=8, trace_tolerance=0.2, starts=0, smallest=False)
"""For a look during training: the largest eigenvalue to 1 %, and the trace."""


def spectrum(networks: Networks, samples: Samples, options: SpectrumOptions | None = None) -> dict[str, Measurement]:
    """Return the figures of the Hessian H of each network's mean cross-entropy.

    ``lambda_max`` and ``lambda_min`` are its largest and smallest eigenvalue, by value and not by modulus, with the
    residual's estimate of their error; ``trace`` has its standard error. ``density`` has the value 1, the share of the
    spectrum that its nodes and weights cover, and these in its tables. The effective ranks are those of
    :func:`~homotopy_bench.landscape.effective_ranks.effective_ranks`; their errors hold the standard error over the
    starts and what changed in the second half of the steps, which is large where the bulk is not resolved.
    ``gradient_norm`` is |g|.

    Args:
        networks: The M networks.
        samples: Where; H is that of the mean over them.
        options: How closely; None for the defaults.

    Example:
        >>> from torch import nn
        >>> network = nn.Linear(1, 2, bias=False)
        >>> _ = network.weight.data.zero_()
        >>> samples = Samples(torch.tensor([[2.0]]), torch.tensor([0]), "train")
        >>> found = spectrum(Networks.of([network], torch.float64), samples.to(torch.float64))
        >>> round(found["lambda_max"].value.item(), 6), found["lambda_max"].convention.split
        (2.0, 'train')
    """
    options = options or SpectrumOptions()
    hessian = networks.hessian(samples)
    found = {"gradient_norm": _gradient_norm(networks, samples)}
    top = "largest eigenvalue of the Hessian of the mean cross-entropy, by Lanczos"
    start, limit, most = _generator(options, 0), options.tolerance, options.max_products
    if options.smallest:
        ends = lanczos(hessian, hessian.like, start, tolerance=limit, max_products=most)
        found["lambda_max"] = _measured(networks, samples, ends.largest, top)
        found["lambda_min"] = _measured(networks, samples, ends.smallest, top.replace("largest", "smallest"))
    else:
        largest = largest_eigenvalue(hessian, hessian.like, start, tolerance=limit, max_products=most)
        found["lambda_max"] = _measured(networks, samples, largest, top)
    trace = hutchinson_trace(
        hessian,
        hessian.like,
        _generator(options, 1),
        probes=options.trace_probes,
        tolerance=options.trace_tolerance,
    )
    words = f"trace of the Hessian, Hutchinson's mean of {options.trace_probes} probes, and its standard error"
    found["trace"] = _measured(networks, samples, trace, words)
    if options.starts:
        found |= _density(networks, samples, hessian, options)
    return found


def layer_spectrum(
    networks: Networks, samples: Samples, options: SpectrumOptions | None = None
) -> dict[str, Measurement]:
    """Return ``lambda_max/LAYER`` and ``trace/LAYER`` of the diagonal block of the Hessian that belongs to each layer.

    Layers are the modules with parameters of their own. Arguments are those of :func:`spectrum`.
    """
    options = options or SpectrumOptions()
    hessian, layers = networks.hessian(samples), networks.ensemble.layers()
    traces = layer_traces(
        hessian,
        hessian.like,
        _generator(options, 1),
        layers,
        probes=options.trace_probes,
        tolerance=options.trace_tolerance,
    )
    found: dict[str, Measurement] = {}
    for layer, columns in layers.items():

        def block(vectors: Tensor, columns: slice = columns) -> Tensor:
            whole = torch.zeros_like(hessian.like)
            whole[:, columns] = vectors
            return hessian(whole)[:, columns]

        like = hessian.like[:, columns]
        largest = largest_eigenvalue(
            block, like, _generator(options, 0), tolerance=options.tolerance, max_products=options.max_products
        )
        words = f"largest eigenvalue of the diagonal block of the Hessian of {layer}"
        found[f"lambda_max/{layer}"] = _measured(networks, samples, largest, words)
        found[f"trace/{layer}"] = _measured(
            networks, samples, traces[layer], words.replace("largest eigenvalue", "trace")
        )
    return found


def _density(
    networks: Networks, samples: Samples, hessian: CountedOperator, options: SpectrumOptions
) -> dict[str, Measurement]:
    before = hessian.products
    quadrature = spectral_density(
        hessian, hessian.like, _generator(options, 2), steps=options.steps, probes=options.starts
    )
    cost = Cost(gradients=1, products=hessian.products - before)
    details = f"stochastic Lanczos quadrature, {options.steps} steps from {options.starts} starts"
    convention = networks.convention(samples, details)
    finite = quadrature.nodes.isfinite().all(dim=2).all(dim=1)
    covered = quadrature.weights.sum(dim=2).mean(dim=1)
    found = {
        "density": Measurement(
            covered,
            torch.zeros_like(covered),
            finite,
            cost,
            convention,
            _reasons(finite),
            {"nodes": quadrature.nodes, "weights": quadrature.weights},
        )
    }
    for name, (value, error) in _ranks(quadrature, networks.theta.shape[1], options).items():
        words = f"{details}; a = {options.regularisation:g}" if name == "rank_regularised" else details
        own = networks.convention(samples, words)
        converged = error <= options.rank_tolerance * value.abs()  # false where one is not a number
        found[name] = Measurement(value, error, converged, cost, own, _reasons(finite))
    return found


def _ranks(quadrature: Quadrature, size: int, options: SpectrumOptions) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the effective ranks of each network with their errors, (M,) each, by name."""

    def ranks(part: Quadrature) -> dict[str, Tensor]:
        return effective_ranks(part, size, options.regularisation)

    nodes, weights = quadrature.nodes, quadrature.weights
    starts, steps = nodes.shape[1:]
    singles = [ranks(Quadrature(nodes[:, [start]], weights[:, [start]], products=0)) for start in range(starts)]
    whole, half = ranks(quadrature), ranks(shortened(quadrature, max(steps // 2, 1)))
    found = {}
    for name, value in whole.items():
        spread = torch.stack([single[name] for single in singles]).std(dim=0, correction=min(starts - 1, 1))
        standard = spread / starts**0.5 if starts > 1 else torch.full_like(value, torch.nan)
        found[name] = value, torch.hypot(standard, value - half[name])
    return found


def _gradient_norm(networks: Networks, samples: Samples) -> Measurement:
    _, gradient = networks.gradient(networks.points(), samples)
    norm = gradient.norm(dim=1)
    convention = networks.convention(samples, "Euclidean norm of the gradient of the mean cross-entropy")
    return Measurement(
        norm, torch.zeros_like(norm), norm.isfinite(), Cost(gradients=1), convention, _reasons(norm.isfinite())
    )


def _measured(networks: Networks, samples: Samples, estimate: Estimate, details: str) -> Measurement:
    cost = Cost(gradients=1, products=estimate.products)
    return Measurement(
        estimate.value,
        estimate.error,
        estimate.converged,
        cost,
        networks.convention(samples, details),
        _reasons(estimate.value.isfinite()),
    )


def _reasons(finite: Tensor) -> tuple[str | None, ...]:
    return tuple(None if ok else "the loss or its derivatives are not finite" for ok in finite.tolist())


def _generator(options: SpectrumOptions, purpose: int) -> torch.Generator:
    """Return a source of random vectors that depends on the seed and the purpose alone."""
    return torch.Generator().manual_seed(1_000_003 * options.seed + purpose)
