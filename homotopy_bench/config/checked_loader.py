"""Refuse secrets and unusable files in all that Hydra composes: single runs, multiruns and each of their jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra._internal.hydra as hydra_application
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.config.setting_file import check_setting
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.credentials import refuse_credentials


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


class CheckedLoader(ConfigLoaderImpl):
    """Composes as Hydra does, and looks at the result before Hydra prints it or writes it into a folder."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self.repository = CheckedRepository(config_search_path)

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
    """Let Hydra compose with a checked loader; it has no other place that all its compositions pass."""
    names = vars(hydra_application)
    before = names["ConfigLoaderImpl"]
    names["ConfigLoaderImpl"] = CheckedLoader
    try:
        yield
    finally:
        names["ConfigLoaderImpl"] = before
