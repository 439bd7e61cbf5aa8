"""Run a study: choose trials, launch them and read their records until there are ``n_trials``.

    options, space -> checks -> [ claim a batch -> launcher -> outcome of every record -> settle ] -> results

The values of a trial are read from the record of its run, so that any ``hydra/launcher`` will do, and nothing that has
a record is trained again.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import optuna
from hydra.core.config_loader import ConfigLoader
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState
from rich.console import Console

from homotopy_bench.config.including import trees_in
from homotopy_bench.config.schema import Training
from homotopy_bench.config.validation import checked
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.included.copies import keep
from homotopy_bench.core.included.modules import trees_of
from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import error_line, masked
from homotopy_bench.core.seeds import FIRST_TUNING_SEED
from homotopy_bench.core.tuning_budget import TuningBudget
from homotopy_bench.sweeps.launchers.base import SweepLauncher
from homotopy_bench.sweeps.studies.by_number import Grid
from homotopy_bench.sweeps.studies.composition import Composition
from homotopy_bench.sweeps.studies.naming import NOT_COMPARED, default_name, pin
from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.outcome import RUN, Outcome, read_outcome, reason_of, result_of
from homotopy_bench.sweeps.studies.picture import draw
from homotopy_bench.sweeps.studies.results import front, write_setting, write_table
from homotopy_bench.sweeps.studies.samplers import LEARNING, samplers
from homotopy_bench.sweeps.studies.space import Space, read_space
from homotopy_bench.sweeps.studies.storage import KEY, open_storage
from homotopy_bench.sweeps.studies.study import Claim, Trials
from homotopy_bench.tracking.group_display import print_unsent
from homotopy_bench.tracking.origin import MULTIRUN
from homotopy_bench.tracking.record import holds_run

WAIT = 0.5
"""Seconds between two looks at trials that other workers have under way."""


def sweep(arguments: Sequence[str], master: DictConfig, loader: ConfigLoader, launcher: Launcher) -> list[float] | None:
    """Return the values of the best trial of a study, after its last one has ended; None where none completed.

    Args:
        arguments: The overrides of the command line, without those of Hydra itself.
        master: The configuration of the sweep, with ``hydra.sweeper``.
        loader: Composes configurations.
        launcher: Runs jobs.

    Raises:
        InputError: If the options, the space, the storage or an existing study do not fit, or a whole batch failed.
        KeyboardInterrupt: If a run was interrupted.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what it says of every trial is in the table
    options = _options(master)
    space = _seeded(read_space(options.params, arguments, loader), options)
    composition = Composition(loader, master)
    examples = [composition.config(overrides) for overrides in space.examples(composition.lookup)]
    trainings = [example.training for example in examples]
    _check_pruner(options, trainings)
    for_trial, total = samplers(options, space)
    if options.sampler in LEARNING and total <= options.startup_trials:
        print(
            f"hydra.sweeper.sampler={options.sampler} will not learn: its first {options.startup_trials} trials "
            f"(hydra.sweeper.startup_trials) are spread over the space, and n_trials is {total}"
        )
    elif isinstance(grid := for_trial(0), Grid) and total < grid.size:
        print(
            f"hydra.sweeper.n_trials={total} leaves out the last {grid.size - total} of the grid's {grid.size} points"
        )

    searched = [parameter.key for parameter in space.parameters]
    pin(master, options.study or default_name(options.space, searched, examples))
    options, folder = _options(master), Path(master.hydra.sweep.dir)
    assert options.study is not None
    folder.mkdir(parents=True, exist_ok=True)
    asked: Any = OmegaConf.to_container(master.hydra.overrides.task, resolve=False)
    keep(trees_in(asked), folder)
    with closing(open_storage(options.storage, options.study, folder, options.patience)) as storage:
        trials = Trials(storage, options, folder, max(one.epochs for one in trainings), composition.began)
        trials.belongs_to(_about(options, space))
        write_atomically(folder / MULTIRUN, OmegaConf.to_yaml(master).encode())

        def claim() -> Claim | None:
            return trials.claim(total, for_trial, lambda trial: space.walk(trial, composition.lookup))

        try:
            _run_all(claim, trials, launcher, options.batch)
        except (InputError, KeyboardInterrupt) as error:
            if not (isinstance(error, InputError) and error.key == KEY):  # a storage that is gone has nothing to show
                _leave_results(trials, options, composition, folder, total)
                print("the same command continues this study")
            raise
        return _leave_results(trials, options, composition, folder, total)


