"""Compose the configurations of trials as their jobs will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from homotopy_bench.config.mapping import own_values
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.numerals import is_number
from homotopy_bench.hardware.auto import Auto
from homotopy_bench.tracking.resumable import read_run


class Composition:
    """Composes and checks the configurations of trials with Hydra's loader and the sweep's own configuration."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader = loader
        self._master = master
        self._known: dict[tuple[str, ...], Any] = {}

    def config(self, overrides: Sequence[str]) -> Config:
        """Return the checked configuration of a trial."""
        return validate(self._compose(overrides))

    def began(self, folder: Path, overrides: Sequence[str]) -> bool:
        """Return whether the run in a folder is that of a trial, so that the trial can go on from its checkpoint."""
        try:
            begun, config = read_run(folder)[0], self.config(overrides)
        except InputError:
            return False
        if isinstance(config.hardware, Auto):  # a run goes on with what was chosen where it began
            given = config.hardware.model_dump(exclude={"name"}, exclude_none=True)
            config = replace(config, hardware=begun.hardware.model_copy(update=given))
        return config.hash() == begun.hash()

    def lookup(self, overrides: Sequence[str], key: str) -> str:
        """Return the value that the configuration of a trial has at a key, as it is written on the command line.

        Raises:
            InputError: If it has no such key.
        """
        # Other numbers are left out: they decide about no other key, and each would be composed anew.
        named = {one: one.lstrip("+").partition("=") for one in overrides}
        deciding = tuple(one for one, (name, _, value) in named.items() if name == key or not is_number(value))
        if deciding not in self._known:
            self._known[deciding] = self._compose(deciding)
        value: Any = self._known[deciding]
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise InputError("hydra.sweeper.params", f"when {key}", "no such key; accepted: a group or a key")
            value = value[part]
        if isinstance(value, dict):
            value = value.get("name")
        if value is None or isinstance(value, bool):
            return "null" if value is None else str(value).lower()
        return str(value)

    def _compose(self, overrides: Sequence[str]) -> Any:
        return own_values(self._loader.load_sweep_config(self._master, list(overrides)))
