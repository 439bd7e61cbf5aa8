"""Provide the entry point ``homotopy-train``, which trains the runs that a command line asks for.

Only Hydra and the typed schema are imported here; torch is loaded when a checked run begins, so that help, completion
and every mistake in a configuration are answered in a fraction of a second.

Exit codes: 0 for runs that ended, also where one diverged; 2 for an input that cannot be used, with one line that says
why; 1 for a failure; 130 for an interruption. ``HYDRA_FULL_ERROR=1`` shows the traceback.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, redirect_stdout
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import hydra

from homotopy_bench.cli.arguments import PRINTING, in_order, is_flag, is_single_run, overrides_of, sources_of
from homotopy_bench.cli.command import reader_has_left
from homotopy_bench.cli.error_lines import explain  # here: there may be no handle left to import it with
from homotopy_bench.cli.ranks import on_rank_0
from homotopy_bench.config.checked_loader import checked_loading
from homotopy_bench.config.choices import Trees
from homotopy_bench.config.compose import experiment_as_typed, experiment_file
from homotopy_bench.config.including import described, included, keys_in, run_checks, split_include, with_trees
from homotopy_bench.config.mapping import VERSION_BASE, compose_run
from homotopy_bench.config.validation import checked, read_value, validate
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.credentials import refuse_arguments
from homotopy_bench.core.errors import INTERRUPTED, InputError
from homotopy_bench.core.folder_lock import FolderLock
from homotopy_bench.core.folders import FOLDER, obstacle
from homotopy_bench.core.included.modules import trees_of
from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import masked
from homotopy_bench.hardware.launched import launched
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.sweeps.grid import check_grid
from homotopy_bench.sweeps.launchers.base import HELD, REPORT
from homotopy_bench.sweeps.launchers.job import as_typed, train_job
from homotopy_bench.tracking.record import holds_run, own_new, refuse_occupied
from homotopy_bench.tracking.resumable import failed_by_machine, print_continuing, read_run

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from homotopy_bench.config.schema import Config
    from homotopy_bench.runs.run import Result
    from homotopy_bench.tracking.display import Display


DEVICES = "hardware.devices"
"""The key that may be given anew when a run is continued."""


def main() -> int:
    """Run the command line; the process is afterwards as it was before.

    Returns:
        The exit code.
    """
    with _hydra_in_process() as show_traceback:
        try:
            place = launched()
        except InputError as error:
            return _say(error, {})
        return on_rank_0(place, lambda: _main(sys.argv[1:], show_traceback), sys.argv[1:])


@contextmanager
def _hydra_in_process() -> Iterator[bool]:
    """Let Hydra raise every error, and restore what it changes.

    Yields:
        Whether the user asked for tracebacks.
    """
    from hydra.core.hydra_config import HydraConfig

    arguments, settings = list(sys.argv), HydraConfig.instance().cfg
    asked, root = os.environ.get("HYDRA_FULL_ERROR"), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    # Hydra would print an error itself and exit with 1; every error is worded in one place instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        with checked_loading():
            yield asked == "1"
    finally:
        sys.argv, HydraConfig.instance().cfg = arguments, settings
        for handler in set(root.handlers).difference(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        if asked is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = asked


def _main(arguments: list[str], show_traceback: bool) -> int:
    """Return the exit code of a command line; an error is raised where its traceback is wanted."""
    codes: list[int] = []
    typed = {argument: argument for argument in arguments}  # by what Hydra reads

    def task(composed: DictConfig) -> float:
        from hydra.core.hydra_config import HydraConfig

        folder = as_typed(Path(HydraConfig.get().runtime.output_dir))
        return _objective(lambda: train_job(composed, _display()), folder, report)

    def report(error: Exception) -> float:
        if show_traceback:
            raise error
        codes.append(_say(error, typed))
        return float("nan")

    vars(task)[REPORT] = report
    held = ExitStack()
    vars(task)[HELD] = held
    try:
        refuse_arguments(arguments)
        folders, others = split_include(arguments)
        others = in_order(others)
        if answer := _version_or_completion(others):
            print(answer, end="", flush=True)
            return 0
        resumes = any(argument.startswith("resume=") for argument in arguments)
        trees = () if resumes else _included(folders, sys.stderr if _prints(others) else sys.stdout)
        if not {"--help", "-h"}.isdisjoint(others):
            print(_help(others, trees), end="", flush=True)
            return 0
        arguments = in_order(arguments if resumes else with_trees(others, trees))
        read = [experiment_file(argument) for argument in arguments]
        typed = {
            one: experiment_as_typed(own) if keys_in([own]) else own for one, own in zip(read, arguments, strict=True)
        }
        arguments = sys.argv[1:] = read
        if resumes:
            _resume(arguments, report)
        else:
            if is_single_run(arguments):
                held.enter_context(_check(arguments))
            elif not {"-m", "--multirun"}.isdisjoint(arguments):
                check_grid(overrides_of(arguments))
            with _masked_output(arguments):
                hydra.main(version_base=VERSION_BASE, config_path=str(conf_dir()), config_name="config")(task)()
    except KeyboardInterrupt:
        print("homotopy-train: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return reader_has_left()
    except Exception as error:
        if show_traceback:
            raise
        return _say(error, typed)
    finally:
        held.close()
    return max(codes, default=0)


@contextmanager
def _masked_output(arguments: Sequence[str]) -> Iterator[None]:
    """Mask secrets in the configuration that Hydra prints where a flag asks for it instead of a run."""
    if PRINTING.isdisjoint(arguments):
        yield
        return
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            yield
    finally:
        print(masked(printed.getvalue(), arguments), end="", flush=True)


def _prints(arguments: Sequence[str]) -> bool:
    """Return whether an answer is printed instead of a run, which others may read from the standard output."""
    return not PRINTING.union({"--help", "-h"}).isdisjoint(arguments)


def _included(folders: Sequence[str], screen: TextIO) -> Trees:
    """Return the included trees, after saying on the screen whose code is run, and running it to check its choices.

    Raises:
        InputError: At the first that cannot be used.
    """
    trees = included(folders)
    own = tuple(tree for tree in trees if tree.origin.version is None)
    for line in described(own):
        print(inert(line), file=screen, flush=True)
    run_checks(own)
    return trees


def _help(arguments: Sequence[str], trees: Trees) -> str:
    from homotopy_bench.cli.help import help_text

    return help_text([argument for argument in arguments if not is_flag(argument)], trees)


def _version_or_completion(arguments: Sequence[str]) -> str | None:
    """Return what is asked for instead of a run or the help, where Hydra's own answer would know less."""
    if "--version" in arguments:
        return f"homotopy-bench {version('homotopy-bench')}\n"
    if not {"--shell-completion", "-sc"}.isdisjoint(arguments):
        from homotopy_bench.cli.completion import SEPARATORS, complete

        for shell, separator in SEPARATORS.items():
            if f"query={shell}" in arguments:
                return separator.join(complete(os.environ.get("COMP_LINE", "homotopy-train "))) + "\n"
    return None


