"""Train one run from configuration to record, from its beginning or from its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from rich.console import Console
from torch import nn

from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.data.arrays import Arrays
from homotopy_bench.loggers.wandb import sync_command
from homotopy_bench.models.module import Module
from homotopy_bench.runs.driver import Driver
from homotopy_bench.runs.job import Job, Observer, Result
from homotopy_bench.runs.member import Member
from homotopy_bench.runs.parallel import Processes
from homotopy_bench.tracking.display import Display, Silent, display

__all__ = ["Result", "new_folder", "resume", "start", "train"]


def train(
    config: Config | Mapping[str, Any],
    folder: Path | str | None = None,
    *,
    model: Callable[[], nn.Module] | None = None,
    data: Sequence[ArrayLike] | None = None,
    on_evaluation: Observer | None = None,
    progress: bool = False,
) -> Result:
    """Run a composed configuration, as ``homotopy-train`` does.

    A run with a model or data of its own can be reported, but not continued from the command line.

    Args:
        config: What :func:`homotopy_bench.compose` returned, or a nested mapping with the same keys.
        folder: Where the record goes; by default a new folder under ``paths.outputs`` named by date and time.
        model: Function without arguments that returns a new target network, a module from inputs (B, *shape) to logits
            (B, classes); in place of ``config.model``. Its initial values come from PyTorch's global generator, which
            is seeded by ``config.seed``.
        data: ``(x, y, x_test, y_test)``, arrays or tensors on the host: inputs (N, *shape), labels (N,) of integers
            from 0; in place of ``config.dataset``, whose options of splitting and standardising are kept.
        on_evaluation: Called after every evaluation with its line of the metrics, as docs/record.md lists them. What it
            raises ends the run as failed, and is raised here.
        progress: Whether to print what ``homotopy-train`` prints: a live bar in a terminal, otherwise lines.

    Returns:
        The summary, the trained target network and the folder of the record.

    Raises:
        InputError: If the configuration, the model or the data cannot be used, or the folder already holds a run.

    Example:
        >>> from homotopy_bench import compose, train
        >>> import tempfile, torch
        >>> config = compose("method=baseline", "model.depth=2", "training.epochs=1")
        >>> epochs = []
        >>> result = train(config, folder=tempfile.mkdtemp(), on_evaluation=lambda line: epochs.append(line["epoch"]))
        >>> result.summary["status"], epochs, result.network(torch.zeros(1, 40)).shape
        ('completed', [1], torch.Size([1, 10]))

        With a network and data of one's own:

        >>> x, y = torch.randn(200, 3), torch.arange(200) % 2
        >>> config = compose("method=baseline", "training.epochs=1", "training.batch_size=50")
        >>> result = train(config, tempfile.mkdtemp(), model=lambda: torch.nn.Linear(3, 2), data=(x, y, x, y))
        >>> result.network
        Linear(in_features=3, out_features=2, bias=True)
    """
    if not isinstance(config, Config):
        config = validate(config)
    if model is not None:
        config = replace(config, model=Module.of(model))
    if data is not None:
        config = replace(config, dataset=Arrays.of(data, config.dataset))
    job = Job(config, Path(folder or new_folder(config, datetime.now())), [], on_evaluation=on_evaluation)
    return _alone(Member.begin(job), display(Console()) if progress else Silent())


def start(job: Job, show: Display) -> Result:
    """Return the result of a new run in a folder that holds none.

    Raises:
        InputError: If the folder holds a run already, or the data, the device or the model do not fit.
    """
    return _alone(Member.begin(job), show)


def resume(job: Job, show: Display) -> Result:
    """Return the result of an interrupted run, continued from its last checkpoint or from its beginning without one.

    It is bitwise that of a run without interruption.

    Raises:
        InputError: If the checkpoint does not belong to this code or this configuration.
    """
    return _alone(Member.continued(job), show)


def new_folder(config: Config, begun: datetime) -> Path:
    """Return the folder of what was given none and began at a time, which names it."""
    return Path(config.paths.outputs) / begun.strftime("%Y-%m-%d/%H-%M-%S-%f")


def _alone(member: Member, show: Display) -> Result:
    """Return the result of a run that trains alone; its summary is written however it ends."""
    if member.why_here:
        show.note(member.why_here)
    try:
        with Processes() as processes:
            Driver([member], show, build=processes.of([member.job.config], begun=member.step > 0)).go()
    except Exception as error:
        if member.result is not None:  # its record is complete, and what failed is to show it
            raise
        member.fail(error)
    command = sync_command([member.record.folder])
    if command is not None:
        show.unsent(command)
    if member.error is not None:
        raise member.error
    assert member.result is not None
    return member.result
