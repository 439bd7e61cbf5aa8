"""MNIST: small files in its layout, every kind of wrong file, and the real set where it is at hand."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.data import mnist
from homotopy_bench.data.mnist import MNIST
from tests.cases import need_data
from tests.data.idx_files import parse_idx, write_idx

TRAIN, TEST = 30, 10


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small set in MNIST's layout."""
    monkeypatch.setattr(mnist, "TRAIN", TRAIN)
    monkeypatch.setattr(mnist, "TEST", TEST)
    generator = random.Random(0)
    for images, labels, samples in (
        (mnist.TRAIN_IMAGES, mnist.TRAIN_LABELS, TRAIN),
        (mnist.TEST_IMAGES, mnist.TEST_LABELS, TEST),
    ):
        write_idx(images.at(tmp_path), (samples, 28, 28), generator.randbytes(samples * 784))
        write_idx(labels.at(tmp_path), (samples,), bytes(k % 10 for k in range(samples)))
    return tmp_path


def test_images_and_labels_are_those_in_the_files(root: Path) -> None:
    train, test, classes = MNIST().read(root)
    assert classes == 10
    for part, images, labels, samples in (
        (train, mnist.TRAIN_IMAGES, mnist.TRAIN_LABELS, TRAIN),
        (test, mnist.TEST_IMAGES, mnist.TEST_LABELS, TEST),
    ):
        assert part.x.shape == (samples, 1, 28, 28)
        assert (part.x.dtype.name, part.y.dtype.name) == ("float32", "int64")
        _, pixels = parse_idx(images.at(root))
        assert part.x.ravel().tolist() == [np.float32(pixel / 255) for pixel in pixels]
        assert part.y.tolist() == list(parse_idx(labels.at(root))[1])


def test_load_standardises_by_default(root: Path) -> None:
    splits = MNIST().load(root)
    assert splits.train.x.shape == (27, 1, 28, 28)
    assert splits.train.x.mean() == pytest.approx(0.0, abs=1e-5)
    assert splits.train.x.std() == pytest.approx(1.0, abs=1e-5)
    assert splits.train.x.dtype == np.float32


def test_swapped_and_foreign_files_are_named(root: Path) -> None:
    train, test = mnist.TRAIN_IMAGES.at(root), mnist.TEST_IMAGES.at(root)
    whole = train.read_bytes()
    train.write_bytes(test.read_bytes())
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz: this file has the shape \(10, 28, 28\), not"):
        MNIST().read(root)
    train.write_bytes(whole)
    labels = mnist.TEST_LABELS.at(root)
    write_idx(labels, (TEST,), bytes([*range(9), 10]))
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz: this file holds the label 10"):
        MNIST().read(root)
    labels.write_bytes(whole)
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz: this file has the shape \(30, 28, 28\)"):
        MNIST().read(root)


def test_another_checksum_is_read_and_told(root: Path) -> None:
    assert len(MNIST().read(root)[0].y) == TRAIN
    checks = MNIST().check(root)
    assert [(check.official, check.problem) for check in checks] == [(False, None)] * 4
    mnist.TRAIN_LABELS.at(root).write_bytes(b"")
    mnist.TEST_LABELS.at(root).unlink()
    problems = {check.path: (check.size, check.problem) for check in MNIST().check(root) if check.problem}
    assert problems == {
        "mnist/train-labels-idx1-ubyte.gz": (
            0,
            "this file is no IDX file of unsigned bytes; delete it and get it anew: homotopy-data fetch mnist",
        ),
        "mnist/t10k-labels-idx1-ubyte.gz": (None, "missing"),
    }


@pytest.fixture(scope="module")
def real(data_root: Path) -> Path:
    need_data("mnist", data_root)
    return data_root


def test_the_real_files_are_the_official_ones(real: Path) -> None:
    checks = MNIST().check(real)
    assert [(check.official, check.problem) for check in checks] == [(True, None)] * 4
    assert [check.size for check in checks] == [file.size for file in mnist.FILES]


def test_the_real_set(real: Path) -> None:
    train, test, _ = MNIST().read(real)
    assert train.x.shape == (60_000, 1, 28, 28)
    assert test.x.shape == (10_000, 1, 28, 28)
    # Sizes of the classes and mean and deviation of the training pixels, as printed wherever MNIST is used.
    assert np.bincount(train.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.x.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert train.x.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9]
    _, pixels = parse_idx(mnist.TRAIN_IMAGES.at(real))
    assert (train.x[41_234] * 255).round().astype(np.uint8).tobytes() == pixels[41_234 * 784 : 41_235 * 784]


def test_real_splits(real: Path) -> None:
    splits = MNIST(subset=1000, test_subset=100).load(real)
    assert np.bincount(np.concatenate([splits.train.y, splits.validation.y])).tolist() == [100] * 10
    assert np.bincount(splits.test.y).tolist() == [10] * 10
    assert (len(splits.train.y), len(splits.validation.y)) == (900, 100)
    assert splits.train.x.mean() == pytest.approx(0.0, abs=1e-4)
    with pytest.raises(InputError, match=r"dataset.subset=60001: accepted: at most the 60000 training samples of mni"):
        MNIST(subset=60_001).load(real)
