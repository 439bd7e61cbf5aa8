"""MNIST (LeCun, Cortes and Burges 1998), read from its four official files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homotopy_bench.data.base import Dataset, Samples
from homotopy_bench.data.published import FileCheck, PublishedFile, check_file, refuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = 10
PIXELS = (28, 28)
TRAIN, TEST = 60_000, 10_000

TRAIN_IMAGES = PublishedFile("mnist/train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873")
TRAIN_LABELS = PublishedFile("mnist/train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432")
TEST_IMAGES = PublishedFile("mnist/t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3")
TEST_LABELS = PublishedFile("mnist/t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c")
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class MNIST(Dataset):
    """Handwritten digits, 28 x 28 grey pixels in 10 classes, 60000 for training and 10000 for testing."""

    name: Literal["mnist"] = "mnist"
    standardize: bool = True

    def read(self, root: Path) -> tuple[Samples, Samples, int]:
        """Return training samples, test samples and 10 classes; inputs (N, 1, 28, 28), float32, in [0, 1].

        Missing files are downloaded first. A file that is damaged, or cannot be downloaded, is an
        :class:`~homotopy_bench.core.errors.InputError`.
        """
        self.fetch(root)
        train = _samples(TRAIN_IMAGES.at(root), TRAIN_LABELS.at(root), TRAIN)
        test = _samples(TEST_IMAGES.at(root), TEST_LABELS.at(root), TEST)
        return train, test, CLASSES

    def published(self) -> Sequence[PublishedFile]:
        """Return the files that the data are read from."""
        return FILES

    def fetch(self, root: Path) -> None:
        """Download the files that are missing."""
        from homotopy_bench.data.download import bring, download

        def get(absent: list[PublishedFile]) -> None:
            for file in absent:
                download(file, [mirror + file.name for mirror in MIRRORS], root)

        bring(self.name, root, FILES, get)

    def check(self, root: Path) -> list[FileCheck]:
        """Return what is known about each file."""
        readers = {
            TRAIN_IMAGES: partial(_images, samples=TRAIN),
            TRAIN_LABELS: partial(_labels, samples=TRAIN),
            TEST_IMAGES: partial(_images, samples=TEST),
            TEST_LABELS: partial(_labels, samples=TEST),
        }
        return [check_file(root, file.path, file.md5, read) for file, read in readers.items()]


def _samples(images: Path, labels: Path, samples: int) -> Samples:
    import numpy as np

    pixels = _images(images, samples) / np.float32(255)
    return Samples(pixels.reshape(samples, 1, *PIXELS), _labels(labels, samples).astype(np.int64))


def _images(path: Path, samples: int) -> NDArray[np.uint8]:
    from homotopy_bench.data.idx import read_idx

    return read_idx(path, (samples, *PIXELS), "mnist")


def _labels(path: Path, samples: int) -> NDArray[np.uint8]:
    from homotopy_bench.data.idx import read_idx

    labels = read_idx(path, (samples,), "mnist")
    if labels.max() >= CLASSES:
        refuse(path, f"holds the label {labels.max()}, where 0 to {CLASSES - 1} are known", "mnist")
    return labels
