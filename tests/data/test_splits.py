"""From published data to splits: subset first, then the validation split, then standardisation by training data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.data.base import Dataset, Samples
from homotopy_bench.data.cifar10 import CIFAR10
from homotopy_bench.data.mnist import MNIST
from homotopy_bench.data.mnist1d import MNIST1D
from homotopy_bench.data.published import FileCheck
from homotopy_bench.data.subset import balanced_subset
from tests.composing import compose

TRAIN, TEST, CLASSES = 200, 60, 5


class Numbered(Dataset):
    """Images whose first pixel tells which sample of which part they are; test images are brighter."""

    name: Literal["numbered"] = "numbered"

    def read(self, root: Path) -> tuple[Samples, Samples, int]:
        return self._part_of(TRAIN, 0.0), self._part_of(TEST, 1000.0), CLASSES

    def fetch(self, root: Path) -> None:
        pass

    def check(self, root: Path) -> list[FileCheck]:
        return []

    def _part_of(self, samples: int, first: float) -> Samples:
        x = np.random.default_rng(samples).random((samples, 2, 3, 3)).astype(np.float32)
        x[:, :, 0, 0] = first + np.arange(samples, dtype=np.float32)[:, None]
        return Samples(x, np.arange(samples, dtype=np.int64) % CLASSES)


NOWHERE = Path("nowhere")


def numbers(samples: Samples) -> list[float]:
    values: list[float] = samples.x[:, 0, 0, 0].tolist()
    return values


def test_splits_are_disjoint_parts_of_the_published_data() -> None:
    splits = Numbered(validation_fraction=0.25).load(NOWHERE)
    train, validation, test = (numbers(part) for part in (splits.train, splits.validation, splits.test))
    assert (len(train), len(validation), len(test)) == (150, 50, TEST)
    assert sorted(train + validation) == list(range(TRAIN))
    assert test == list(range(1000, 1000 + TEST))
    for part in (splits.train, splits.validation):
        assert np.array_equal(part.y, np.array(numbers(part)).astype(int) % CLASSES)
    assert splits.standardization is None


def test_the_subset_is_taken_before_the_validation_split() -> None:
    splits = Numbered(subset=50, test_subset=11, validation_fraction=0.2).load(NOWHERE)
    labels = np.arange(TRAIN) % CLASSES
    together = sorted(numbers(splits.train) + numbers(splits.validation))
    assert (len(splits.train.y), len(splits.validation.y)) == (40, 10)
    assert together == balanced_subset(labels, 50).tolist()
    assert np.bincount(np.concatenate([splits.train.y, splits.validation.y])).tolist() == [10] * CLASSES
    assert sorted(np.bincount(splits.test.y).tolist()) == [2, 2, 2, 2, 3]


def test_a_subset_of_all_is_all() -> None:
    whole = Numbered().load(NOWHERE)
    same = Numbered(subset=TRAIN, test_subset=TEST).load(NOWHERE)
    for a, b in ((whole.train, same.train), (whole.validation, same.validation), (whole.test, same.test)):
        assert np.array_equal(a.x, b.x)
        assert np.array_equal(a.y, b.y)


def test_a_subset_larger_than_the_data_is_an_error() -> None:
    with pytest.raises(InputError) as caught:
        Numbered(subset=TRAIN + 1).load(NOWHERE)
    assert str(caught.value) == (
        "dataset.subset=201: accepted: at most the 200 training samples of numbered, or null for all"
    )
    with pytest.raises(InputError, match=r"dataset.test_subset=61: accepted: at most the 60 test samples"):
        Numbered(test_subset=TEST + 1).load(NOWHERE)


@pytest.mark.parametrize("protocol", ["standard", "source"])
def test_standardisation_sees_the_training_split_only(protocol: Literal["standard", "source"]) -> None:
    plain = Numbered(protocol=protocol, subset=100).load(NOWHERE)
    standard = Numbered(protocol=protocol, subset=100, standardize=True).load(NOWHERE)
    for channel in range(2):
        values = plain.train.x[:, channel].astype(np.float64)
        mean, deviation = values.mean(), values.std()
        assert standard.standardization is not None
        assert standard.standardization.mean[channel] == pytest.approx(mean, rel=1e-12)
        for before, after in (
            (plain.train, standard.train),
            (plain.validation, standard.validation),
            (plain.test, standard.test),
        ):
            assert after.x[:, channel] == pytest.approx((before.x[:, channel] - mean) / deviation, rel=1e-4, abs=1e-5)
            assert np.array_equal(before.y, after.y)
    assert (standard.validation is standard.test) == (protocol == "source")


def test_standardised_data_do_not_depend_on_the_other_splits() -> None:
    few = Numbered(standardize=True, test_subset=5).load(NOWHERE)
    many = Numbered(standardize=True).load(NOWHERE)
    assert np.array_equal(few.train.x, many.train.x)


def test_mnist1d_stays_as_its_source_has_it(tmp_path: Path) -> None:
    published, test, _ = MNIST1D(samples=500).read(tmp_path)
    splits = MNIST1D(samples=500).load(tmp_path)
    together = np.concatenate([splits.train.x, splits.validation.x])
    assert np.array_equal(np.sort(together, axis=0), np.sort(published.x, axis=0))
    assert np.array_equal(splits.test.x, test.x)
    assert splits.train.x.dtype == published.x.dtype
    standard = MNIST1D(samples=500, standardize=True).load(tmp_path)
    assert standard.train.x.mean() == pytest.approx(0.0, abs=1e-12)
    assert standard.train.x.std() == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("mnist1d", MNIST1D()), ("mnist", MNIST()), ("cifar10", CIFAR10())])
def test_the_configuration_files_state_the_defaults(name: str, expected: Dataset) -> None:
    assert compose(f"dataset={name}").dataset == expected


@pytest.mark.parametrize(
    ("override", "accepted"),
    [
        ("dataset.subset=1", "an integer >= 2 or null"),
        ("dataset.subset=2.5", "an integer >= 2 or null"),
        ("dataset.test_subset=0", "an integer >= 1 or null"),
        ("dataset.standardize=1", "true or false"),
        ("dataset.augment=crop", "none, crop_flip"),
        ("dataset.validation_fraction=1.0", "a number > 0 and < 1"),
    ],
)
def test_options_out_of_range_are_named(override: str, accepted: str) -> None:
    with pytest.raises(InputError) as caught:
        compose("dataset=cifar10", override)
    key, _, value = override.partition("=")
    assert str(caught.value) == f"{key}={value}: accepted: {accepted}"
