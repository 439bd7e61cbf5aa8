"""Measure how far random noise in the parameters raises the loss, over a grid of radii, and what accuracy is left.

    flatness_KIND_r  = E L(w + r d) - L(w)       accuracy_KIND_r = E accuracy(w + r d)

with a random direction d of one of three kinds: ``gaussian``, N(0, 1) in every parameter; ``filter``, scaled filter by
filter (Li et al. 2018, arXiv:1712.09913); ``elementwise``, scaled by |w_i|. Draws come in pairs d, -d, so that what is
odd in d drops out: at a radius at which the loss is a quadratic, r^2 d.H d/2 is all that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.directions import elementwise, filter_normalised, gaussian
from homotopy_bench.landscape.measurement import Convention, Cost, Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.surface import LossSurface, Surface

Noise = Callable[[Networks, torch.Generator], Float[Tensor, "M P"]]
"""Networks, source -> a random direction for each, the same draw."""

NOISES: Mapping[str, Noise] = {
    "gaussian": gaussian,
    "filter": lambda networks, generator: filter_normalised(networks, gaussian(networks, generator)),
    "elementwise": lambda networks, generator: elementwise(networks, gaussian(networks, generator)),
}
"""Kinds of noise by name."""

RADII: Mapping[str, tuple[float, ...]] = {
    "gaussian": (0.001, 0.003, 0.01, 0.03),
    "filter": (0.02, 0.05, 0.1, 0.2),
    "elementwise": (0.02, 0.05, 0.1, 0.2),
}
"""Radii of each kind: of ``gaussian`` in the unit of the parameters, of the others relative to them."""


def flatness(
    networks: Networks,
    samples: Samples,
    *,
    noise: str = "filter",
    radii: Sequence[float] | None = None,
    pairs: int = 10,
    seed: int = 0,
) -> dict[str, Measurement]:
    """Return ``flatness_KIND_r`` and ``accuracy_KIND_r`` for every radius r.

    Args:
        networks: The M networks.
        samples: Where.
        noise: Kind of the noise, a key of :data:`NOISES`.
        radii: Radii r; None for those of :data:`RADII`.
        pairs: Antithetic pairs of directions, at least 2; the standard error is over them.
        seed: Seed of the directions.

    Raises:
        ValueError: If there are fewer than two pairs, or a radius is not positive, or the kind is not known.

    Example:
        >>> from torch import nn
        >>> network = nn.Linear(1, 2, bias=False)
        >>> _ = network.weight.data.zero_()
        >>> at = Samples(torch.tensor([[1.0]]), torch.tensor([0]), "train")
        >>> found = flatness(Networks.of([network]), at, noise="gaussian", radii=[0.01], pairs=500)
        >>> rise = found["flatness_gaussian_0.01"]
        >>> abs(rise.value.item() / (0.01**2 * 0.5 / 2) - 1) < 4 * rise.error.item() / rise.value.item()
        True
    """
    if noise not in NOISES:
        raise ValueError(f"noise = {noise}: accepted are {', '.join(NOISES)}")
    chosen = RADII[noise] if radii is None else tuple(radii)
    if pairs < 2 or not all(radius > 0.0 for radius in chosen):
        raise ValueError(f"pairs = {pairs}, radii = {chosen}: at least two pairs, and positive radii, are needed")
    generator = torch.Generator().manual_seed(seed)
    surface, draw = LossSurface(networks, samples), NOISES[noise]
    rises, accuracies = noise_curves(surface, (draw(networks, generator) for _ in range(pairs)), chosen)
    found = {}
    for column, radius in enumerate(chosen):
        words = f"{pairs} antithetic pairs of {noise} noise of radius r, and the standard error over them"
        convention = networks.convention(samples, f"E L(w + r d) - L(w), {words}", radius)
        found[f"flatness_{noise}_{radius:g}"] = _mean(rises[:, :, column], pairs, convention)
        convention = networks.convention(samples, f"E accuracy(w + r d), {words}", radius)
        found[f"accuracy_{noise}_{radius:g}"] = _mean(accuracies[:, :, column], pairs, convention)
    return found


def noise_curves(
    surface: Surface, directions: Iterable[Float[Tensor, "M P"]], radii: Sequence[float]
) -> tuple[Float[Tensor, "pairs M R"], Float[Tensor, "pairs M R"]]:
    """Return the rise of the loss, and the accuracy, at r d and -r d, averaged over the two: each (pairs, M, radii).

    Neither is a number where the loss at one of the two points is none: what a broken network predicts means nothing.

    Args:
        surface: The losses of M networks.
        directions: d, each of shape (M, P).
        radii: r.
    """
    theta, members = surface.theta, len(surface.theta)
    own = torch.arange(members)
    signs = [sign * radius for radius in radii for sign in (1.0, -1.0)]
    signed = torch.tensor(signs, dtype=torch.float64).to(theta)
    before, owners = surface.evaluate(theta, own).loss, own.repeat(len(signed))
    losses, errors = [], []
    for direction in directions:
        points = (theta + signed[:, None, None] * direction).flatten(0, 1)  # radius, sign, member
        scores = surface.evaluate(points, owners)
        losses.append(scores.loss)
        errors.append(torch.where(scores.loss.isfinite(), scores.error, torch.nan))
    loss, error = (torch.stack(parts).view(-1, len(radii), 2, members).mean(dim=2).mT for parts in (losses, errors))
    return loss - before[:, None], 1.0 - error


def _mean(values: Float[Tensor, "pairs M"], pairs: int, convention: Convention) -> Measurement:
    mean, error = values.mean(dim=0), values.std(dim=0) / len(values) ** 0.5
    finite = mean.isfinite()
    reasons = tuple(None if ok else "the loss at some point is not finite" for ok in finite.tolist())
    return Measurement(mean, error, finite, Cost(forwards=2 * pairs + 1), convention, reasons)
