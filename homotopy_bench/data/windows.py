"""Cut a sequence of tokens into windows, each with the tokens that follow its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homotopy_bench.data.base import Samples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Windows(Samples):
    """Hold the sequence (L,) too: training takes windows that begin elsewhere.

    Inputs x and labels y have shape (N, T), int64: x[i, j] is token i T + j, and y[i, j] the one after it.
    """

    tokens: NDArray[np.integer[Any]]

    @classmethod
    def of(cls, tokens: NDArray[np.integer[Any]], length: int, *, spare: bool = False) -> Windows:
        """Return as many windows of T = ``length`` tokens as there are beside each other.

        Args:
            tokens: The sequence (L,).
            length: T.
            spare: Whether to leave T tokens, so that all windows can begin up to T - 1 tokens later.

        Example:
            >>> import numpy as np
            >>> windows = Windows.of(np.arange(8), 3)
            >>> windows.x.tolist(), windows.y.tolist()
            ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
            >>> len(Windows.of(np.arange(8), 3, spare=True).x)
            1
        """
        import numpy as np

        count = len(tokens) // length - 1 if spare else (len(tokens) - 1) // length
        wide = tokens[: count * length + 1].astype(np.int64)
        return cls(wide[:-1].reshape(count, length), wide[1:].reshape(count, length), tokens)

    def take(self, indices: NDArray[np.int64]) -> Samples:
        """Return the windows at ``indices``, in that order."""
        return Samples(self.x[indices], self.y[indices])
