"""Rebuild target networks (t = 1), from a configuration or from a run's checkpoint, to measure them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.data.base import Splits
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.models.dirac import fold
from homotopy_bench.tracking.record import Record
from homotopy_bench.training.trainer import Trainer


@dataclass(frozen=True)
class TargetNetwork:
    """Hold a target network and the data that belong to it."""

    where: str
    """Of which run, and where in it, in words."""
    network: nn.Module
    """The plain network, on the host, in the format that its parameters are kept in."""
    splits: Splits


def at_initialization(config: Config) -> TargetNetwork:
    """Return the target network of a configuration before its first step.

    Raises:
        InputError: If the data cannot be used, or the model does not fit them.
    """
    splits = config.dataset.load(config.paths.data_root())
    with initialization(config.seed):
        network = fold(config.model.build(tuple(splits.train.x.shape[1:]), splits.classes))
    return TargetNetwork(
        _words(config, "at its initialisation"), network.to(_on_host(config).parameter_dtype()), splits
    )


def of_run(config: Config, folder: Path) -> TargetNetwork:
    """Return the target network of a run as its last checkpoint has it; nothing in the folder is changed.

    Args:
        config: The run's configuration.
        folder: The run's folder, with a ``checkpoint.pt``.

    Returns:
        The network, in evaluation mode.

    Raises:
        InputError: If the checkpoint is damaged or belongs to another configuration, or the data cannot be used.
    """
    splits = config.dataset.load(config.paths.data_root())
    training = trainer_of(config, folder, checkpoint_of(folder), splits)
    where = f"after step {training.step} of {training.total_steps} of {folder}"
    return TargetNetwork(_words(config, where), training.target_network(0), splits)


def checkpoint_of(folder: Path) -> Mapping[str, Any]:
    """Return the state of a run's last checkpoint, empty where there is none.

    Raises:
        InputError: If it is damaged.
    """
    try:
        return Record(folder).load() or {}
    except InputError as error:
        raise InputError("RUN_DIR", error.value, error.accepted) from error


def trainer_of(config: Config, folder: Path, state: Mapping[str, Any], splits: Splits) -> Trainer:
    """Return the training of one run at a state, on the host: its networks stand at the path parameter of that state.

    Args:
        config: The run's configuration.
        folder: The run's folder, for messages.
        state: What a checkpoint or a snapshot holds.
        splits: The data.

    Raises:
        InputError: If the state belongs to another configuration, or does not fit.
    """
    if state.get("config_hash") != config.hash():
        accepted = f"its checkpoint.pt belongs to configuration {state.get('config_hash')}, not {config.hash()}"
        raise InputError("RUN_DIR", folder, f"{accepted}: .hydra/config.yaml was changed since")
    training = Trainer([dataclasses.replace(config, hardware=_on_host(config))], splits)
    try:
        training.load_member_states([state["member"]])
    except Exception as error:  # whatever using a foreign state leads to
        raise InputError("RUN_DIR", folder, f"its checkpoint.pt does not fit its configuration ({error})") from error
    return training


def _on_host(config: Config) -> CPU:
    """Return the processor in place of the run's hardware: a run of an accelerator is looked at on any machine."""
    stored = "float64" if config.hardware.dtype == "float64" else "float32"
    return CPU.model_validate({"dtype": stored, "threads": config.hardware.threads})


def _words(config: Config, where: str) -> str:
    return f"{config.method.name} on {config.dataset.name}, model {config.model.name}, seed {config.seed}, {where}"
