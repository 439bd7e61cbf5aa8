"""Checks of a user's own choice, in their own tests: :func:`check`."""

from homotopy_bench.testing.properties import check

__all__ = ["check"]
