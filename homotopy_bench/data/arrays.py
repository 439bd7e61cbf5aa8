"""Take a data set from arrays: those of a file, or those that Python gives to ``train``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import error_line
from homotopy_bench.data.base import Dataset, Samples

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from homotopy_bench.data.published import FileCheck

SPLITS = ("train", "test", "validation")

NEEDED = ("x_train", "y_train", "x_test", "y_test")

FORMATS = ".npz, .safetensors or .parquet with x_train, y_train, x_test, y_test"

OF_PYTHON = "(x, y, x_test, y_test), "

FORM = f"accepted: {OF_PYTHON}inputs (N, *shape) of numbers and labels (N,) of integers from 0"


@dataclass(frozen=True, eq=False)
class Given:
    """Hold what was given."""

    train: Samples
    test: Samples
    validation: Samples | None = None

    def splits(self) -> list[Samples]:
        """Return all splits that there are."""
        return [self.train, self.test, *([] if self.validation is None else [self.validation])]


class Arrays(Dataset):
    """Arrays of a ``file``: x_train, y_train, x_test, y_test, and x_validation, y_validation where there are any.

    It is .npz, .safetensors or .parquet. ``sha256`` is that of its content, by which a record names the data; where it
    is given, the file must have it. Arrays that Python gave to ``train`` have no file, and a record cannot bring them
    back.
    """

    name: Literal["arrays"] = "arrays"
    file: Annotated[str, Field(min_length=1)] | None = None
    sha256: str | None = None
    newer: ClassVar[Mapping[str, Any]] = {"file": None}
    _given: Given | None = PrivateAttr(None)

    @field_validator("file")
    @classmethod
    def _is_there(cls, file: str | None) -> str | None:
        if file is not None:
            digest_of(file)
        return file

    @model_validator(mode="after")
    def _named_by_content(self) -> Arrays:
        if self.file is None:
            return self
        found = digest_of(self.file)
        if self.sha256 is not None and self.sha256 != found:
            raise ValueError(f"{self.file} has the hash {found}; accepted: the file with sha256={self.sha256}")
        object.__setattr__(self, "sha256", found)  # frozen: nobody has seen it yet
        return self

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
            InputError: If the file has another form, or this is the configuration of a record, in another process.
        """
        given = self._arrays()
        train, test = (Samples(one.x.copy(), one.y.copy()) for one in (given.train, given.test))
        return train, test, int(max(one.y.max() for one in given.splits())) + 1

    def validation(self, train: Samples, test: Samples) -> tuple[Samples, Samples]:
        """Return the training samples and the validation split of the file, or one from the training samples.

        Raises:
            InputError: If the file has a validation split and ``protocol=source`` asks for the test split.
        """
        own = self._arrays().validation
        if own is None:
            return super().validation(train, test)
        if self.protocol == "source":
            raise InputError("dataset.protocol", "source", "the file has a validation split; accepted: standard")
        return train, Samples(own.x.copy(), own.y.copy())

    def _arrays(self) -> Given:
        if self._given is None and self.file is not None:
            self._given = read_arrays(self.file)
        if self._given is None:
            accepted = "these arrays were given to train(data=...) in Python, and are in no file"
            raise InputError("dataset", f"{self.name} {(self.sha256 or '')[:12]}".strip(), accepted)
        return self._given

    def check_sources(self, root: Path) -> None:  # noqa: ARG002 - the file lies where it says
        """Check that there are arrays.

        Raises:
            InputError: If there is neither a file nor what Python gave.
        """
        if self.file is None and self.sha256 is None:
            raise InputError("dataset.file", "null", f"accepted: a file, {FORMATS}")
        if self.file is None:
            self._arrays()

    def fetch(self, root: Path) -> None:
        """Do nothing: nothing is published."""

    def check(self, root: Path) -> list[FileCheck]:  # noqa: ARG002 - there are no files
        """Return nothing: there are no files."""
        return []


