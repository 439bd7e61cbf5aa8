"""Configurations of trials, composed as their jobs will compose them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError


class Composition:
    """Composes what trials are.

    Args:
        loader: Hydra's.
        master: The configuration of the sweep.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._known: dict[tuple[str, ...], dict[str, Any]] = {}

    def config(self, overrides: Sequence[str]) -> Config:
        """Return the checked configuration of a trial.

        Raises:
            InputError: If it cannot be used.
        """
        return validate(self._compose(overrides))

    def lookup(self, overrides: Sequence[str], key: str) -> str:
        """Return what the configuration of a trial has at a key, as it is written on the command line.

        Raises:
            InputError: If it has no such key.
        """
        # Numbers are left out: they decide about no other key, and each would be composed anew.
        deciding = tuple(one for one in overrides if not _is_number(one.partition("=")[2]))
        if deciding not in self._known:
            self._known[deciding] = self._compose(deciding)
        value: Any = self._known[deciding]
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise InputError("hydra.sweeper.params", f"when {key}", "no such key; accepted: a group or a key")
            value = value[part]
        if isinstance(value, dict):
            value = value.get("name")
        return {True: "true", False: "false", None: "null"}.get(value, str(value)) if not value else str(value)

    def _compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        composed = self._loader.load_sweep_config(self._master, list(overrides))
        # The loader may keep what it gave and give it to the launcher too: nothing is taken out of it.
        own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        raw = OmegaConf.to_container(own, resolve=True)
        assert isinstance(raw, dict)
        return {str(key): value for key, value in raw.items()}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
