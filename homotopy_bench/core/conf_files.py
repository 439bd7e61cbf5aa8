"""Find the files of ``conf/``: in a checkout, or inside an installed package."""

from __future__ import annotations

from pathlib import Path


def conf_dir() -> Path:
    """Return the folder with the configuration groups: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


NOT_CHOSEN = ("tuned", "at_target", "hydra")
"""Folders of ``conf/`` that a user does not choose from: the other choices decide, or Hydra."""

GROUPS_OF_HYDRA = ("hydra/launcher", "hydra/sweeper")
"""Groups of Hydra's to which ``conf/`` adds choices."""


def groups() -> list[str]:
    """Return the names of the groups, sorted."""
    return sorted(path.name for path in conf_dir().iterdir() if path.is_dir() and path.name not in NOT_CHOSEN)


def choices_of(group: str) -> list[str]:
    """Return the names of a group's choices, sorted."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
