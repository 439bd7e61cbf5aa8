"""What stands outside of Python, which not every machine has."""

from __future__ import annotations

import os

import pytest

REQUIRED = "HOMOTOPY_BENCH_REQUIRE"
"""Environment variable with the services, separated by commas, without which a test fails instead of being skipped."""


def needed(service: str, lacking: str | None) -> None:
    """Skip the test that needs a service which is not here, or fail it where the environment requires the service.

    ``lacking`` says what is missing, None if nothing is.
    """
    if lacking is None:
        return
    if service in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{service} is required here: {lacking}")
    pytest.skip(f"{service}: {lacking}")
