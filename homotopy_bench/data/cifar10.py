"""CIFAR-10 (Krizhevsky 2009), read from the six files of its binary version; nothing is unpickled.

A file holds 10000 records of 3073 bytes: the label, then the red, the green and the blue plane of 32 rows of 32 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from homotopy_bench.data.base import Augmentation, Dataset, Samples, Splits
from homotopy_bench.data.published import FileCheck, PublishedFile, check_file, md5_of, refuse

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

CLASSES = 10
SHAPE = (3, 32, 32)
RECORD = 1 + prod(SHAPE)
RECORDS = 10_000
"""Records of one file."""

TRAIN_FILES = (
    PublishedFile("cifar-10-batches-bin/data_batch_1.bin", 30_730_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
    PublishedFile("cifar-10-batches-bin/data_batch_2.bin", 30_730_000, "5ea93a67294ea407fff1d09f752e9692"),
    PublishedFile("cifar-10-batches-bin/data_batch_3.bin", 30_730_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
    PublishedFile("cifar-10-batches-bin/data_batch_4.bin", 30_730_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
    PublishedFile("cifar-10-batches-bin/data_batch_5.bin", 30_730_000, "53f37980c15c3d472c316c40844f3f0d"),
)
TEST_FILES = (PublishedFile("cifar-10-batches-bin/test_batch.bin", 30_730_000, "803d5f7f4d78ea53de84dbe85f74fb6d"),)
FILES = TRAIN_FILES + TEST_FILES

ARCHIVE = PublishedFile("cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530")
MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://cave.cs.toronto.edu/kriz/",
    "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
)


class CIFAR10(Dataset):
    """Photographs, 32 x 32 pixels of three colours in 10 classes, 50000 for training and 10000 for testing.

    ``augment=crop_flip`` lets every training step see its images cropped at random from a frame of 4 black pixels and
    mirrored with probability 1/2.
    """

    name: Literal["cifar10"] = "cifar10"
    standardize: bool = True
    augment: Literal["none", "crop_flip"] = "crop_flip"

    def read(self, root: Path) -> tuple[Samples, Samples, int]:
        """Return training samples, test samples and 10 classes; inputs (N, 3, 32, 32), float32, in [0, 1].

        Missing files are downloaded first. A file that is damaged, or cannot be downloaded, is an
        :class:`~homotopy_bench.core.errors.InputError`.
        """
        self.fetch(root)
        train = _samples([file.at(root) for file in TRAIN_FILES])
        test = _samples([file.at(root) for file in TEST_FILES])
        return train, test, CLASSES

    def published(self) -> Sequence[PublishedFile]:
        """Return the files that the data are read from."""
        return FILES

    def fetch(self, root: Path) -> None:
        """Extract the files that are missing from the official archive.

        An archive in the data folder is used and kept; otherwise it is downloaded, and deleted after extraction.
        """
        from homotopy_bench.data.archive import unpack
        from homotopy_bench.data.download import Unavailable, bring, download

        def get(absent: list[PublishedFile]) -> None:
            archive = ARCHIVE.at(root)
            supplied = archive.exists()
            if not supplied:
                download(ARCHIVE, [mirror + ARCHIVE.name for mirror in MIRRORS], root)
            elif md5_of(archive) != ARCHIVE.md5:
                raise Unavailable(f"the {ARCHIVE.name} there is not the official one (delete it)")
            unpack(archive, absent, root)
            if not supplied:
                archive.unlink()

        bring(self.name, root, FILES, get, source=ARCHIVE.name)

    def check(self, root: Path) -> list[FileCheck]:
        """Return what is known about each file."""
        return [check_file(root, file.path, file.md5, _records) for file in FILES]

    def augmentation(self, splits: Splits, device: torch.device, dtype: torch.dtype) -> Augmentation | None:
        """Return the random change of training inputs that ``augment`` names, None for none."""
        if self.augment == "none":
            return None
        from homotopy_bench.data.augmentation import CropFlip

        return CropFlip.on(splits, device, dtype)


def _samples(paths: list[Path]) -> Samples:
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    x = np.empty((len(paths) * RECORDS, *SHAPE), np.float32)
    y = np.empty(len(x), np.int64)

    def read(index: int) -> None:
        records = _records(paths[index])
        rows = slice(index * RECORDS, (index + 1) * RECORDS)
        np.divide(records[:, 1:], np.float32(255), out=x.reshape(len(x), -1)[rows], dtype=np.float32)
        y[rows] = records[:, 0]

    # Most of the time goes to the system, which must find memory for the images: file by file, side by side.
    with ThreadPoolExecutor() as pool:
        list(pool.map(read, range(len(paths))))
    return Samples(x, y)


def _records(path: Path) -> NDArray[np.uint8]:
    """Return the records (10000, 3073) of one file."""
    import numpy as np

    size = RECORDS * RECORD
    try:
        content = np.fromfile(path, np.uint8, count=size + 1)
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})", "cifar10")
    if len(content) != size:
        refuse(path, f"has {'more' if len(content) > size else 'fewer'} than {size} bytes", "cifar10")
    records = content.reshape(RECORDS, RECORD)
    if (largest := records[:, 0].max()) >= CLASSES:
        refuse(path, f"holds the label {largest}, where 0 to {CLASSES - 1} are known", "cifar10")
    return records
