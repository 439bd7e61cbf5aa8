"""Take a data set from arrays in memory, which Python gives to ``train``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import PrivateAttr

from homotopy_bench.core.errors import InputError
from homotopy_bench.data.base import Dataset, Samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from homotopy_bench.data.published import FileCheck

FORM = "accepted: (x, y, x_test, y_test), inputs (N, *shape) of numbers and labels (N,) of integers from 0"


@dataclass(frozen=True, eq=False)
class Given:
    """Hold what was given."""

    train: Samples
    test: Samples


class Arrays(Dataset):
    """Arrays that Python gave to ``train``; a record names them by their SHA-256 and cannot bring them back."""

    name: Literal["arrays"] = "arrays"
    sha256: str
    _given: Given | None = PrivateAttr(None)

    @classmethod
    def of(cls, data: Sequence[ArrayLike], like: Dataset) -> Arrays:
        """Return the data set of ``(x, y, x_test, y_test)``.

        Args:
            data: Inputs (N, *shape) and labels (N,) for training, then for testing; arrays, or tensors on the host.
                Inputs of another format than float64 become float32.
            like: Another data set, whose options of splitting and standardising are taken.

        Raises:
            InputError: If the data have another form.

        Example:
            >>> import numpy as np
            >>> from homotopy_bench.data.mnist1d import MNIST1D
            >>> x, y = np.eye(4), np.array([0, 1, 2, 1])
            >>> given = Arrays.of((x, y, x, y), MNIST1D())
            >>> given.load(Path()).classes
            3
        """
        if len(data) != 4:
            raise InputError("data", f"{len(data)} arrays", FORM)
        train, test = _samples("x", "y", *data[:2]), _samples("x_test", "y_test", *data[2:])
        if train.x.shape[1:] != test.x.shape[1:]:
            raise InputError("data: x_test", test.x.shape, f"x has shape {train.x.shape}; {FORM}")
        digest = hashlib.sha256()
        for array in (train.x, train.y, test.x, test.y):
            digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        shared = {name: getattr(like, name) for name in Dataset.model_fields if name != "name"}
        arrays = cls(sha256=digest.hexdigest(), **shared)
        arrays._given = Given(train, test)
        return arrays

    def read(self, root: Path) -> tuple[Samples, Samples, int]:  # noqa: ARG002 - they lie in memory
        """Return copies of the samples, and the number of classes: the largest label and one.

        Raises:
            InputError: If this is the configuration of a record, in another process.
        """
        if self._given is None:
            accepted = "these arrays were given to train(data=...) in Python, and are in no file"
            raise InputError("dataset", f"{self.name} {self.sha256[:12]}", accepted)
        train, test = (Samples(one.x.copy(), one.y.copy()) for one in (self._given.train, self._given.test))
        return train, test, int(max(train.y.max(), test.y.max())) + 1

    def fetch(self, root: Path) -> None:
        """Do nothing: there are no files."""

    def check(self, root: Path) -> list[FileCheck]:  # noqa: ARG002 - there are no files
        """Return nothing: there are no files."""
        return []


def _samples(x_name: str, y_name: str, x: ArrayLike, y: ArrayLike) -> Samples:
    """Return inputs and labels as samples.

    Raises:
        InputError: If they have another form.
    """
    import numpy as np

    inputs, labels = np.asarray(x), np.asarray(y)
    if not (np.issubdtype(inputs.dtype, np.number) or inputs.dtype == np.bool_) or inputs.ndim < 2:
        raise InputError(f"data: {x_name}", _shown(inputs), FORM)
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != inputs.shape[:1] or labels.min(initial=0) < 0:
        raise InputError(f"data: {y_name}", _shown(labels), f"{x_name} has shape {inputs.shape}; {FORM}")
    if len(labels) < 2:
        raise InputError(f"data: {x_name}", _shown(inputs), "accepted: at least 2 samples")
    kept = inputs if inputs.dtype == np.float64 else inputs.astype(np.float32)
    return Samples(kept, labels.astype(np.int64))


def _shown(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"
