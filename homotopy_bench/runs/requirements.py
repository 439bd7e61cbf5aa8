"""Check what a run needs besides its configuration, before torch is loaded."""

from __future__ import annotations

from homotopy_bench.config.schema import Config


def check_requirements(config: Config) -> None:
    """Check the files and packages that a run needs, and download missing data."""
    config.lr_schedule.check_sources()
    for logger in config.logger.chosen:
        logger.check_requirements()
    if config.dataset.published():
        config.dataset.fetch(config.paths.data_root())