def _options(master: DictConfig) -> StudyOptions:
    raw: Any = OmegaConf.to_container(master.hydra.sweeper, resolve=True)
    options: StudyOptions = checked("hydra.sweeper", StudyOptions, raw)
    return options


def _run_all(claim: Callable[[], Claim | None], trials: Trials, launcher: Launcher, size: int) -> None:
    """Run batches until every trial has ended.

    Raises:
        InputError: If every trial of a batch failed, or something kept one from its end.
    """
    while True:
        batch = list(islice(iter(claim, None), size))
        if batch:
            _run(batch, trials, launcher)
        elif any(trial.state == TrialState.RUNNING and trial.number not in trials.unfinished for trial in trials.all()):
            time.sleep(WAIT)  # another worker may die with them
        elif trials.unfinished:
            numbers = ", ".join(map(str, sorted(trials.unfinished)))
            reasons = "; ".join(dict.fromkeys(trials.unfinished.values()))
            raise InputError("hydra.sweeper", f"trial {numbers}", f"it has not ended: {reasons}; nothing is lost")
        else:
            return


def _run(batch: Sequence[Claim], trials: Trials, launcher: Launcher) -> None:
    """Launch a batch and store how its trials ended, also where the launcher failed or was interrupted.

    Raises:
        InputError: If every trial of the batch failed.
    """
    jobs = [
        [*claim.overrides, f"hydra.sweep.subdir={claim.subfolder}", f"hydra.sweeper.trial={claim.number}"]
        for claim in batch
    ]
    launched = False
    reasons: list[str] = []
    try:
        with trials.worker.beating():
            launcher.launch(jobs, initial_job_idx=batch[0].number)
        launched = True
    finally:
        errors = launcher.errors if launched and isinstance(launcher, SweepLauncher) else {}
        for number, claim in enumerate(batch, batch[0].number):  # as the launcher counts them
            folder, error = trials.folder / claim.subfolder, errors.get(number)
            outcome = read_outcome(folder, trials.objectives, claim.overrides)
            begun, refused = holds_run(folder), error is None or isinstance(error, InputError)
            if outcome is None and not launched and not begun:
                trials.release(claim)
            elif outcome is None and (begun or not refused):
                reasons.append(_said(error) if error else reason_of(folder))
                trials.release(claim, reasons[-1])
            else:
                outcome = outcome or Outcome("failed", _said(error) if error else "its job left no record")
                trials.settle(claim, outcome)
                if outcome.state == TrialState.FAIL:
                    reasons.append(str(outcome.reason))
    if len(reasons) == len(batch):
        said = f"all {len(batch)} of a batch failed: {reasons[0]}"
        raise InputError("hydra.sweeper", f"trial {batch[0].number}", said)


def _said(error: Exception) -> str:
    return masked(str(error)) if isinstance(error, InputError) else error_line(error)


