"""Inputs with mean 0 and variance 1 in every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homotopy_bench.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 64
"""Samples whose double-precision copies are held at a time: they stay in the cache."""

ROUNDING = 1e-9
"""Deviations up to this share of the mean may come from the rounding of the mean of a constant."""


@dataclass(frozen=True)
class Standardization:
    """Map x to (x - mean) / deviation, channel by channel.

    Attributes:
        mean: Means, shape (C,), float64.
        deviation: Standard deviations, shape (C,), float64; 1 in a channel that is constant.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[1.0, 3.0], [5.0, 5.0]]])  # one sample, two channels
        >>> map_ = Standardization.of(x)
        >>> map_.mean.tolist(), map_.deviation.tolist()
        ([2.0, 5.0], [1.0, 1.0])
        >>> map_.apply(x)
        >>> x.tolist()
        [[[-1.0, 1.0], [0.0, 0.0]]]
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[np.floating[Any]]) -> Standardization:
        """Return the map that gives these inputs mean 0 and variance 1 (division by the number of values).

        Args:
            x: Inputs (N, C, *positions); inputs (N, positions) are one channel.

        Returns:
            The map.

        Raises:
            InputError: If a variance is no number of float64.
        """
        import numpy as np

        planes = _planes(x)
        samples, channels, positions = planes.shape
        blocks = [planes[start : start + BLOCK] for start in range(0, samples, BLOCK)]
        total, squares = np.zeros(channels), np.zeros(channels)
        for block in blocks:
            total += block.astype(np.float64).sum(axis=(0, 2))
        mean = total / (samples * positions)
        # A second pass, as the difference of two large sums would lose the variance of inputs far from 0.
        for block in blocks:
            distance = block - mean[:, None]
            squares += np.vecdot(distance, distance).sum(axis=0)
        deviation = np.sqrt(squares / (samples * positions))
        if not np.isfinite(deviation).all():
            largest = float(np.abs(planes).max())
            accepted = f"inputs of size {largest:g} have no variance in float64; accepted: false, or smaller inputs"
            raise InputError("dataset.standardize", "true", accepted)
        for channel in np.flatnonzero(deviation <= ROUNDING * np.abs(mean)):
            first = planes[0, channel, 0]
            if (planes[:, channel] == first).all():  # whose mean may be off by rounding
                mean[channel], deviation[channel] = first, 0.0
        return cls(mean, np.where(deviation > 0.0, deviation, 1.0))

    def apply(self, x: NDArray[np.floating[Any]]) -> None:
        """Standardise inputs in place: a second copy of a large data set would cost as much time as the arithmetic.

        Args:
            x: Inputs (N, C, *positions) or (N, positions).
        """
        mean, deviation = (
            values.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 2)) for values in (self.mean, self.deviation)
        )
        x -= mean
        x /= deviation

    def black(self, dtype: type[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return what the published value 0 becomes in each channel, shape (C,).

        Args:
            dtype: Format of the inputs; the result is bitwise what :meth:`apply` makes of zeros in that format.
        """
        import numpy as np

        black = np.zeros((1, len(self.mean), 1), dtype)
        self.apply(black)
        return black.reshape(-1)


def _planes(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return inputs as (N, C, positions)."""
    return x.reshape(len(x), 1 if x.ndim == 2 else x.shape[1], -1)
