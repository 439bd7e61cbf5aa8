"""Draw random vectors, the same for all members.

Sharing them has two reasons: what is estimated for a member does not depend on how many others there are, and the
difference between two members carries less noise than either. The price: the members' errors are correlated, so that
a mean over members is not more exact than one of them.

They are drawn on the host, so that a seed means the same vectors on every device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from homotopy_bench.curvature.estimate import Vectors


def rademacher(like: Vectors, generator: torch.Generator) -> Vectors:
    """Return vectors with independent entries -1 or 1, each with probability 1/2, and all M rows equal.

    ``like`` gives shape (M, Q), format and device; the generator is on the host.

    Example:
        >>> probe = rademacher(torch.zeros(2, 100), torch.Generator().manual_seed(0))
        >>> probe.abs().unique().tolist(), torch.equal(probe[0], probe[1])
        ([1.0], True)
    """
    signs = torch.randint(2, like.shape[1:], generator=generator) * 2 - 1
    return signs.to(like).expand_as(like)


def spherical(like: Vectors, generator: torch.Generator) -> Vectors:
    """Return vectors distributed uniformly over the sphere of radius sqrt(Q); arguments as in :func:`rademacher`.

    Example:
        >>> probe = spherical(torch.zeros(2, 100), torch.Generator().manual_seed(0))
        >>> [round(length, 4) for length in probe.norm(dim=1).tolist()]
        [10.0, 10.0]
    """
    normal = torch.randn(like.shape[1:], generator=generator, dtype=torch.float64)
    scaled: Tensor = normal * (len(normal) ** 0.5 / normal.norm())
    return scaled.to(like).expand_as(like)
