"""Packages that only some launchers need."""

from __future__ import annotations

import importlib
from typing import Any

from homotopy_bench.core.errors import InputError


def needed(package: str, launcher: str) -> Any:
    """Import a package that an extra of the same name brings.

    Args:
        package: Its name.
        launcher: The choice of ``hydra/launcher`` that needs it.

    Returns:
        The package.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        accepted = f"{package} is not installed; accepted: pip install 'homotopy-bench[{package}]'"
        raise InputError("hydra/launcher", launcher, accepted) from error
