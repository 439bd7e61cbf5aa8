"""Refuse secrets in everything that Hydra composes: single runs, multiruns and each of their jobs, for any launcher.

The files are read once in a command: the check of a run, the run and all jobs of a multirun have the same, and
composing takes less time.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import hydra._internal.hydra as hydra_application
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.core.credentials import refuse_credentials


class _KeptFiles(CachingConfigRepository):
    """Gives every composition its own copies of files that are read once; compositions change what they get.

    Args:
        sources: Where the files lie.
        kept: The files by their names, pickled; shared by all compositions.
    """

    def __init__(self, sources: IConfigRepository, kept: dict[str, bytes]) -> None:
        self.delegate = sources
        self.cache = {}
        self._kept = kept

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Return a file of the configuration, None where there is none."""
        if config_path not in self._kept:
            self._kept[config_path] = pickle.dumps(self.delegate.load_config(config_path))
        if config_path not in self.cache:
            self.cache[config_path] = pickle.loads(self._kept[config_path])  # a fifth of the time of copy.deepcopy
        return self.cache[config_path]


Kept = dict[tuple[str, ...], tuple[IConfigRepository, dict[str, bytes]]]
"""The sources of files and the pickled files, by search path, name of the configuration and ``hydra.searchpath``."""


class CheckedLoader(ConfigLoaderImpl):
    """Composes as Hydra does, and looks at the result before Hydra prints it or writes it into a folder.

    Args:
        config_search_path: The folders of the configuration.
        kept: What loaders have read so far, by where they looked for it.
    """

    def __init__(self, config_search_path: ConfigSearchPath, kept: Kept) -> None:
        super().__init__(config_search_path)
        self._kept = kept

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed = OverridesParser.create().parse_overrides(overrides)
        more = [str(one.input_line) for one in parsed if one.key_or_group == "hydra.searchpath"]
        place = str(self.config_search_path), str(config_name), *more
        if place not in self._kept:
            _, sources = super()._parse_overrides_and_create_caching_repo(config_name, overrides)
            self._kept[place] = sources, {}
        return parsed, _KeptFiles(*self._kept[place])

    def load_configuration(self, *arguments: Any, **options: Any) -> DictConfig:
        """Return a composed configuration, with the section ``hydra``.

        Raises:
            InputError: If it holds a secret.
        """
        composed = super().load_configuration(*arguments, **options)

        def resolve(key: str) -> object:
            try:
                return OmegaConf.select(composed, key)
            except Exception:  # it refers to what only a job knows, and has no value to look at
                return None

        refuse_credentials(OmegaConf.to_container(composed, resolve=False), resolve=resolve)
        return composed


@contextmanager
def checked_loading() -> Iterator[None]:
    """Let Hydra compose with checked loaders; it has no other place that all its compositions pass.

    A block within another one goes on with the files that have been read.
    """
    names = vars(hydra_application)
    before = names["ConfigLoaderImpl"]
    names["ConfigLoaderImpl"] = before if isinstance(before, partial) else partial(CheckedLoader, kept={})
    try:
        yield
    finally:
        names["ConfigLoaderImpl"] = before
