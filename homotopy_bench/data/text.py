"""Read a text by bytes: 256 tokens, whatever the language."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.objective_names import ObjectiveName
from homotopy_bench.data.base import Dataset, Samples, Splits
from homotopy_bench.data.published import FileCheck, md5_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES = 256


class ByteText(Dataset):
    """A text in windows of ``context`` bytes, split in order: what is tested on comes after what is learnt from.

    The last share ``test_fraction`` is for testing, the last share ``validation_fraction`` of the rest for validation.
    ``subset`` and ``test_subset`` keep that many windows from the beginning of the two parts of the file.
    """

    objective: ClassVar[ObjectiveName] = "next_token"

    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    test_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    context: Annotated[int, Field(ge=1)] = 128
    standardize: Literal[False] = False  # bytes are names, no numbers

    @abstractmethod
    def place(self, root: Path) -> Path:
        """Return the file.

        Args:
            root: The data folder.

        Raises:
            InputError: If none is named.
        """

    def content(self, root: Path) -> NDArray[np.uint8]:
        """Return the bytes of the text.

        Raises:
            InputError: If it is missing, empty or cannot be read.
        """
        import numpy as np

        path = self.place(root)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError("dataset.file", path, f"{error.strerror}; accepted: a file that can be read") from error
        if not content:
            raise InputError("dataset.file", path, "this file is empty; accepted: a text")
        return np.frombuffer(content, np.uint8).copy()  # one that may be written to

    def read(self, root: Path) -> tuple[Samples, Samples, int]:
        """Return windows of what comes before the test part, those of the test part, and 256 classes."""
        from homotopy_bench.data.windows import Windows

        before, test = self._parts(root)
        return Windows.of(before, self.context, spare=True), Windows.of(test, self.context), BYTES

    def load(self, root: Path) -> Splits:
        """Return the parts of the text; with ``protocol=source`` the test part serves for validation too.

        Raises:
            InputError: If the file cannot be used, or a part of it is shorter than a context.
        """
        from homotopy_bench.data.windows import Windows

        train, tested = self._parts(root)
        test = validation = Windows.of(tested, self.context)
        if self.protocol == "standard":
            train, held_out = self._cut(train, self.validation_fraction)
            self._check(held_out, "validation", 1)
            validation = Windows.of(held_out, self.context)
        self._check(train, "training", 2)
        windows = Windows.of(train, self.context, spare=True)
        return Splits(windows, validation, test, BYTES, objective=self.objective)

    def fetch(self, root: Path) -> None:
        """Do nothing: a text of one's own is where it is."""

    def check_sources(self, root: Path) -> None:
        """Check that the file can be read and that all its parts are as long as a context."""
        self.fetch(root)
        self.load(root)

    def check(self, root: Path) -> list[FileCheck]:
        """Return what is known about the file."""
        try:
            path = self.place(root)
            self.content(root)
            return [FileCheck(str(path), path.stat().st_size, None, None)]
        except InputError as error:
            return [FileCheck(str(error.value), None, None, error.accepted)]

    def provenance(self, root: Path) -> list[dict[str, str | bool]]:
        """Return the file with its MD5, by which the same text is known under any name."""
        path = self.place(root)
        return [{"file": str(path), "md5": md5_of(path), "published": True}]

    def _parts(self, root: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return what comes before the test part, and the test part, each as long as is asked for.

        Raises:
            InputError: If it is shorter.
        """
        before, test = self._cut(self.content(root), self.test_fraction)
        parts = ((before, "subset", self.subset, "training"), (test, "test_subset", self.test_subset, "test"))
        for part, key, count, which in parts:
            windows = (len(part) - 1) // self.context
            if count is not None and count > windows:
                accepted = f"accepted: at most the {windows} windows of the {which} part, or null for all"
                raise InputError(f"dataset.{key}", count, accepted)
        before, test = (part if n is None else part[: n * self.context + 1] for part, _, n, _ in parts)
        self._check(test, "test", 1)
        return before, test

    @staticmethod
    def _cut(tokens: NDArray[np.uint8], fraction: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        end = len(tokens) - round(len(tokens) * fraction)
        return tokens[:end], tokens[end:]

    def _check(self, part: NDArray[np.uint8], which: str, windows: int) -> None:
        """Check that a part has so many windows.

        Raises:
            InputError: If it has not.
        """
        most = (len(part) - (1 if windows == 1 else 0)) // windows
        if most < self.context:
            accepted = f"accepted: at most {most}" if most > 0 else "accepted: a longer text"
            why = f"the {which} part of the text has {len(part)} bytes"
            raise InputError("dataset.context", self.context, f"{why}; {accepted}")


class Text(ByteText):
    """Any text, from the file ``file``, by bytes: it need not be UTF-8."""

    of_user: ClassVar[bool] = True
    name: Literal["text"] = "text"
    file: Annotated[str, Field(min_length=1)] | None = None

    def place(self, root: Path) -> Path:  # noqa: ARG002 - the file lies where it lies
        """Return the file.

        Raises:
            InputError: If none is named.
        """
        if self.file is None:
            raise InputError("dataset.file", "null", "accepted: the path of a text")
        return Path(self.file).expanduser()
