"""Tiny Shakespeare: 40000 lines of plays in one text (Karpathy 2015, github.com/karpathy/char-rnn), 1,115,394 bytes.

Its SHA-256 is 86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homotopy_bench.data.published import FileCheck, PublishedFile, check_file, provenance, refuse
from homotopy_bench.data.text import ByteText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = PublishedFile("text/tinyshakespeare.txt", 1_115_394, "6fb458f1232090904fb40fe944165e91")
SOURCES = ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",)


class Shakespeare(ByteText):
    """Plays of Shakespeare, 1,115,394 bytes, of which the last 5 % are for testing."""

    name: Literal["shakespeare"] = "shakespeare"

    def place(self, root: Path) -> Path:
        """Return the file under the data folder."""
        return FILE.at(root)

    def content(self, root: Path) -> NDArray[np.uint8]:
        """Return the bytes of the text, which is downloaded first if it is missing.

        Raises:
            InputError: If it cannot be read or downloaded, or has another size.
        """
        self.fetch(root)
        return self._sized(FILE.at(root))

    def _sized(self, path: Path) -> NDArray[np.uint8]:
        import numpy as np

        try:
            content = path.read_bytes()
        except OSError as error:
            refuse(path, f"cannot be read ({error.strerror})", self.name)
        if len(content) != FILE.size:
            refuse(path, f"has {len(content)} bytes where the published one has {FILE.size}", self.name)
        return np.frombuffer(content, np.uint8).copy()  # one that may be written to

    def published(self) -> Sequence[PublishedFile]:
        """Return the file that the data are read from."""
        return (FILE,)

    def fetch(self, root: Path) -> None:
        """Download the file if it is missing."""
        from homotopy_bench.data.download import bring, download

        def get(absent: list[PublishedFile]) -> None:
            for file in absent:
                download(file, SOURCES, root)

        bring(self.name, root, (FILE,), get)

    def provenance(self, root: Path) -> list[dict[str, str | bool]]:
        """Return the file with its MD5, and whether that is the published one."""
        return provenance(root, (FILE,))

    def check(self, root: Path) -> list[FileCheck]:
        """Return what is known about the file."""
        return [check_file(root, FILE.path, FILE.md5, self._sized)]