def _leave_results(
    trials: Trials, options: StudyOptions, composition: Composition, folder: Path, total: int
) -> list[float] | None:
    """Return the values of the best trial, if any completed, after writing the table, picture and best settings."""
    every = trials.all()
    states = [result_of(trial)["status"] for trial in every]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))
    print(f"study {inert(str(options.study))}: {len(every)} trials ({counts})")
    write_table(every, options.objectives, folder / "trials.csv")
    best = front(every, options.objectives)
    ended = sum(trial.state.is_finished() for trial in every)
    budget = TuningBudget(ended, max(total, ended))  # another command may have asked for more
    for trial in best:
        config = composition.config(trial.user_attrs[RUN]["overrides"])
        values = ", ".join(f"{name} {value:.6g}" for name, value in zip(options.objectives, trial.values, strict=True))
        own = [str(tree.origin) for tree in trees_of(config.include) if tree.origin.version is None]
        include = [f"include={','.join(own)}"] if own else []
        needs = "".join(f" It needs {one}." for one in include)
        about = f"Trial {trial.number} of study {options.study}: {values}, seed {config.seed}; {budget}.{needs}"
        files = [folder / "best.yaml"] if trial is best[0] else []
        if len(options.objectives) > 1:
            (folder / "front").mkdir(exist_ok=True)
            files.append(folder / "front" / f"{trial.number}.yaml")
        for file in files:
            write_setting(config, about, file)
        if trial is best[0]:
            command = shlex.join(["homotopy-train", *include, f"experiment={folder / 'best.yaml'}"])
            print(f"best: {inert(about)}\n  {inert(command)}")
    try:
        methods = {
            trial.number: composition.lookup(trial.user_attrs[RUN]["overrides"], "method")
            for trial in every
            if trial.state == TrialState.COMPLETE
        }
        draw(trials.study, options.objectives[0], methods, folder / "trials.png")
    except Exception as error:  # a picture that cannot be drawn is no reason to lose the rest
        print(f"trials.png was not drawn: {inert(error_line(error))}")
    runs = [trial.user_attrs[RUN] for trial in every if RUN in trial.user_attrs]
    print_unsent(Console(), [folder / run["folder"] for run in runs])
    if options.storage != "memory":
        print(f"  optuna-dashboard {trials.storage.shown}  (pip install 'homotopy-bench[dashboard]')")
    return list(best[0].values) if best else None


def _seeded(space: Space, options: StudyOptions) -> Space:
    # All trials have one seed, which is none of the reports.
    for override in space.fixed:
        key, _, value = override.lstrip("+").partition("=")
        if key == "seed":
            if not value.isdecimal() or int(value) < FIRST_TUNING_SEED:
                accepted = f"accepted: an integer >= {FIRST_TUNING_SEED}, so that no report's seed is tuned on"
                raise InputError("seed", value, accepted)
            return space
    return Space((*space.fixed, f"seed={options.training_seed}"), space.parameters)


def _check_pruner(options: StudyOptions, trainings: Sequence[Training]) -> None:
    if options.pruner == "none":
        return
    key = "hydra.sweeper.pruner"
    if options.objectives != ["val_acc"]:
        raise InputError(key, options.pruner, "it judges accuracies; accepted: none, or val_acc alone")
    if options.storage == "memory":
        raise InputError(key, options.pruner, f"a job cannot report to {KEY}=memory; accepted: none")
    for training in trainings:
        if training.eval_every >= training.epochs:
            wrong = (
                f"nothing is measured before the end with training.eval_every={training.eval_every} and "
                f"training.epochs={training.epochs}; accepted: none, or a smaller training.eval_every"
            )
            raise InputError(key, options.pruner, wrong)


def _about(options: StudyOptions, space: Space) -> dict[str, Any]:
    """Return the description that two calls of one study share; the number of trials may grow."""
    fixed = [one for one in space.fixed if one.lstrip("+~").partition("=")[0].partition(".")[0] not in NOT_COMPARED]
    return {
        "search space": space.describe(),
        "setting": sorted(fixed),
        "objective": list(options.objectives),
        "sampler": f"{options.sampler}, seed {options.seed}, startup_trials {options.startup_trials}",
        "pruner": f"{options.pruner}{'' if options.prune_on_path else ', not on the path'}",
    }
