"""Load the trained target networks (t = 1) of a run, or of all members of a multirun."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from homotopy_bench.analysis.finished import FinishedRun, LeftOut, finished_runs
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import LARGEST_CHECKPOINT, DamagedFile, read_bytes, read_json
from homotopy_bench.core.masking import one_line
from homotopy_bench.data.base import Splits
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.hardware.transfer import inputs_as
from homotopy_bench.tracking.record import read_metrics

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class LoadedRun:
    """Hold what a folder has of completed runs: one of a run, all of a multirun.

    Attributes:
        folder: The folder that was asked for.
        members: The completed runs in and below it, in the order of their numbers.
        left_out: Runs that are not among them, each with the reason.
    """

    folder: Path
    members: tuple[FinishedRun, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def network(self) -> nn.Module:
        """The trained target network, from inputs (B, *shape) to logits (B, classes), in evaluation mode, on the host.

        Its parameters are those of the end of training, of which ``summary["final"]`` tells.

        Raises:
            InputError: If the folder is that of a multirun; so do the other properties of a single run.
        """
        return self._single.network

    @property
    def best_network(self) -> nn.Module:
        """The target network that was best on the validation split, of which ``summary["best"]`` tells.

        Raises:
            InputError: If its file ``best.safetensors`` is missing or damaged.
        """
        return best_network(self._single)

    @property
    def splits(self) -> Splits:
        """The data as the network sees them: standardised where the run asked for that."""
        return self._single.splits

    def samples(self, split: Split) -> tuple[Tensor, Tensor]:
        """Return the inputs (N, *shape), in the format of the network's parameters, and the labels (N,) of a split."""
        chosen = {"train": self.splits.train, "validation": self.splits.validation, "test": self.splits.test}[split]
        x = inputs_as(torch.from_numpy(chosen.x), next(self.network.parameters()).dtype)
        return x, torch.from_numpy(chosen.y)

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._single.config

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``."""
        content: dict[str, Any] = read_json(self._single.folder / "summary.json")
        return content

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``, one per evaluation.

        Raises:
            InputError: If one of them is damaged.
        """
        try:
            return read_metrics(self._single.folder / "metrics.jsonl")
        except DamagedFile as error:
            raise InputError("RUN_DIR", self._single.folder, f"its {error}") from error

    @cached_property
    def ensemble(self) -> Ensemble:
        """All members as one ensemble: ``theta`` (M, P), ``forward`` from (M, B, *shape) to (M, B, classes).

        A single run is an ensemble of one. In evaluation mode, on the host.

        Raises:
            InputError: If the members are of different architectures, data or formats.
        """
        first = self.members[0]
        for member in self.members:
            if member.kind != first.kind:
                accepted = f"is of another architecture, data set or number format than {first.folder}"
                raise InputError("RUN_DIR", member.folder, f"{accepted}; accepted: runs of one")
        networks = [copy.deepcopy(member.network) for member in self.members]
        parameter = next(networks[0].parameters())
        ensemble = Ensemble(networks, parameter.device, parameter.dtype)
        ensemble.train(False)
        return ensemble

    @property
    def _single(self) -> FinishedRun:
        if len(self.members) > 1:
            accepted = f"holds {len(self.members)} runs; accepted: .members, .ensemble, or the folder of one run"
            raise InputError("RUN_DIR", self.folder, accepted)
        return self.members[0]


def load_run(folder: Path | str) -> LoadedRun:
    """Load the trained networks of a completed run, or of those of a multirun, from their last checkpoints.

    The data set must be at hand: it says of what shape the inputs are, and comes along as ``splits``.

    Args:
        folder: The folder of a run, or one that holds runs.

    Returns:
        Networks, data and records; runs that have not completed, or whose files are damaged, are in ``left_out``.

    Raises:
        InputError: If there is no such folder, or no completed run in it.

    Example:
        >>> from homotopy_bench import compose, load_run, train
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = train(compose("model.depth=2", "training.epochs=1"), folder)
        >>> run = load_run(folder)
        >>> x, y = run.samples("test")
        >>> accuracy = (run.network(x).argmax(dim=1) == y).double().mean()
        >>> bool(accuracy == run.summary["final"]["test_acc_target"]), run.ensemble.forward(x[None]).shape
        (True, torch.Size([1, 1000, 10]))
    """
    folder = Path(folder)
    members, left_out = finished_runs([folder])
    if not members:
        reason = left_out[0].reason
        if len(left_out) > 1:
            reason = f"none of its {len(left_out)} runs can be loaded; the first, {left_out[0].folder}: {reason}"
        raise InputError("RUN_DIR", folder, reason)
    return LoadedRun(folder, tuple(members), tuple(left_out))


def best_network(run: FinishedRun) -> nn.Module:
    """Return the target network that was best on the validation split.

    Raises:
        InputError: If its file is missing or damaged.
    """
    network = copy.deepcopy(run.network)
    try:
        network.load_state_dict(load(read_bytes(run.folder / "best.safetensors", LARGEST_CHECKPOINT)))
    except FileNotFoundError:
        raise InputError("RUN_DIR", run.folder, "has no best.safetensors: the last parameters alone") from None
    except (OSError, DamagedFile, SafetensorError, RuntimeError) as error:
        raise InputError(
            "RUN_DIR", run.folder, f"its best.safetensors cannot be used ({one_line(error, 200)})"
        ) from error
    return network
