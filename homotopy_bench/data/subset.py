"""Choose a smaller data set of the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def balanced_subset(labels: NDArray[np.integer[Any]], count: int) -> NDArray[np.int64]:
    """Choose samples at random, equally many of every class, the same ones on every machine and for every seed.

    Classes differ by at most one sample until one of them is exhausted. A smaller subset is part of every larger one,
    so that figures for growing subsets differ by what was added alone.

    Args:
        labels: Labels of all N samples, shape (N,).
        count: Number of samples to choose, from 1 to N.

    Returns:
        Their indices, ascending, shape (count,).

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 2])
        >>> np.bincount(labels[balanced_subset(labels, 5)]).tolist()
        [2, 2, 1]
    """
    import numpy as np

    order = np.random.Generator(np.random.PCG64(1)).permutation(len(labels))
    # Rank k: the k-th sample of its class in the random order. Taking samples by rank fills all classes evenly.
    by_class = np.argsort(labels[order], kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    ranks = np.empty(len(labels), np.int64)
    ranks[by_class] = np.arange(len(labels)) - starts
    return np.sort(order[np.argsort(ranks, kind="stable")[:count]])


def random_subset(samples: int, count: int) -> NDArray[np.int64]:
    """Return ``count`` of some samples, chosen at random and the same everywhere; more of them include the fewer.

    Example:
        >>> set(random_subset(9, 3).tolist()) < set(random_subset(9, 5).tolist())
        True
    """
    import numpy as np

    return np.sort(np.random.Generator(np.random.PCG64(1)).permutation(samples)[:count])
