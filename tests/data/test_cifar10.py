"""CIFAR-10: small files in its layout, every kind of wrong file, and the real set where it is at hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from homotopy_bench import train
from homotopy_bench.core.errors import InputError
from homotopy_bench.data import cifar10
from homotopy_bench.data.cifar10 import CIFAR10
from tests.cases import need_data
from tests.composing import compose
from tests.data.cifar_files import RECORDS, use_small_files, write_files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small set in CIFAR-10's layout."""
    write_files(tmp_path, use_small_files(monkeypatch))
    return tmp_path


def test_images_and_labels_are_those_in_the_files(root: Path) -> None:
    train, test, classes = CIFAR10().read(root)
    assert (train.x.shape, test.x.shape, classes) == ((5 * RECORDS, 3, 32, 32), (RECORDS, 3, 32, 32), 10)
    assert (train.x.dtype.name, train.y.dtype.name) == ("float32", "int64")
    batches = [(root / f"cifar-10-batches-bin/data_batch_{k}.bin").read_bytes() for k in range(1, 6)]
    for part, content in ((train, b"".join(batches)), (test, cifar10.TEST_FILES[0].at(root).read_bytes())):
        for k in range(len(part.y)):
            record = content[3073 * k : 3073 * (k + 1)]
            assert part.y[k] == record[0]
            # The pixel in row 5 and column 7 of the red, green and blue plane.
            expected = [np.float32(record[1 + 1024 * plane + 32 * 5 + 7] / 255) for plane in range(3)]
            assert part.x[k, :, 5, 7].tolist() == expected
        assert (part.x * 255).round().astype(np.uint8).sum(dtype=np.int64) == sum(content) - part.y.sum()


def test_wrong_files_are_named(root: Path) -> None:
    path = root / "cifar-10-batches-bin/data_batch_3.bin"
    whole = path.read_bytes()
    for content, problem in (
        (whole[:-1], f"has fewer than {RECORDS * 3073} bytes"),
        (b"", f"has fewer than {RECORDS * 3073} bytes"),
        (whole + b"\0", f"has more than {RECORDS * 3073} bytes"),
        (b"\x0a" + whole[1:], "holds the label 10, where 0 to 9 are known"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            CIFAR10().read(root)
        remedy = "delete it and get it anew: homotopy-data fetch cifar10"
        assert str(caught.value) == f"paths.data={path}: this file {problem}; {remedy}"
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"data_batch_3.bin: this file cannot be read \(Is a directory\)"):
        CIFAR10().read(root)


def test_the_record_says_which_files_are_not_the_published_ones(root: Path, tmp_path: Path) -> None:
    small = ("dataset=cifar10", "dataset.subset=30", "model=cnn", "model.width=2", "method=baseline")
    config = compose(*small, "training.epochs=1", "training.batch_size=10", f"paths.data={root}")
    path = root / "cifar-10-batches-bin/data_batch_3.bin"
    runs = [train(config, tmp_path / "published")]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    runs.append(train(config, tmp_path / "other"))
    for run, differing in zip(runs, ([], [path.name]), strict=True):
        data = json.loads((run.folder / "summary.json").read_text())["data"]
        assert [Path(file["file"]).name for file in data if not file["published"]] == differing
        assert [file["file"] for file in data] == [file.path for file in cifar10.FILES]
        if differing:
            assert data[2]["md5"] == hashlib.md5(path.read_bytes()).hexdigest()
        said = "cifar10: 1 of 6 files are not the published ones" in (run.folder / "train.log").read_text()
        assert said == bool(differing)


def test_another_checksum_is_read_and_told(root: Path) -> None:
    assert {check.official for check in CIFAR10().check(root)} == {True}
    path = root / "cifar-10-batches-bin/test_batch.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))
    assert len(CIFAR10().read(root)[1].y) == RECORDS
    checks = {check.path: (check.official, check.problem) for check in CIFAR10().check(root)}
    assert checks.pop("cifar-10-batches-bin/test_batch.bin") == (False, None)
    assert set(checks.values()) == {(True, None)}


def test_augmentation_frames_with_the_standardised_black(root: Path) -> None:
    for standardize in (False, True):
        dataset = CIFAR10(standardize=standardize)
        splits = dataset.load(root)
        augmentation = dataset.augmentation(splits, torch.device("cpu"), torch.float32)
        assert augmentation is not None
        corner = augmentation.apply(torch.zeros(1, 1, 3, 32, 32), torch.tensor([[[0, 0, 0]]]))[0, 0, :, 0, 0]
        train = CIFAR10(standardize=False).load(root).train.x.astype(np.float64)
        mean, deviation = train.mean(axis=(0, 2, 3)), train.std(axis=(0, 2, 3))
        assert corner.tolist() == pytest.approx((-mean / deviation if standardize else 0 * mean).tolist(), rel=1e-5)
        in_double = augmentation = dataset.augmentation(splits, torch.device("cpu"), torch.float64)
        assert in_double is not None
        assert (
            in_double.apply(torch.zeros(1, 1, 3, 32, 32).double(), torch.tensor([[[4, 4, 0]]])).dtype == torch.float64
        )
    assert CIFAR10(augment="none").augmentation(splits, torch.device("cpu"), torch.float32) is None


@pytest.fixture(scope="module")
def real(data_root: Path) -> Path:
    need_data("cifar10", data_root)
    return data_root


def test_the_real_set(real: Path) -> None:
    train, test, _ = CIFAR10().read(real)
    assert train.x.shape == (50_000, 3, 32, 32)
    assert test.x.shape == (10_000, 3, 32, 32)
    assert np.bincount(train.y).tolist() == [5000] * 10
    assert np.bincount(test.y).tolist() == [1000] * 10
    # The first training image is a frog, then two trucks; the first test image is a cat.
    assert train.y[:5].tolist() == [6, 9, 9, 4, 1]
    assert test.y[:4].tolist() == [3, 8, 8, 0]
    # The published mean of the training pixels; a re-encoded set differs in the fourth digit.
    assert train.x[:, 0].mean(dtype=np.float64) == pytest.approx(0.4914, abs=2e-3)
    assert train.x[:, 1].mean(dtype=np.float64) == pytest.approx(0.4822, abs=2e-3)
    assert train.x[:, 2].mean(dtype=np.float64) == pytest.approx(0.4465, abs=2e-3)


def test_real_splits(real: Path) -> None:
    splits = CIFAR10(subset=500, test_subset=50).load(real)
    assert np.bincount(np.concatenate([splits.train.y, splits.validation.y])).tolist() == [50] * 10
    assert np.bincount(splits.test.y).tolist() == [5] * 10
    assert splits.train.x.mean(axis=(0, 2, 3)).tolist() == pytest.approx([0.0] * 3, abs=1e-4)
    assert splits.train.x.std(axis=(0, 2, 3)).tolist() == pytest.approx([1.0] * 3, rel=1e-4)
