"""Read finished runs as networks; what is wrong with one of them is a value, never an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.included.modules import key_of
from homotopy_bench.data.base import Splits
from homotopy_bench.runs.target_network import checkpoint_of, trainer_of
from homotopy_bench.tracking.kept_measurements import read_entries, state_digest
from homotopy_bench.tracking.resumable import read_run
from homotopy_bench.tracking.run_folders import runs_of

ACCEPTED = "accepted: folders of finished runs, or folders that hold some"


@dataclass(frozen=True)
class FinishedRun:
    """Hold the target network of a run that trained to its end."""

    folder: Path
    config: Config
    network: nn.Module
    """The plain network (t = 1), in evaluation mode, on the host."""
    splits: Splits
    state: str
    """16 hexadecimal digits that name its parameters and buffers."""

    @property
    def kind(self) -> tuple[object, ...]:
        """What runs must agree in for their networks to be rows of one matrix, measured on the same samples."""
        unnamed = {"file"} if getattr(self.config.dataset, "sha256", None) else set()  # of a file the content counts
        dataset = self.config.dataset.model_dump_json(exclude=unnamed)
        shapes = tuple((name, tuple(value.shape)) for name, value in self.network.state_dict().items())
        modules = tuple(type(module).__name__ for module in self.network.modules())
        dtype = str(next(self.network.parameters()).dtype)
        # Skips and heads change neither shapes nor modules, and two included models may have one name.
        model = self.config.model.program(), key_of(type(self.config.model))
        return dataset, *model, dtype, shapes, modules


@dataclass(frozen=True)
class LeftOut:
    """Hold a folder that cannot be measured, and why."""

    folder: Path
    reason: str


def finished_runs(
    paths: Iterable[Path], say: Callable[[str], object] = lambda _: None
) -> tuple[list[FinishedRun], list[LeftOut]]:
    """Return the runs in and below folders that have ended, and those that cannot be measured, each folder once.

    Args:
        paths: Folders of runs or of multiruns.
        say: Takes a line on what is being read.

    Raises:
        InputError: If a folder does not exist, or holds no run.
    """
    found: list[FinishedRun] = []
    left_out: list[LeftOut] = []
    data: dict[tuple[str, str], Splits] = {}
    read: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            raise InputError("RUN_DIR", path, f"no such folder; {ACCEPTED}")
        folders = runs_of(path)
        if not folders:
            raise InputError("RUN_DIR", path, f"this folder holds no run; {ACCEPTED}")
        for number, folder in enumerate(folders):
            place = folder.resolve()
            if place in read:
                continue
            read.add(place)
            say(f"reads {folder} ({number} of {len(folders)})")
            try:
                found.append(_read(folder, data))
            except (InputError, OSError) as error:
                left_out.append(LeftOut(folder, error.accepted if isinstance(error, InputError) else str(error)))
    return found, left_out


def grouped(runs: Sequence[FinishedRun]) -> list[list[FinishedRun]]:
    """Return the runs in groups of one kind, in the order of their first runs."""
    groups: dict[tuple[object, ...], list[FinishedRun]] = {}
    for run in runs:
        groups.setdefault(run.kind, []).append(run)
    return list(groups.values())


def _read(folder: Path, data: dict[tuple[str, str], Splits]) -> FinishedRun:
    """Return the run of a folder.

    Raises:
        InputError: If it has not ended, has diverged, or its record cannot be used.
    """
    config, _, status = read_run(folder)
    if status != "completed":
        raise InputError("RUN_DIR", folder, f"{status or 'has not ended'}; accepted: completed runs")
    if not (folder / "checkpoint.pt").is_file():
        raise InputError("RUN_DIR", folder, "has no checkpoint.pt; accepted: completed runs with one")
    try:
        read_entries(folder)
    except InputError as error:  # what is measured is added to it
        raise InputError("RUN_DIR", folder, f"its landscape.json {error.accepted}") from error
    root = config.paths.data_root()
    key = (config.dataset.model_dump_json(), str(root))
    if key not in data:
        data[key] = config.dataset.load(root)
    network = trainer_of(config, folder, checkpoint_of(folder), data[key]).target_network(0)
    if not all(bool(value.isfinite().all()) for value in network.state_dict().values()):
        raise InputError("RUN_DIR", folder, "has diverged: its parameters are not finite")
    return FinishedRun(folder, config, network, data[key], state_digest(network.state_dict()))
