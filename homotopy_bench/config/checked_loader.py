"""Refuse secrets and unusable files in all that Hydra composes: single runs, multiruns and each of their jobs.

The files are read once in a command: the check of a run, the run and all jobs of a multirun have the same, and
composing takes less time.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import hydra._internal.hydra as hydra_application
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository, IConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config.setting_file import check_setting
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.credentials import refuse_credentials

BEGINS = "hydra.mode=RUN"
"""The override that Hydra adds where it starts a single run."""


class CheckedRepository(ConfigRepository):
    """Reads the files of a search path, and those of users only after a look at them."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Return what a file holds; None where there is none.

        Raises:
            InputError: If Hydra cannot read it.
        """
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is not None and source.scheme() == "file":
            file = os.path.normpath(Path(source.path) / source._normalize_file_name(config_path))
            if not Path(file).is_relative_to(conf_dir()):
                group = config_path.partition("/")[0] if "/" in config_path else "--config-name"
                check_setting(group, Path(min(os.path.relpath(file), file, key=len)))
        return super().load_config(config_path)


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


@dataclass
class _Kept:
    """What the loaders of a command have read and composed."""

    files: dict[tuple[str, ...], tuple[IConfigRepository, dict[str, bytes]]] = field(default_factory=dict)
    """Sources of files and the pickled files, by search path, name of the configuration and ``hydra.searchpath``."""
    last: tuple[tuple[object, ...], bytes] | None = None
    """What the last run was composed from, and its pickled configuration."""


class CheckedLoader(ConfigLoaderImpl):
    """Composes as Hydra does, and looks at the result before Hydra prints it or writes it into a folder.

    A single run is composed when it is checked, when Hydra looks for its mode, and when it starts; here it is once.

    Args:
        config_search_path: The folders of the configuration.
        kept: What the loaders before this one have read and composed.
    """

    def __init__(self, config_search_path: ConfigSearchPath, kept: _Kept) -> None:
        super().__init__(config_search_path)
        self.repository = CheckedRepository(config_search_path)
        self._kept = kept

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        parsed = OverridesParser.create().parse_overrides(overrides)
        more = [str(one.input_line) for one in parsed if one.key_or_group == "hydra.searchpath"]
        place = str(self.config_search_path), str(config_name), *more
        if place not in self._kept.files:
            _, sources = super()._parse_overrides_and_create_caching_repo(config_name, overrides)
            self._kept.files[place] = sources, {}
        return parsed, _KeptFiles(*self._kept.files[place])

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Return a composed configuration, with the section ``hydra``.

        Raises:
            InputError: If it holds a secret.
        """
        # Other modes allow more on the command line, and compose what they allow in the same way.
        begins = overrides[-1:] == [BEGINS]
        own = overrides[:-1] if begins else overrides
        asked = str(self.config_search_path), config_name, *own, JobRuntime.instance().get("name"), Path.cwd()
        if self._kept.last and self._kept.last[0] == asked:
            known: DictConfig = pickle.loads(self._kept.last[1])
            if begins:
                known.hydra.mode = RunMode.RUN
                known.hydra.overrides.hydra.append(BEGINS)
            return known
        composed = super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)

        def resolve(key: str) -> object:
            try:
                return OmegaConf.select(composed, key)
            except Exception:  # it refers to what only a job knows, and has no value to look at
                return None

        refuse_credentials(OmegaConf.to_container(composed, resolve=False), resolve=resolve)
        if run_mode is RunMode.RUN and not begins:
            self._kept.last = asked, pickle.dumps(composed)
        return composed


@contextmanager
def checked_loading() -> Iterator[None]:
    """Let Hydra compose with checked loaders; it has no other place that all its compositions pass.

    A block within another one goes on with the files that have been read.
    """
    names = vars(hydra_application)
    before = names["ConfigLoaderImpl"]
    names["ConfigLoaderImpl"] = before if isinstance(before, partial) else partial(CheckedLoader, kept=_Kept())
    try:
        yield
    finally:
        names["ConfigLoaderImpl"] = before
