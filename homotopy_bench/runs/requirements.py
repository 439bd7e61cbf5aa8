"""Check what a run needs besides its configuration, before torch is loaded."""

from __future__ import annotations

import os

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.processors import check_count

NUMBER_BYTES = 4
"""Bytes of a number in float32, the smallest format that parameters have."""

COPIES = 2
"""Numbers per parameter that every optimiser needs: the parameter and its gradient."""

LAYER_BYTES = 4096
"""Bytes of the objects of a layer, whatever its size."""

STEP_BYTES = 16
"""Bytes of a step: t and the learning rate are tables."""


def check_requirements(config: Config) -> None:
    """Check the machine, files and packages that a run needs, and download missing data."""
    check_machine(config)
    config.hardware.processes()
    config.lr_schedule.check_sources()
    for logger in config.logger.chosen:
        logger.check_requirements()
    config.dataset.check_sources(config.paths.data_root())


def check_machine(config: Config) -> None:
    """Check that this machine has the memory and the processors that a network needs at the very least.

    Raises:
        InputError: If it has not, or if there can be no data folder.
    """
    check_count("hardware.threads", config.hardware.threads)
    layers, parameters = config.model.at_least()
    network = parameters * NUMBER_BYTES * COPIES + layers * LAYER_BYTES
    key, size = config.model.largest()
    _check_memory(f"model.{key}", size, network, "the network", "a smaller width or depth")
    epochs = config.training.epochs
    _check_memory("training.epochs", epochs, epochs * STEP_BYTES, "the schedule of the steps", "fewer epochs")
    config.paths.data_root()


def _check_memory(key: str, value: object, needed: int, what: str, accepted: str) -> None:
    # All there is, also where others use a part of it now: this refuses only what can never be.
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        sizes = f"{what} needs at least {needed / 1e9:.3g} GB where this machine has {memory / 1e9:.3g} GB"
        raise InputError(key, value, f"{sizes}; accepted: {accepted}")
