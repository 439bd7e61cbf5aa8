"""Curvature of a network: ours against curvlinops, on one thread.

The network is an MLP of two hidden layers of 128 after 200 steps of SGD (rate 0.01, momentum 0.9, batch 128), its loss
the mean cross-entropy on the first 6000 training images of MNIST, all in float32. Without the files of MNIST, random
images of the same shape take their place.

The work is what a user would write, from the model and the data in memory to the number:

- The largest eigenvalue of the Hessian to 1e-3. curvlinops makes a HessianLinearOperator and gives its scipy form to
  scipy.sparse.linalg.eigsh(k=1, which="LA", tol=1e-3), as its example on eigenvalues does.
- The spectral density at 1024 points by stochastic Lanczos quadrature, 50 steps from 2 starts. curvlinops offers
  lanczos_approximate_spectrum, which finds the ends of the spectrum by eigsh first; ours takes them from the nodes. A
  second contender is given the ends, so that both take 100 products; curvlinops does not reorthogonalise.

curvlinops runs without its check of determinism, with the images in two batches, which was its fastest division (of
batches of 500, 1000, 2000, 3000 and 6000); ours takes them in one. A second instance of ours is the A/A control.
Before anything is timed, the eigenvalues found are held against a reference by eigsh with tol=1e-6.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

# Read by the BLAS libraries when numpy is loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.sparse.linalg import LinearOperator, eigsh  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from benchmarks import controller  # noqa: E402
from benchmarks.interleaved import interleave  # noqa: E402
from homotopy_bench.config.compose import compose  # noqa: E402
from homotopy_bench.curvature.density import smoothed_density, spectral_density  # noqa: E402
from homotopy_bench.curvature.estimate import Eigenpair  # noqa: E402
from homotopy_bench.curvature.lanczos import lanczos  # noqa: E402
from homotopy_bench.curvature.largest import largest_eigenvalue  # noqa: E402
from homotopy_bench.curvature.products import CountedOperator, hessian_operator  # noqa: E402
from homotopy_bench.data.base import Samples, Splits  # noqa: E402
from homotopy_bench.data.mnist import FILES  # noqa: E402
from homotopy_bench.data.published import missing  # noqa: E402
from homotopy_bench.ensemble.ensemble import Ensemble  # noqa: E402
from homotopy_bench.ensemble.losses import cross_entropy  # noqa: E402
from homotopy_bench.models.mlp import MLP  # noqa: E402

with warnings.catch_warnings():  # a dependency scripts functions with torch.jit, of which torch warns
    warnings.simplefilter("ignore", DeprecationWarning)
    import curvlinops

IMAGES = 6000
THEIR_BATCH = 3000
TOLERANCE = 1e-3
STARTS = 5
STEPS, PROBES, POINTS = 50, 2, 1024


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figures.

    Args:
        rounds: Timed rounds.

    Returns:
        ``lambda_max_products`` (the most that ours took from 5 starts, at the initial values and after the training),
        ``lambda_max_speedup``, ``density_speedup`` and ``density_speedup_ends_given`` (curvlinops' seconds divided by
        ours), ``product_in_gradients`` (a product with the graph kept, over a forward and backward pass of the same
        samples) and the same for 32 layers of 64 with a batch of 128 with the suffix ``_deep``,
        ``a_a_control_lambda_max``, curvlinops' products for it, the seconds, and what :mod:`benchmarks.controller`
        measures.
    """
    torch.set_num_threads(1)
    x, y = images()
    torch.manual_seed(0)
    ensemble = Ensemble([MLP(depth=2, width=128).build((1, 28, 28), 10)])
    products = [_checked_products(ensemble, x, y)]
    train(ensemble, x, y)
    products.append(_checked_products(ensemble, x, y))

    eigenvalue = {
        "ours": lambda: _largest(ensemble, x, y, start=0),
        "ours_again": lambda: _largest(ensemble, x, y, start=0),
        "curvlinops": lambda: their_largest(their_hessian(ensemble.network, x, y).to_scipy(), TOLERANCE),
    }
    hessian = _hessian(ensemble, x, y)
    ends = lanczos(hessian, hessian.like, torch.Generator().manual_seed(0))
    known = ends.smallest.value.item(), ends.largest.value.item()
    density = {
        "ours": lambda: _density(ensemble, x, y),
        "curvlinops": lambda: their_density(ensemble, x, y, None),
        "ends_given": lambda: their_density(ensemble, x, y, known),
    }
    of_eigenvalue = interleave({name: silent(work) for name, work in eigenvalue.items()}, rounds, slices=2)
    of_density = interleave({name: silent(work) for name, work in density.items()}, rounds, slices=1)
    return {
        "lambda_max_products": max(products),
        "lambda_max_speedup": of_eigenvalue["curvlinops"] / of_eigenvalue["ours"],
        "density_speedup": of_density["curvlinops"] / of_density["ours"],
        "density_speedup_ends_given": of_density["ends_given"] / of_density["ours"],
        "product_in_gradients": _product_in_gradients(ensemble, x[None], y[None], rounds),
        "product_in_gradients_deep": _deep_product_in_gradients(rounds),
        "a_a_control_lambda_max": of_eigenvalue["ours_again"] / of_eigenvalue["ours"],
        "lambda_max_products_curvlinops": _their_products(ensemble.network, x, y),
        **{f"seconds_lambda_max_{name}": seconds for name, seconds in of_eigenvalue.items()},
        **{f"seconds_density_{name}": seconds for name, seconds in of_density.items()},
        **controller.run(rounds, _subset(x, y)),
    }


