"""Configurations composed in common are those that Hydra composes one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.sweeps.launchers.sweep_loader import SweepLoader
from tests.composing import seen

MULTIRUN = ["hydra.sweep.dir=there", "hydra.job.config.override_dirname.exclude_keys=[seed]"]

PLAIN = [
    ["seed=1"],
    ["seed=2", "training.epochs=3"],
    ["training.epochs=3", "seed=2"],
    ["seed=1", "seed=2"],
    ["optimizer.lr=1e-3", "training.clip_norm=null"],
    ["optimizer.lr=3", "optimizer.weight_decay=0"],
    ["paths.outputs='a b'", "model.init=kaiming"],
    ["method=baseline", "seed=4", "optimizer=sgd", "optimizer.momentum=0.5"],
    ["seed=4", "method=baseline", "optimizer.lr=0.1"],
    ["experiment=strong_baseline", "training.epochs=2"],
    ["method=convexity_annealing", "continuation=adaptive", "continuation.reserve=0.5"],
    ["model=cnn", "model.width=3", "dataset.samples=700"],
    ["dataset.standardize=true", "hardware.dtype=float64"],
    ["training.eval_every=5"],
]
"""What is composed in common."""

OTHERS = [
    ["+optimizer.extra=1"],
    ["seed=${training.epochs}"],
    ["~training.l1"],
    ["training={epochs: 2}"],
    ["hydra.job.name=other"],
    ["lr_schedule=curvature", "lr_schedule@lr_schedule.base=constant", "optimizer=sgd"],
    ["model=cnn", "+model.list=[1,2]", "seed=3"],
]
"""What is left to Hydra."""

WRONG = [["sead=1"], ["training.epoch=1"], ["method=basline"], ["seed=1", "model.dept=2"]]


@pytest.fixture(scope="module")
def loader() -> Iterator[ConfigLoader]:
    setup_globals()
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        yield GlobalHydra.instance().config_loader()


@pytest.fixture(scope="module")
def master(loader: ConfigLoader) -> DictConfig:
    return loader.load_configuration("config", [*MULTIRUN, "seed=0,1"], RunMode.MULTIRUN)


def test_each_is_what_hydra_composes(loader: ConfigLoader, master: DictConfig) -> None:
    sooner = SweepLoader(loader)
    for overrides in [*PLAIN, *OTHERS]:
        expected = loader.load_sweep_config(master, list(overrides))
        for _ in range(2):
            composed = sooner.load_sweep_config(master, list(overrides))
            assert seen(composed) == seen(expected), overrides
            assert OmegaConf.to_yaml(composed) == OmegaConf.to_yaml(expected)
            assert OmegaConf.get_cache(composed) == OmegaConf.get_cache(expected)


def test_jobs_share_nothing(loader: ConfigLoader, master: DictConfig) -> None:
    sooner = SweepLoader(loader)
    first = sooner.load_sweep_config(master, ["seed=1"])
    first.training.epochs = 77
    first.hydra.job.num = 5
    expected = loader.load_sweep_config(master, ["seed=2"])
    assert seen(sooner.load_sweep_config(master, ["seed=2"])) == seen(expected)


@pytest.mark.parametrize("overrides", WRONG, ids=" ".join)
def test_what_is_wrong_is_said_by_hydra(overrides: list[str], loader: ConfigLoader, master: DictConfig) -> None:
    with pytest.raises(HydraException) as expected:
        loader.load_sweep_config(master, overrides)
    with pytest.raises(HydraException) as said:
        SweepLoader(loader).load_sweep_config(master, overrides)
    assert str(said.value) == str(expected.value)


def test_plain_values_are_composed_once_per_choice_of_groups(loader: ConfigLoader, master: DictConfig) -> None:
    asked: list[list[str]] = []

    class Counting(SweepLoader):
        def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
            asked.append(sweep_overrides)
            return loader.load_sweep_config(master_config, sweep_overrides)

    sooner = SweepLoader(cast("ConfigLoader", Counting(loader)))
    for seed in range(5):
        for method in ("baseline", "identity_homotopy"):
            sooner.load_sweep_config(master, [f"seed={seed}", f"method={method}", "optimizer.lr=0.1"])
    assert asked == [["method=baseline"], ["method=identity_homotopy"]]


def test_two_jobs_with_the_same_overrides_are_two_jobs(loader: ConfigLoader, master: DictConfig) -> None:
    sweep = SweepLoader(loader)
    checked = [sweep.load_sweep_config(master, ["seed=0"]) for _ in range(2)]  # by the sweeper
    launched = [sweep.take_sweep_config(master, ["seed=0"]) for _ in range(3)]
    assert len({id(config) for config in launched}) == 3
    assert all(seen(config) == seen(checked[0]) for config in launched)
