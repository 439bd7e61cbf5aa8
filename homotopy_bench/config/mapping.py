"""Compose the files of ``conf/`` and overrides into a nested mapping with Hydra, as the command line does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.config.hydra_section import check_hydra
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.errors import InputError

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from omegaconf import DictConfig

VERSION_BASE = "1.3"
"""Version of Hydra whose defaults hold."""

JOB_NAME = "train"
"""The value of ``hydra.job.name``, which Hydra takes from the module of the command line."""


PROGRAM = "homotopy_bench.cli.train"
"""The module from which Hydra counts a relative ``--config-path``."""


@dataclass(frozen=True)
class Sources:
    """Where Hydra reads the configuration of a command line, as its flags say.

    Args:
        path: ``--config-path``: the folder instead of ``conf/``.
        name: ``--config-name``: the file in it with which composing begins.
        more: ``--config-dir``: a folder of further choices.
    """

    path: str | None = None
    name: str | None = None
    more: str | None = None


def compose_raw(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the nested mapping that Hydra composes for :func:`validate`, with every interpolation resolved."""
    return own_values(_composed(overrides, hydra=False))


def compose_run(overrides: Sequence[str], sources: Sources) -> tuple[dict[str, Any], Path, bool]:
    """Return what :func:`compose_raw` does, and ``hydra.run.dir``, the folder that Hydra makes for a single run.

    Args:
        overrides: Those of the command line.
        sources: Where its files lie.

    Returns:
        The configuration; the folder; whether its name holds the time, so that it is another one when Hydra starts.

    Raises:
        InputError: If an option of Hydra cannot be used.
    """
    from omegaconf import OmegaConf

    composed = _composed(overrides, sources, hydra=True)
    check_hydra(composed.hydra)
    written: Any = OmegaConf.to_container(composed.hydra.run, resolve=False)
    return own_values(composed), Path(composed.hydra.run.dir), "${now:" in str(written["dir"])


def own_values(composed: DictConfig) -> dict[str, Any]:
    """Return a composed configuration resolved, without the section ``hydra``.

    Some of that section is known only where the job runs; ``composed`` itself stays as it is.
    """
    from omegaconf import OmegaConf

    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    raw = OmegaConf.to_container(own, resolve=True)
    assert isinstance(raw, dict)
    return {str(key): value for key, value in raw.items()}


def _composed(overrides: Sequence[str], sources: Sources = Sources(), *, hydra: bool) -> DictConfig:
    from hydra import compose as hydra_compose

    from homotopy_bench.config.checked_loader import checked_loading

    with checked_loading(), _reading(sources):
        return hydra_compose(sources.name or "config", overrides=list(overrides), return_hydra_config=hydra)


@contextmanager
def _reading(sources: Sources) -> Iterator[None]:
    """Let Hydra's ``compose`` search the folders that a command with these sources searches.

    Raises:
        InputError: If ``--config-dir`` is no folder.
    """
    from hydra import initialize_config_dir
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_automatic_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(conf_dir()), JOB_NAME, VERSION_BASE):
        if sources.path is not None or sources.more is not None:  # Hydra has no public way to either
            search_path = create_automatic_config_search_path(None, PROGRAM, sources.path or str(conf_dir()))
            if sources.more is not None:
                folder = Path(sources.more).absolute()
                if not folder.is_dir():
                    raise InputError("--config-dir", sources.more, "no such folder; accepted: one with YAML files")
                search_path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
            GlobalHydra.instance().clear()
            Hydra.create_main_hydra2(JOB_NAME, search_path)
        yield


def choices_loader() -> ConfigLoader:
    """Return the loader of ``conf/``, which knows the choices that a ``glob`` of a multirun stands for."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_config_search_path

    return ConfigLoaderImpl(create_config_search_path(str(conf_dir())))


def compose_all(choices: Sequence[str] = ()) -> dict[str, Any]:
    """Return every key there is, also those of Hydra, with values as they are written.

    Args:
        choices: Overrides that choose options of groups, on which the keys depend.
    """
    from omegaconf import OmegaConf

    written = OmegaConf.to_container(_composed(choices, hydra=True), resolve=False)
    assert isinstance(written, dict)
    return {str(key): value for key, value in written.items()}
