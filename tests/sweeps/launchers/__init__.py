"""Launchers that run jobs in other processes, on services that the tests start."""