def _resume(arguments: Sequence[str], report: Callable[[Exception], float]) -> None:
    """Continue the run in the folder that ``resume=`` names, or those of a multirun, as they were begun.

    A run in several processes may go on in another number of them: ``hardware.devices=``.

    Raises:
        InputError: If something else is asked for too.
    """
    from homotopy_bench.sweeps.continuing import holds_sweep, resume_sweep

    named = [a.removeprefix("resume=") for a in arguments if a.startswith("resume=")]
    devices = [argument for argument in arguments if argument.startswith(f"{DEVICES}=")]
    others = [argument for argument in arguments if not argument.startswith("resume=") and argument not in devices]
    if others or len(named) > 1:
        extra = (others or [f"resume={named[-1]}"])[0]
        raise InputError("resume", named[0], f"a run continues alone, with its own settings; leave out '{extra}'")
    if not named[0]:
        raise InputError("resume", "", "accepted: the folder of a run or of a multirun")
    folder = Path(named[0])
    if holds_sweep(folder):
        if devices:
            raise InputError(DEVICES, devices[0].partition("=")[2], "a multirun is continued as it was begun")
        resume_sweep(folder, report)
        return
    config, overrides, ended = read_run(folder)
    if ended:
        print(f"{folder}: this run has ended ({ended}); nothing to resume")
        return
    config = _on_devices(config, devices)
    check_requirements(config)

    with FolderLock(folder, "resume"):
        from homotopy_bench.runs.job import Job
        from homotopy_bench.runs.run import resume

        _objective(lambda: resume(Job(config, folder, overrides), _display()), folder, report)


