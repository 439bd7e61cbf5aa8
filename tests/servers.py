"""What stands outside of Python, which not every machine has."""

from __future__ import annotations

import os

import pytest


def needed(service: str, lacking: str | None) -> None:
    """Skip a test that lacks something; fail it where HOMOTOPY_BENCH_REQUIRE names the service.

    Args:
        service: What the variable calls it, such as ``postgresql``.
        lacking: What is missing; None where nothing is.
    """
    if lacking is None:
        return
    if service in os.environ.get("HOMOTOPY_BENCH_REQUIRE", "").split(","):
        pytest.fail(f"{service} is required here: {lacking}")
    pytest.skip(lacking)
