"""Compose configurations as ``homotopy_bench.compose`` does, in a tenth of its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config import mapping
from homotopy_bench.config.checked_loader import checked_loading
from homotopy_bench.config.mapping import VERSION_BASE, Sources, own_values
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.sweeps.launchers.sweep_loader import SweepLoader


class Composer:
    """Composes like the command line; what was chosen before is not composed again, as in a multirun.

    Args:
        *overrides: Overrides of Hydra itself, as ``hydra.searchpath=[...]``.
    """

    def __init__(self, *overrides: str) -> None:
        setup_globals()
        with checked_loading(), initialize_config_dir(version_base=VERSION_BASE, config_dir=str(conf_dir())):
            self._loader = SweepLoader(GlobalHydra.instance().config_loader())
        self._master: DictConfig = self._loader.load_configuration("config", list(overrides), RunMode.MULTIRUN)

    def __call__(self, *overrides: str) -> Config:
        return validate(own_values(self.with_hydra(*overrides)))

    def with_hydra(self, *overrides: str) -> DictConfig:
        """The configuration as it is written, with the section ``hydra``."""
        return self._loader.take_sweep_config(self._master, list(overrides))


@cache
def _composer() -> Composer:
    return Composer()


def compose(*overrides: str) -> Config:
    """Return the configuration of some overrides."""
    return _composer()(*overrides)


def seen(config: DictConfig, path: str = "") -> list[object]:
    """Everything that can be told of a configuration: values with their types, unresolved, order, and flags."""
    told: list[object] = [path, OmegaConf.is_struct(config), OmegaConf.is_readonly(config)]
    for key, value in config.items_ex(resolve=False):
        below = value if isinstance(value, DictConfig) else None
        if below is not None and not below._is_none() and not below._is_missing() and not below._is_interpolation():
            told += seen(below, f"{path}.{key!r}")
        else:
            told.append((path, repr(key), repr(value), type(value)))
    return told


@contextmanager
def composed_as_in_a_multirun() -> Iterator[None]:
    """Let ``main()`` compose in this process as a multirun does: each choice of groups once."""

    whole = mapping._composed

    def composed(overrides: Sequence[str], sources: Sources | None = None, *, hydra: bool) -> DictConfig:
        if sources is not None and sources != Sources():
            return whole(overrides, sources, hydra=hydra)
        OverridesParser.create().parse_overrides(list(overrides))  # whose errors are other ones in a multirun
        config = _composer().with_hydra(*overrides)
        return config if hydra else OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])

    _composer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapping, "_composed", composed)
        yield
