"""Let Hydra read the files of the package once in a process; no test changes them, and it reads them each time."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult

from homotopy_bench.core.conf_files import conf_dir

_OWN = (str(conf_dir()), "hydra.conf")


def read_once() -> None:
    """Let Hydra's sources keep what they have read; every caller gets a copy."""
    Plugins.instance()  # which registers them
    for scheme in ("file", "pkg"):
        source = SourcesRegistry.instance().resolve(scheme)
        setattr(source, "load_config", _keeping(source.load_config))  # noqa: B010  # a method of a class of Hydra


def _keeping(read: Callable[[Any, str], ConfigResult]) -> Callable[[Any, str], ConfigResult]:
    contents: dict[tuple[str, str], bytes] = {}

    def load_config(self: Any, config_path: str) -> ConfigResult:
        if self.path not in _OWN or ".." in config_path:
            return read(self, config_path)
        if (self.path, config_path) not in contents:
            contents[self.path, config_path] = pickle.dumps(read(self, config_path))
        known: ConfigResult = pickle.loads(contents[self.path, config_path])
        return known

    return load_config
