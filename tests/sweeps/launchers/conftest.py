"""Services that several tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import needed
from tests.sweeps.launchers.slurm import lacking, slurm


@pytest.fixture(scope="session")
def slurm_found_by(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment variables by which commands find a Slurm of one node."""
    needed("slurm", lacking())
    with slurm(tmp_path_factory.mktemp("slurm")) as found:
        yield found
