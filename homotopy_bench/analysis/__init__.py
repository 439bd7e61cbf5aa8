"""Measure the landscape of finished runs: read them, keep what was measured, compare pairs, continue forks."""