def images() -> tuple[Tensor, Tensor]:
    """Return images (N, 1, 28, 28), normalised, and labels (N,)."""
    config = compose("dataset=mnist")
    root = config.paths.data_root()
    if missing(root, FILES):
        generator = np.random.default_rng(0)
        x, y = generator.standard_normal((IMAGES, 1, 28, 28), np.float32), generator.integers(0, 10, IMAGES)
        return torch.from_numpy(x), torch.from_numpy(y)
    train = config.dataset.load(root).train
    return torch.from_numpy(train.x[:IMAGES]), torch.from_numpy(train.y[:IMAGES])


def _subset(x: Tensor, y: Tensor) -> Splits:
    samples = Samples(x.numpy(), y.numpy())
    return Splits(train=samples, validation=samples, test=samples, classes=10)


def train(ensemble: Ensemble, x: Tensor, y: Tensor) -> None:
    """Do 200 steps of SGD."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(ensemble.network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(200):
        chosen = torch.randint(len(y), (1, 128), generator=generator)
        ensemble.backward(cross_entropy(ensemble.forward(x[chosen]), y[chosen]).sum())
        optimizer.step()


def _checked_products(ensemble: Ensemble, x: Tensor, y: Tensor) -> int:
    """Return the most products that ours takes.

    Raises:
        RuntimeError: If a value misses the reference by more than the tolerance.
    """
    reference = their_largest(their_hessian(ensemble.network, x, y).to_scipy(), 1e-6)
    found = [_largest(ensemble, x, y, start) for start in range(STARTS)]
    errors = [abs(pair.value.item() / reference - 1.0) for pair in found]
    if max(errors) > TOLERANCE:
        raise RuntimeError(f"largest eigenvalue {reference} missed by {max(errors):.1e}, more than {TOLERANCE}")
    return max(pair.products for pair in found)


def _hessian(ensemble: Ensemble, x: Tensor, y: Tensor) -> CountedOperator:
    return hessian_operator(ensemble, [(x[None], y[None])], cross_entropy)


def _largest(ensemble: Ensemble, x: Tensor, y: Tensor, start: int) -> Eigenpair:
    hessian = _hessian(ensemble, x, y)
    generator = torch.Generator().manual_seed(start)
    return largest_eigenvalue(hessian, hessian.like, generator, tolerance=TOLERANCE)


def _density(ensemble: Ensemble, x: Tensor, y: Tensor) -> Tensor:
    hessian = _hessian(ensemble, x, y)
    generator = torch.Generator().manual_seed(0)
    found = spectral_density(hessian, hessian.like, generator, steps=STEPS, probes=PROBES)
    low, high = found.nodes.min().item(), found.nodes.max().item()
    margin = 0.05 * (high - low)
    grid = torch.linspace(low - margin, high + margin, POINTS)
    return smoothed_density(found, grid, 0.01 * (high - low))


def their_hessian(network: nn.Module, x: Tensor, y: Tensor) -> curvlinops.HessianLinearOperator:
    """Return curvlinops' Hessian of the mean cross-entropy."""
    data = list(zip(torch.split(x, THEIR_BATCH), torch.split(y, THEIR_BATCH), strict=True))
    return curvlinops.HessianLinearOperator(
        network, nn.CrossEntropyLoss(), list(network.parameters()), data, check_deterministic=False
    )


def their_largest(operator: LinearOperator[np.float32], tolerance: float) -> float:
    """Return the largest eigenvalue by eigsh."""
    return float(eigsh(operator, k=1, which="LA", tol=tolerance, return_eigenvectors=False)[0])


def _their_products(network: nn.Module, x: Tensor, y: Tensor) -> int:
    """Return the products that curvlinops and eigsh take for the eigenvalue."""
    operator = their_hessian(network, x, y).to_scipy()
    calls = []

    def counted(vector: np.ndarray) -> np.ndarray:
        calls.append(vector.shape)
        product: np.ndarray = operator.matvec(vector)
        return product

    their_largest(LinearOperator(operator.shape, matvec=counted, dtype=operator.dtype), TOLERANCE)
    return len(calls)


def their_density(ensemble: Ensemble, x: Tensor, y: Tensor, ends: tuple[float, float] | None) -> Tensor:
    """Return curvlinops' spectral density, which looks for the ends where they are not given."""
    hessian = their_hessian(ensemble.network, x, y)
    _, density = curvlinops.lanczos_approximate_spectrum(
        hessian, STEPS, num_points=POINTS, num_repeats=PROBES, boundaries=ends
    )
    result: Tensor = density
    return result


def _product_in_gradients(ensemble: Ensemble, x: Tensor, y: Tensor, rounds: int) -> float:
    hessian = hessian_operator(ensemble, [(x, y)], cross_entropy)
    vectors = torch.randn_like(hessian.like)

    def gradient() -> None:
        ensemble.backward(cross_entropy(ensemble.forward(x), y).sum())

    seconds = interleave({"product": silent(lambda: hessian(vectors)), "gradient": gradient}, rounds)
    return seconds["product"] / seconds["gradient"]


def _deep_product_in_gradients(rounds: int) -> float:
    ensemble = Ensemble([MLP().build((40,), 10)])
    x, y = torch.randn(1, 128, 40), torch.randint(10, (1, 128))
    return _product_in_gradients(ensemble, x, y, rounds)


def silent(work: Callable[[], object]) -> Callable[[], None]:
    """Return the same work without its result."""

    def silent() -> None:
        work()

    return silent
