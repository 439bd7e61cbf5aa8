"""Compose the files of ``conf/`` and overrides into a nested mapping with Hydra, as the command line does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.config.hydra_section import check_hydra
from homotopy_bench.core.conf_files import conf_dir

if TYPE_CHECKING:
    from omegaconf import DictConfig

VERSION_BASE = "1.3"
"""Version of Hydra whose defaults hold."""

JOB_NAME = "train"
"""The value of ``hydra.job.name``, which Hydra takes from the module of the command line."""


def compose_raw(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the nested mapping that Hydra composes for :func:`validate`, with every interpolation resolved."""
    return own_values(_composed(overrides, hydra=False))


def compose_run(overrides: Sequence[str]) -> tuple[dict[str, Any], Path, bool]:
    """Return what :func:`compose_raw` does, and ``hydra.run.dir``, the folder that Hydra makes for a single run.

    Returns:
        The configuration; the folder; whether its name holds the time, so that it is another one when Hydra starts.

    Raises:
        InputError: If an option of Hydra cannot be used.
    """
    from omegaconf import OmegaConf

    composed = _composed(overrides, hydra=True)
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


def _composed(overrides: Sequence[str], *, hydra: bool) -> DictConfig:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    from homotopy_bench.config.checked_loader import checked_loading

    with checked_loading(), initialize_config_dir(str(conf_dir()), JOB_NAME, VERSION_BASE):
        return hydra_compose("config", overrides=list(overrides), return_hydra_config=hydra)


def compose_all(choices: Sequence[str] = ()) -> dict[str, Any]:
    """Return every key there is, also those of Hydra, with values as they are written.

    Args:
        choices: Overrides that choose options of groups, on which the keys depend.
    """
    from omegaconf import OmegaConf

    written = OmegaConf.to_container(_composed(choices, hydra=True), resolve=False)
    assert isinstance(written, dict)
    return {str(key): value for key, value in written.items()}
