"""What a run needs besides its configuration, looked for before torch is loaded."""

from __future__ import annotations

from homotopy_bench.config import Config


def look(config: Config) -> None:
    """Look for what a run reads from elsewhere; missing data are brought.

    Args:
        config: The run.
    """
    config.lr_schedule.check()
    for logger in config.logger.chosen:
        logger.look()
    if config.dataset.published():
        config.dataset.fetch(config.paths.data_root())
