"""Divide the seeds between searches and reports."""

from __future__ import annotations

FIRST_TUNING_SEED = 1000
"""Seeds from here on are for tuning; those below are for reports, which a search must not have seen."""
