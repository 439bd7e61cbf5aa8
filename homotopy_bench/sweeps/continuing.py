"""Resume a multirun of any launcher: train all its unfinished jobs, together where possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from homotopy_bench.config.compose import compose_with
from homotopy_bench.config.including import from_copies, keys_in
from homotopy_bench.config.mapping import choices_loader
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import read_configuration
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.heartbeat import announced
from homotopy_bench.core.open_files import allow_open_files
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.sweeps.grid import grid_jobs
from homotopy_bench.tracking.origin import MULTIRUN, NUMBERED
from homotopy_bench.tracking.record import holds_run
from homotopy_bench.tracking.resumable import failed_by_machine, print_continuing, read_run
from homotopy_bench.tracking.run_folders import runs_of


def holds_sweep(folder: Path) -> bool:
    """Return whether a folder is that of a multirun: it is no run itself, and runs lie below it."""
    return not holds_run(folder) and ((folder / MULTIRUN).is_file() or bool(runs_of(folder)))


def resume_sweep(folder: Path, report: Callable[[Exception], object]) -> None:
    """Continue every run below a folder that has not ended.

    Args:
        folder: The folder of a multirun.
        report: Takes the error of every run that cannot be continued; the others are.

    Raises:
        InputError: If another process writes the folder, or the multirun's own file is damaged.
        KeyboardInterrupt: If the training was interrupted.
    """
    with FolderLock(folder, "resume"):
        _resume_locked(folder, report)


def _resume_locked(folder: Path, report: Callable[[Exception], object]) -> None:
    left: list[tuple[Config, Path, list[str]]] = []
    begun, expected = dict.fromkeys(runs_of(folder)), _expected(folder)
    ended = 0
    found = [*begun, *(run for run in expected if not holds_run(run))]
    for run in announced(found, "records read", _print):
        try:
            config, overrides, status = (
                read_run(run) if run in begun else (_composed(expected[run], folder), expected[run], None)
            )
            if status is None:
                check_requirements(config)
                left.append((config, run, overrides))
            ended += status is not None
        except (InputError, OSError) as error:
            report(error)
    _print(f"{folder}: {ended} runs have ended, {len(left)} are continued")
    if not left:
        return
    allow_open_files(len(left))

    from rich.console import Console

    from homotopy_bench.runs.job import Job
    from homotopy_bench.runs.many import train_members
    from homotopy_bench.runs.member import Member
    from homotopy_bench.tracking.group_display import group_display, print_jobs, print_undrawn, print_unsent

    members: list[Member] = []
    for one in announced(left, "checkpoints read", _print):
        job = Job(*one, keeps_network=False)
        try:
            members.append(Member.continued(job) if job.folder in begun else Member.begin(job))
        except (InputError, OSError) as error:
            report(error)
    console = Console()
    launcher = _multirun(folder).get("launcher", {})  # other launchers than ``fused`` lack these options
    fusing = Fusing(**{key: launcher[key] for key in ("max_members", "probe", "threads") if key in launcher})
    finished = train_members(members, fusing, lambda count: group_display(console, count), _print)
    results = [member.result for member in members if member.result is not None]
    print_jobs(console, [(str(result.folder), result.summary) for result in results])
    if not all(member.draws for member in members):
        print_undrawn(console, folder)
    print_unsent(console, (result.folder for result in results))
    if not finished:
        print_continuing(folder)
        raise KeyboardInterrupt
    errors = [member.error for member in members if member.error is not None]
    for failure in errors:
        report(failure)
    if any(map(failed_by_machine, errors)):
        print_continuing(folder)


def _composed(overrides: list[str], folder: Path) -> Config:
    """Return the configuration of a job that was not begun, with the choices whose text its multirun keeps.

    Raises:
        InputError: If it cannot be used.
    """
    return compose_with(from_copies(keys_in(overrides), folder), overrides)


def _print(line: str) -> None:
    print(line, flush=True)


def _expected(folder: Path) -> dict[Path, list[str]]:
    """Return folder and overrides of every job of a multirun; empty where only its sweeper knows them."""
    hydra = _multirun(folder)
    subdir = hydra.get("sweep", {}).get("subdir", NUMBERED)
    if subdir != NUMBERED:
        _print(
            f"{folder}: jobs that had not begun are left out, as hydra.sweep.subdir={subdir} is none of their numbers"
        )
        return {}
    return {folder / str(number): job for number, job in enumerate(grid_jobs(hydra, choices_loader()))}


def _multirun(folder: Path) -> dict[str, Any]:
    """Return Hydra's own settings of a multirun, nothing resolved; empty where it left none.

    Raises:
        InputError: If its file is damaged.
    """
    from omegaconf import OmegaConf

    path = folder / MULTIRUN
    if not path.exists():
        return {}
    try:
        loaded: Any = OmegaConf.to_container(OmegaConf.create(read_configuration(path)))
        return dict(loaded["hydra"])
    except Exception as error:  # of two libraries, and of what they read
        accepted = f"its {MULTIRUN} is damaged ({type(error).__name__}); its runs continue one by one, with resume=RUN"
        raise InputError("resume", folder, accepted) from error
