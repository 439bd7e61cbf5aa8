"""State where the figures are measured: a target network (t = 1), its parameters, and the first samples of a split."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.data.base import Splits
from homotopy_bench.hardware.cpu import CPU
from homotopy_bench.precision.formats import FORMATS
from homotopy_bench.tracking.record import Record
from homotopy_bench.training.trainer import Trainer


@dataclass(frozen=True)
class Subject:
    """Hold a network with the samples on which it is measured."""

    where: str
    """In words."""
    network: nn.Module
    """The target network, on the host, in the format that its parameters are kept in."""
    x: Tensor
    """Inputs (N, *shape), float64."""
    y: Tensor
    """Labels (N,)."""
    batch_size: int
    """Samples of a batch in training."""

    @property
    def stored_bits(self) -> int:
        """Significant bits of the parameters."""
        (dtype,) = {str(values.dtype).removeprefix("torch.") for values in self.network.parameters()}
        return next(known.bits for known in FORMATS if known.name == dtype)


def at_initialization(config: Config, split: str, samples: int) -> Subject:
    """Return the target network of a configuration before its first step.

    Args:
        config: The configuration.
        split: ``train``, ``validation`` or ``test``.
        samples: Number of samples; where the split has fewer, all.

    Returns:
        The network with the first samples of the split.

    Raises:
        InputError: If the data cannot be used, or the model does not fit them.
    """
    splits = config.dataset.load(config.paths.data_root())
    with initialization(config.seed):
        network = config.model.build(tuple(splits.train.x.shape[1:]), splits.classes)
    network.to(CPU(dtype=_stored(config)).parameter_dtype())
    return _subject("at its initialisation", config, network, splits, split, samples)


def of_run(config: Config, folder: Path, split: str, samples: int) -> Subject:
    """Return the target network of a run as its last checkpoint has it; nothing in the folder is changed.

    Args:
        config: The run's configuration.
        folder: The run's folder, with a ``checkpoint.pt``.
        split: ``train``, ``validation`` or ``test``.
        samples: Number of samples; where the split has fewer, all.

    Returns:
        The network with the first samples of the split.

    Raises:
        InputError: If the checkpoint is damaged or belongs to another configuration, or the data cannot be used.
    """
    try:
        state = Record(folder).load() or {}
    except InputError as error:
        raise InputError("RUN_DIR", error.value, error.accepted) from error
    if state.get("config_hash") != config.hash():
        accepted = f"its checkpoint.pt belongs to configuration {state.get('config_hash')}, not {config.hash()}"
        raise InputError("RUN_DIR", folder, f"{accepted}: .hydra/config.yaml was changed since")
    splits = config.dataset.load(config.paths.data_root())
    # A run of an accelerator is looked at on any machine.
    on_host = dataclasses.replace(config, hardware=CPU(dtype=_stored(config), threads=config.hardware.threads))
    training = Trainer([on_host], splits)
    try:
        training.load_member_states([state["member"]])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError("RUN_DIR", folder, f"its checkpoint.pt does not fit its configuration ({error})") from error
    where = f"after step {training.step} of {training.total_steps} of {folder}"
    return _subject(where, config, training.target_network(0), splits, split, samples)


def _stored(config: Config) -> Any:
    return "float64" if config.hardware.dtype == "float64" else "float32"


def _subject(where: str, config: Config, network: nn.Module, splits: Splits, split: str, samples: int) -> Subject:
    part = {"train": splits.train, "validation": splits.validation, "test": splits.test}[split]
    x, y = torch.from_numpy(part.x[:samples]).double(), torch.from_numpy(part.y[:samples])
    words = f"{config.method.name} on {config.dataset.name}, model {config.model.name}, seed {config.seed}, {where}"
    return Subject(words, network, x, y, config.training.batch_size)
