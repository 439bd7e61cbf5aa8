"""Define data sets: arrays as the source publishes them, and how they are split.

Model selection looks at the validation split, numbers are reported on the test split. A source that has no validation
split gets one from its training data; ``protocol=source`` instead reproduces studies that validated on the test split,
and the record says so.

The order is fixed: published data, subset, validation split, standardisation by the training split.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.objective_names import ObjectiveName
from homotopy_bench.core.options import Options
from homotopy_bench.data.standardization import Standardization
from homotopy_bench.data.subset import balanced_subset

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from homotopy_bench.data.published import FileCheck, PublishedFile


LEAST_PER_CLASS = 2
"""Samples of a class below which an accuracy says nothing of it, on average over the classes."""


@dataclass(frozen=True)
class Samples:
    """Inputs (N, *shape), numbers in float32 or float64 or tokens in int64, with labels (N,) or (N, T), int64."""

    x: NDArray[Any]
    y: NDArray[np.int64]

    def take(self, indices: NDArray[np.int64]) -> Samples:
        """Return the samples at ``indices``, in that order."""
        return Samples(self.x[indices], self.y[indices])


@dataclass(frozen=True)
class Splits:
    """Hold the three splits of a data set, as arrays in host memory.

    ``standardization`` is the map from published to these inputs, None where they are as published. ``objective`` is
    what is learnt from them.
    """

    train: Samples
    validation: Samples
    test: Samples
    classes: int
    standardization: Standardization | None = None
    objective: ObjectiveName = "classification"

    def too_small(self) -> list[str]:
        """Return a line for every split to be scored on that is too small for its accuracy to mean anything.

        Example:
            >>> import numpy as np
            >>> one, many = (Samples(np.zeros((n, 2)), np.zeros(n, np.int64)) for n in (1, 100))
            >>> Splits(many, many, one, 10).too_small()
            ['the test split has 1 samples for 10 classes: no accuracy on it means anything (below 2 for each class)']
        """
        kind = "samples" if self.objective == "classification" else "tokens"
        return [
            f"the {name} split has {split.y.size} {kind} for {self.classes} classes: no accuracy on it means anything "
            f"(below {LEAST_PER_CLASS} for each class)"
            for name, split in (("validation", self.validation), ("test", self.test))
            if split.y.size < LEAST_PER_CLASS * self.classes
        ]


@runtime_checkable
class Augmentation(Protocol):
    """Change training inputs at random."""

    def draws(self, samples: int, seed: int, epoch: int) -> Tensor:
        """Return what a member draws for one epoch, on the host: row i is for the i-th sample it visits, (N, K)."""

    def apply(self, x: Tensor, draws: Tensor) -> Tensor:
        """Return the changed inputs (M, B, *shape) of a batch with the draws (M, B, K)."""


class Dataset(Options, ABC):
    """Options that every data set has.

    ``subset`` and ``test_subset`` keep that many samples of the published training and test data, equally many of every
    class and the same ones for every seed; null keeps all. The validation split is taken from the subset.
    ``standardize`` gives every channel of the training split mean 0 and variance 1, and maps the other splits likewise.
    """

    objective: ClassVar[ObjectiveName] = "classification"
    """What is learnt from the samples; a model says which of them it can learn."""

    of_user: ClassVar[bool] = False
    """Whether it is a file of the user's own, whose content nothing in the configuration names."""

    name: str
    protocol: Literal["standard", "source"] = "standard"
    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    subset: Annotated[int, Field(ge=2)] | None = None
    test_subset: Annotated[int, Field(ge=1)] | None = None
    standardize: bool = False

    @abstractmethod
    def read(self, root: Path) -> tuple[Samples, Samples, int]:
        """Read or make the data as published.

        Args:
            root: The data folder, ``paths.data``.

        Returns:
            Training samples, test samples, number of classes; new arrays, which the caller may change.
        """

    @abstractmethod
    def fetch(self, root: Path) -> None:
        """Bring or make the files of the data set that are missing.

        Args:
            root: The data folder.
        """

    def published(self) -> Sequence[PublishedFile]:
        """Return the published files that the data are read from; none where they are generated."""
        return ()

    def check_sources(self, root: Path) -> None:
        """Check, before torch is loaded, that the files are there; published ones that are missing are downloaded.

        Raises:
            InputError: If a file is missing or cannot be used.
        """
        if self.published():
            self.fetch(root)

    def provenance(self, root: Path) -> list[dict[str, str | bool]]:
        """Return what a record says of the files that the data were read from; nothing where they are generated."""
        from homotopy_bench.data.published import provenance

        return provenance(root, self.published())

    @abstractmethod
    def check(self, root: Path) -> list[FileCheck]:
        """Return what is known about each file of the data set.

        Args:
            root: The data folder.
        """

    def augmentation(
        self,
        splits: Splits,  # noqa: ARG002 - these three are for data sets that have one
        device: torch.device,  # noqa: ARG002
        dtype: torch.dtype,  # noqa: ARG002
    ) -> Augmentation | None:
        """Return the random change of training inputs, None for none.

        Args:
            splits: What :meth:`load` returned.
            device: Where the inputs live.
            dtype: Their format.
        """
        return None

    def load(self, root: Path) -> Splits:
        """Read the data and split it.

        Args:
            root: The data folder, ``paths.data``.

        Returns:
            The splits: with ``protocol=standard`` a share ``validation_fraction`` of the training samples, the same
            for every seed and method, is held out for validation; with ``protocol=source`` the test samples serve
            as validation samples too.

        Raises:
            InputError: If a subset is larger than the data, or a file is missing or cannot be used.
        """
        train, test, classes = self.read(root)
        train = self._part(train, "subset", self.subset, "training")
        test = self._part(test, "test_subset", self.test_subset, "test")
        train, validation = self.validation(train, test)
        if not self.standardize:
            return Splits(train, validation, test, classes)
        map_ = Standardization.of(train.x)
        for samples in (train, test) if validation is test else (train, validation, test):
            map_.apply(samples.x)
        return Splits(train, validation, test, classes, map_)

    def validation(self, train: Samples, test: Samples) -> tuple[Samples, Samples]:
        """Return the samples to train on, and those of the validation split."""
        if self.protocol == "source":
            return train, test
        kept, held_out = hold_out(len(train.y), self.validation_fraction)
        return train.take(kept), train.take(held_out)

    def _part(self, samples: Samples, key: str, count: int | None, which: str) -> Samples:
        if count is None:
            return samples
        if count > len(samples.y):
            accepted = f"accepted: at most the {len(samples.y)} {which} samples of {self.name}, or null for all"
            raise InputError(f"dataset.{key}", count, accepted)
        return samples.take(balanced_subset(samples.y, count))


def hold_out(samples: int, fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split indices into kept and held-out ones, the same way on every machine.

    Args:
        samples: Number N of samples, at least 2.
        fraction: Share to hold out; at least one sample is held out and at least one kept.

    Returns:
        Sorted indices kept, sorted indices held out; disjoint, together 0, ..., N-1.

    Example:
        >>> kept, held_out = hold_out(10, 0.2)
        >>> len(kept), len(held_out), sorted([*kept.tolist(), *held_out.tolist()]) == list(range(10))
        (8, 2, True)
    """
    import numpy as np

    count = min(max(round(samples * fraction), 1), samples - 1)
    order = np.random.Generator(np.random.PCG64(0)).permutation(samples)
    return np.sort(order[count:]), np.sort(order[:count])
