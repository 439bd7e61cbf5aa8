"""Refuse secrets in everything that Hydra composes: single runs, multiruns and each of their jobs, for any launcher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hydra._internal.hydra as hydra_application
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf

from homotopy_bench.core.credentials import refuse_credentials


class CheckedLoader(ConfigLoaderImpl):
    """Composes as Hydra does, and looks at the result before Hydra prints it or writes it into a folder."""

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