def digest_of(file: str) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        found = Path(file).expanduser().stat()
        return _digest(file, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise ValueError(f"{error.strerror}; accepted: the name of a file, {FORMATS}") from error
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{error}; accepted: the name of a file, {FORMATS}") from error


@lru_cache(maxsize=16)
def _digest(file: str, *_: int) -> str:
    """Return the hash of a file of this time and size: jobs of a multirun ask for it again and again."""
    with Path(file).expanduser().open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_arrays(file: str) -> Given:
    """Return the splits in a file.

    Raises:
        InputError: If it cannot be read, or has another form.
    """
    path = Path(file).expanduser()
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors, ".parquet": _read_parquet}
    reader = readers.get(path.suffix)
    if reader is None:
        raise InputError("dataset.file", file, f"accepted: {FORMATS}")
    try:
        arrays = reader(path)
    except InputError:
        raise
    except Exception as error:  # of four libraries, and of what they read
        raise InputError("dataset.file", file, f"cannot be read ({error_line(error)})") from error
    halves = {f"{axis}_validation" for axis in "xy"}
    needed = (*NEEDED, *sorted(halves)) if halves & arrays.keys() else NEEDED
    for name in needed:
        if name not in arrays:
            hint = f"it has {', '.join(sorted(arrays)) or 'none'}"
            raise InputError("dataset.file", file, f"has no array {name}; accepted: {', '.join(needed)}; {hint}")
    for name in arrays:
        axis, _, split = name.partition("_")
        if axis == "x" and f"y_{split}" in arrays and split not in SPLITS:
            accepted = f"there is no split {split}; accepted: x_ and y_ of {', '.join(SPLITS)}"
            raise InputError("dataset.file", file, f"has arrays {name} and y_{split}, and {accepted}")
    given = {
        split: _samples(f"x_{split}", f"y_{split}", arrays[f"x_{split}"], arrays[f"y_{split}"], file=file)
        for split in SPLITS
        if f"x_{split}" in arrays and f"y_{split}" in arrays
    }
    for split, samples in given.items():
        if samples.x.shape[1:] != given["train"].x.shape[1:]:
            shapes = f"x_{split} has samples {samples.x.shape[1:]}, x_train {given['train'].x.shape[1:]}"
            raise InputError("dataset.file", file, f"{shapes}; accepted: samples of one shape")
    return Given(given["train"], given["test"], given.get("validation"))


def _read_npz(path: Path) -> dict[str, Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(path))


def _read_parquet(path: Path) -> dict[str, Any]:
    """Return the arrays of a table with the columns ``split`` (train, validation, test), ``y`` and numbers.

    The numbers are in a column of lists, ``x``, or in columns of their own.

    Raises:
        InputError: If pyarrow is not installed.
    """
    import numpy as np

    try:
        from pyarrow import parquet
    except ImportError as error:
        accepted = "pyarrow is not installed; accepted: pip install 'homotopy-bench[parquet]'"
        raise InputError("dataset.file", path, accepted) from error
    table = parquet.read_table(path)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    splits = np.array(columns.pop("split"))
    labels = np.array(columns.pop("y"))
    inputs = np.array(columns["x"]) if "x" in columns else np.column_stack(list(columns.values()))
    found: dict[str, Any] = {}
    for split in set(splits.tolist()):
        found |= {f"x_{split}": inputs[splits == split], f"y_{split}": labels[splits == split]}
    return found


def _samples(x_name: str, y_name: str, x: ArrayLike, y: ArrayLike, *, file: str | None = None) -> Samples:
    """Return inputs and labels as samples; ``file`` is where they are from, None for those of Python.

    Raises:
        InputError: If they have another form.
    """
    import numpy as np

    try:
        inputs, labels = np.asarray(x), np.asarray(y)
    except (TypeError, ValueError) as error:  # lists of several lengths, or a tensor on a device
        raise InputError(f"data: {x_name}, {y_name}", type(x).__name__, f"{error_line(error)}; {FORM}") from error
    fault: tuple[str, Any, str] | None = None
    real = any(np.issubdtype(inputs.dtype, kind) for kind in (np.integer, np.floating, np.bool_))
    if not real or inputs.ndim < 2:
        fault = x_name, inputs, FORM
    elif (
        not np.issubdtype(labels.dtype, np.integer)
        or labels.shape != inputs.shape[:1]
        or not 0 <= labels.min(initial=0) <= labels.max(initial=0) < 2**31
    ):
        fault = y_name, labels, f"{x_name} has shape {inputs.shape}; {FORM}"
    elif len(labels) < 2:
        fault = x_name, inputs, "accepted: at least 2 samples"
    elif not (np.abs(inputs) <= np.finfo(np.float32).max).all():
        fault = x_name, inputs, "it holds values that are not finite in float32; accepted: finite numbers"
    if fault is not None:
        name, array, accepted = fault
        if file is None:
            raise InputError(f"data: {name}", _shown(array), accepted)
        raise InputError("dataset.file", file, f"{name} is {_shown(array)}; {accepted.replace(OF_PYTHON, '')}")
    kept = inputs if inputs.dtype == np.float64 else inputs.astype(np.float32)
    return Samples(kept, labels.astype(np.int64))


def _shown(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"
