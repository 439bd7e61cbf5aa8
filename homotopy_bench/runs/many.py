"""Group many runs into ensembles and train one group after the other, with a result for every run.

Runs of one program (:mod:`homotopy_bench.runs.grouping`) train together where a short measurement finds that faster
(:mod:`homotopy_bench.runs.probe`), as many at a time as fit into the memory. A group that fails as a whole is split and
continues from its last checkpoints: in halves if memory ran out, else one by one, so that only the faulty run fails.
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError, RankLost
from homotopy_bench.core.masking import error_line
from homotopy_bench.core.open_files import allow_open_files
from homotopy_bench.hardware.memory import available_memory, fault_of, out_of_memory
from homotopy_bench.hardware.processors import usable_processors
from homotopy_bench.runs.cost import Cost
from homotopy_bench.runs.driver import Driver
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.grouping import groups, split
from homotopy_bench.runs.history import History
from homotopy_bench.runs.job import Job, Result
from homotopy_bench.runs.member import Member
from homotopy_bench.runs.parallel import Processes
from homotopy_bench.runs.probe import pays, probe
from homotopy_bench.runs.run import new_folder
from homotopy_bench.runs.stability import Stability
from homotopy_bench.runs.summary import run_summary
from homotopy_bench.tracking.display import Display, Silent

LEAST_GAIN = 1.1
"""Runs train together if a member's step is this much faster than a single run's; less may be the noise of a clock."""

MOST_PICTURES = 100
"""Most runs of one call that get their ``curves.png`` at their end; more short ones would draw longer than train."""

SHARE = 0.5
"""Part of the available memory that an ensemble may take."""


def train_many(
    configs: Sequence[Config | Mapping[str, Any]],
    folders: Sequence[Path | str] | None = None,
    *,
    max_members: int | None = None,
    probe: bool = True,
    threads: int | None = None,
) -> list[Result]:
    """Run many composed configurations, those of one program together, without printing.

    Of more than 100, ``homotopy-report FOLDER --curves`` draws the pictures.

    Args:
        configs: What :func:`homotopy_bench.compose` returned, or nested mappings with the same keys.
        folders: Where the records go, one folder each; by default new ones under ``paths.outputs``.
        max_members: Largest number of members of one ensemble; None for what fits into the memory.
        probe: Whether a measurement decides if a group gains from training together; otherwise it always does.
        threads: Host threads of an ensemble; None for ``hardware.threads``, or all that this process may use where a
            measurement finds that faster.

    Returns:
        One result per configuration, in order. A failure belongs to its run alone: that result has the status
        ``failed`` with the reason, and its ``network`` raises.

    Raises:
        InputError: If a configuration cannot be used; nothing is trained then.
        ValueError: If there are not as many folders as configurations.

    Example:
        >>> from homotopy_bench import compose, train_many
        >>> import tempfile
        >>> configs = [compose("model.depth=2", "training.epochs=1", f"seed={seed}") for seed in (0, 1)]
        >>> results = train_many(configs, [tempfile.mkdtemp() for _ in configs])
        >>> [(result.summary["seed"], result.summary["status"]) for result in results]
        [(0, 'completed'), (1, 'completed')]
    """
    checked = [config if isinstance(config, Config) else validate(config) for config in configs]
    fusing = Fusing(max_members, probe, threads)
    if folders is None:
        now = datetime.now()
        folders = [new_folder(config, now) / str(number) for number, config in enumerate(checked)]
    if len(folders) != len(checked):
        raise ValueError(f"{len(folders)} folders for {len(checked)} configurations")
    allow_open_files(len(checked))
    runs: list[Member | Result] = []
    for config, folder in zip(checked, folders, strict=True):
        try:
            runs.append(Member.begin(Job(config, Path(folder), [])))
        except InputError as error:
            runs.append(_refused(config, Path(folder), error))
    train_members([run for run in runs if isinstance(run, Member)], fusing)
    results = [run.result if isinstance(run, Member) else run for run in runs]
    assert None not in results, "a run ended without a result"
    return [result for result in results if result is not None]


def _refused(config: Config, folder: Path, error: InputError) -> Result:
    """Return the result of a run that has no record, because its folder cannot have one."""
    summary = run_summary(
        config,
        [],
        status="failed",
        reason=str(error),
        fault=fault_of(error),
        data=[],
        device=config.hardware.name,
        threads=config.hardware.threads,
        history=History(),
        stability=Stability(),
        cost=Cost(),
        landscape=None,
        included=[],
    )
    return Result(summary, None, folder)


def train_members(
    members: Sequence[Member],
    fusing: Fusing,
    show: Callable[[int], Display] = lambda _: Silent(),
    say: Callable[[str], None] = lambda _: None,
) -> bool:
    """Train runs to their ends; every one then has a result, and one that failed an error.

    Args:
        members: The runs, begun or continued.
        fusing: Options of training together.
        show: Returns the display of a group, given its size.
        say: Prints how each group is trained, and why.

    Returns:
        True if all went to their ends; False if they were interrupted.
    """
    draws = len(members) <= MOST_PICTURES
    for member in members:
        member.draws = draws
    for line in dict.fromkeys(member.why_here for member in members if member.why_here):
        say(line)
    try:
        with Processes() as processes:
            for group in _grouped(members):
                parts, threads = _plan(group, fusing, say)
                for part in parts:
                    if _train(part, threads, show, say, processes):
                        return False
    finally:
        for member in members:
            if member.result is None:
                member.mark_interrupted()
    return True


def _grouped(members: Sequence[Member]) -> list[list[Member]]:
    found = groups([member.job.config for member in members], [member.step for member in members])
    return [[members[index] for index in group] for group in found]


def _plan(group: Sequence[Member], fusing: Fusing, say: Callable[[str], None]) -> tuple[list[list[Member]], int]:
    """Return the parts in which a group of one program is trained and their host threads, after saying why."""
    configs = [member.job.config for member in group]
    threads = fusing.threads or configs[0].hardware.threads
    if len(group) == 1:
        return [list(group)], threads
    try:
        size, threads, why = _decide(configs, fusing)
    except Exception as error:  # what is wrong with these runs is said when they are trained
        size, why = fusing.max_members or len(group), f"not measured ({type(error).__name__})"
    parts = split(group, size)
    what = "as one program" if len(parts) == 1 else "one by one" if size == 1 else f"as {len(parts)} programs"
    say(f"{len(group)} jobs like '{group[0].title}' train {what}: {why}")
    for part in parts:
        for member in part:
            member.note(f"trains {f'with {len(part) - 1} more' if len(part) > 1 else 'alone'}: {why}")
    return parts, threads


def _decide(configs: Sequence[Config], fusing: Fusing) -> tuple[int, int, str]:
    """Return how many runs of one program train together, with how many threads, and why."""
    shared = configs[0]
    wanted = min(fusing.max_members or len(configs), len(configs))
    splits = shared.dataset.load(shared.paths.data_root())
    steps = shared.training.epochs * (len(splits.train.y) // shared.training.batch_size)
    processes = shared.hardware.processes()
    timed = fusing.probe and wanted > 1 and pays(steps, wanted) and processes == 1
    threads = [fusing.threads or shared.hardware.threads]
    if not timed and fusing.max_members is not None:
        return wanted, threads[0], f"max_members={fusing.max_members}"
    cores = usable_processors()
    if fusing.threads is None and cores > threads[0]:
        threads.append(cores)
    measured = probe(configs[:wanted], splits, threads, timed)
    together = f"{measured.members} together"
    if measured.gain is not None and measured.gain < LEAST_GAIN:
        return 1, measured.threads, f"{together} have {measured.gain:.2f} times the speed of one after the other"
    if fusing.max_members is None:
        device = shared.hardware.device()
        memory = available_memory(device) * (processes if device.type == "cuda" else 1)  # a host has one for all
        wanted = min(wanted, max(int(SHARE * memory) // max(measured.bytes_per_member, 1), 1))
    gain = measured.gain
    speed = "" if gain is None else f", {together} {gain:.2f} times as fast as one after the other"
    if processes > 1:
        speed = f", in {processes} processes"
    return wanted, measured.threads, f"{measured.bytes_per_member / 1e6:.1f} MB a member{speed}"


def _train(
    part: Sequence[Member],
    threads: int,
    show: Callable[[int], Display],
    say: Callable[[str], None],
    processes: Processes,
) -> bool:
    """Return whether an interrupt was requested, after training runs as one ensemble or, if that fails, as several."""
    waiting, begun = [list(part)], any(member.step > 0 for member in part)
    while waiting:
        runs = waiting.pop(0)
        try:
            build = processes.of([member.job.config for member in runs], begun=begun)
        except InputError as refused:
            for member in runs:
                member.fail(refused)
            continue
        begun = True
        driver = Driver(runs, show(len(runs)), threads if len(runs) > 1 else None, build)
        error = _attempt(driver)
        if driver.interrupted:
            return True
        if error is None:
            continue
        processes.drop()  # what they were doing is not known
        if len(runs) == 1:
            continue
        halve = out_of_memory(error) and len(runs) > 2
        what = error_line(error)
        say(f"{len(runs)} jobs together failed, go on {'in halves' if halve else 'one by one'} ({what})")
        # By the result, not the status: a run at its end has a status before its record is complete.
        left = [member for member in runs if member.result is None]
        for member in left:
            member.rewind(f"continues {'with fewer others' if halve else 'alone'} after {what}")
        largest = (len(left) + 1) // 2 if halve else 1
        groups_left = _grouped([member for member in left if member.result is None])
        waiting = [part for group in groups_left for part in split(group, largest)] + waiting
    return False


def _attempt(driver: Driver) -> Exception | None:
    """Return the error with which training ended, or None; of a single run it is that run's too.

    Raises:
        BrokenPipeError: If the reader of the display has left.
        RankLost: If a process of several has ended.
    """
    runs = list(driver.members)
    try:
        driver.go()
        return None
    except (BrokenPipeError, RankLost):  # no run failed by itself, and all can be continued
        raise
    except Exception as error:
        if len(runs) == 1 and runs[0].result is None:
            runs[0].fail(error)
        # The frames hold the ensemble, and its memory is needed.
        traceback.clear_frames(error.__traceback__)
        failure = error.with_traceback(None)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return failure