def _on_devices(config: Config, asked: Sequence[str]) -> Config:
    """Return a run's configuration with the devices that the last of these arguments asks for, if any does.

    Raises:
        InputError: If the run does not train in several processes, or there are no such devices.
    """
    if not asked:
        return config
    written = asked[-1].partition("=")[2]
    value = read_value(written)
    if "devices" not in type(config.hardware).model_fields:
        raise InputError(DEVICES, written, f"this run trains on hardware={config.hardware.name}, one device")
    hardware = checked("hardware", type(config.hardware), {**config.hardware.model_dump(), "devices": value})
    return replace(config, hardware=hardware)


def _objective(train: Callable[[], Result], folder: Path, report: Callable[[Exception], float]) -> float:
    """Return the validation accuracy of the target network at the end of a training, or what a failure is reported as.

    Args:
        train: Trains a run to its end.
        folder: Where its record goes.
        report: Takes an error.

    Raises:
        KeyboardInterrupt: If the run was interrupted, so that a multirun ends with it.
    """
    try:
        result = train()
    except Exception as error:  # whatever it is, a multirun goes on
        value = report(error)
        if failed_by_machine(error) and holds_run(folder):
            print_continuing(folder)
        return value
    if result.summary["status"] == "interrupted":
        print_continuing(folder)
        raise KeyboardInterrupt
    return result.objective


def _say(error: Exception, typed: Mapping[str, str]) -> int:
    """Return the exit code of an error after printing its one line, with every argument as it was typed."""
    line, code = explain(error, list(typed))
    for argument, written in typed.items():
        line = line.replace(argument, written)
    print(f"homotopy-train: {line}", file=sys.stderr, flush=True)
    return code


def _check(arguments: Sequence[str]) -> AbstractContextManager[object]:
    """Return the lock of the folder of a single run, checked and locked before Hydra writes its files there.

    A folder that is named by the time needs none.

    Raises:
        InputError: If it cannot be run.
    """
    raw, folder, timed = compose_run(overrides_of(arguments), sources_of(arguments))
    config = validate(raw)
    for line in described(tuple(tree for tree in trees_of(config.include) if tree.origin.version is not None)):
        print(inert(line), flush=True)
    outputs = Path(config.paths.outputs)
    for key, path in (("paths.outputs", outputs), ("hydra.run.dir", folder)):
        if wrong := obstacle(path):
            raise InputError(key, path, f"{wrong}; {FOLDER}")
    refuse_occupied(folder, "hydra.run.dir")
    check_requirements(config)
    try:
        outputs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("paths.outputs", outputs, f"this cannot be made ({error.strerror}); {FOLDER}") from error
    if not os.access(outputs, os.W_OK | os.X_OK):
        raise InputError("paths.outputs", outputs, f"this cannot be written to; {FOLDER}")
    return nullcontext() if timed else own_new(folder, "hydra.run.dir")


def _display() -> Display:
    from rich.console import Console

    from homotopy_bench.tracking.display import display

    return display(Console())
