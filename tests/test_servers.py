"""A missing service is a reason to skip on a laptop, and a failure where it is required."""

from __future__ import annotations

import pytest

from tests.servers import REQUIRED, needed


def test_a_missing_service_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    needed("slurm", None)
    monkeypatch.setenv(REQUIRED, "postgresql")
    with pytest.raises(pytest.skip.Exception, match="slurm: no sbatch"):
        needed("slurm", "no sbatch")
    monkeypatch.setenv(REQUIRED, "postgresql,slurm")
    with pytest.raises(pytest.fail.Exception, match="slurm is required here: no sbatch"):
        needed("slurm", "no sbatch")
