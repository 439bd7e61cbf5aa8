"""What is composed once more within a command is what Hydra composes."""

from __future__ import annotations

import pytest
from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import OmegaConf

from homotopy_bench.config.checked_loader import BEGINS, checked_loading
from homotopy_bench.config.mapping import JOB_NAME, VERSION_BASE
from homotopy_bench.core.conf_files import conf_dir
from tests.composing import seen

OVERRIDES = ["method=hta", "experiment=strong_baseline", "seed=4", "hydra.run.dir=there"]


def loader() -> ConfigLoader:
    setup_globals()
    with initialize_config_dir(str(conf_dir()), JOB_NAME, VERSION_BASE):
        return GlobalHydra.instance().config_loader()


@pytest.mark.parametrize(("more", "mode"), [([], RunMode.RUN), ([], RunMode.MULTIRUN), ([BEGINS], RunMode.RUN)])
def test_a_configuration_that_is_known_is_what_hydra_composes(more: list[str], mode: RunMode) -> None:
    expected = loader().load_configuration("config", [*OVERRIDES, *more], mode)
    with checked_loading():
        first = loader().load_configuration("config", list(OVERRIDES), RunMode.RUN)
        first.training.epochs = 77
        with checked_loading():  # as the check of a run within its command
            known = loader().load_configuration("config", [*OVERRIDES, *more], mode)
        another = loader().load_configuration("config", [*OVERRIDES, "seed=5"], RunMode.RUN)
    assert seen(known) == seen(expected)
    assert OmegaConf.to_yaml(known) == OmegaConf.to_yaml(expected)
    assert (another.seed, another.training.epochs) == (5, expected.training.epochs)
