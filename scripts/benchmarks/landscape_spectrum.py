"""lambda_max, trace and spectral density of one network: ours against curvlinops, on one thread.

The network is 784-1024-10 after 200 steps of SGD, its loss the mean cross-entropy on 6000 images of MNIST (random ones
where MNIST is not there), in float32. Both take: the largest eigenvalue to 1e-3, the trace from 20 products, and the
density from 50 Lanczos steps of 2 starts. Ours shares one operator; a user of curvlinops can, too, and does here. Its
density looks for the ends of the spectrum first, as it does by default. Accuracies are reported: the relative errors of
lambda_max against eigsh with tol=1e-6, and of the traces against 400 products.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.curvature import PROBES, STEPS, TOLERANCE, images, their_hessian, their_largest, train
from benchmarks.interleaved import interleave
from homotopy_bench.curvature.hutchinson import hutchinson_trace
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.landscape.measurement import Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.spectrum import SpectrumOptions, spectrum
from homotopy_bench.models.mlp import MLP

import curvlinops  # isort: skip  # benchmarks.curvature has silenced what its import warns of

TRACE_PROBES = 20

OPTIONS = SpectrumOptions(tolerance=TOLERANCE, trace_probes=TRACE_PROBES, steps=STEPS, starts=PROBES, smallest=False)


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``spectrum_speedup`` (curvlinops' seconds divided by ours), ``a_a_control_spectrum``, both seconds, and the
        relative errors ``lambda_max_error``, ``trace_error`` of ours and with ``_curvlinops``.
    """
    torch.set_num_threads(1)
    x, y = images()
    torch.manual_seed(0)
    ensemble = Ensemble([MLP(depth=1, width=1024).build((1, 28, 28), 10)])
    train(ensemble, x, y)
    networks, samples = Networks(ensemble), Samples(x, y, "train")
    ours: list[dict[str, Measurement]] = []
    theirs: list[tuple[float, float]] = []
    contenders = {
        "ours": lambda: ours.append(spectrum(networks, samples, OPTIONS)),
        "ours_again": lambda: ours.append(spectrum(networks, samples, OPTIONS)),
        "curvlinops": lambda: theirs.append(_theirs(ensemble, x, y)),
    }
    seconds = interleave(contenders, rounds, slices=1)
    found, (their_top, their_trace) = ours[-1], theirs[-1]
    hessian = networks.hessian(samples)
    top = their_largest(their_hessian(ensemble.network, x, y).to_scipy(), 1e-6)
    trace = hutchinson_trace(hessian, hessian.like, torch.Generator().manual_seed(99), probes=400).value.item()
    return {
        "spectrum_speedup": seconds["curvlinops"] / seconds["ours"],
        "a_a_control_spectrum": seconds["ours_again"] / seconds["ours"],
        "lambda_max_error": abs(found["lambda_max"].value.item() / top - 1.0),
        "lambda_max_error_curvlinops": abs(their_top / top - 1.0),
        "trace_error": abs(found["trace"].value.item() / trace - 1.0),
        "trace_error_curvlinops": abs(their_trace / trace - 1.0),
        **{f"seconds_spectrum_{name}": value for name, value in seconds.items()},
    }


def _theirs(ensemble: Ensemble, x: Tensor, y: Tensor) -> tuple[float, float]:
    hessian = their_hessian(ensemble.network, x, y)
    top = their_largest(hessian.to_scipy(), TOLERANCE)
    trace = curvlinops.hutchinson_trace(hessian, num_matvecs=TRACE_PROBES)
    curvlinops.lanczos_approximate_spectrum(hessian, STEPS, num_repeats=PROBES)
    return top, float(trace)
