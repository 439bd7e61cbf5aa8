"""Lay out ``homotopy-train --help``: what :mod:`homotopy_bench.config.reference` says of groups, choices and keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from textwrap import wrap

from homotopy_bench.config.choices import Trees, choices_of
from homotopy_bench.config.reference import (
    ABOUT,
    Choice,
    Key,
    choices,
    default_choices,
    first_sentence,
    heading,
    path_keys,
    run_keys,
)
from homotopy_bench.core.errors import ArgumentError, nearest
from homotopy_bench.sweeps.reference import LAUNCHER, SWEEPER, launchers, search_space, sweepers

WIDTH = 100
"""Columns of the help."""

COLUMN = 36
"""Where the line about a key begins."""

UNBROKEN = "\x00"
"""Stands for a space at which no line is broken."""

LONGEST = 130
"""Characters of a line about an experiment, beyond which its details are left to its file."""

HEAD = """\
homotopy-train: train a deep network by homotopy, or by a strong baseline, and record every run.

Usage:
  homotopy-train [GROUP=CHOICE ...] [KEY=VALUE ...]         one run
  homotopy-train -m GROUP=CHOICE,CHOICE KEY=VALUE,VALUE     a multirun: every combination
  homotopy-train resume=FOLDER                              continue a run or a multirun
  homotopy-train include=FOLDER[,FOLDER] ...                with choices of your own
  homotopy-train GROUP[=CHOICE] --help                      only that group or choice, or KEY

Examples:
  homotopy-train                                            identity homotopy on MNIST-1D
  homotopy-train method=baseline seed=3
  homotopy-train -m method=baseline,identity_homotopy 'seed=range(5)'
  homotopy-train -m sweep=lr method=baseline                a study: learning rates by Optuna
  homotopy-train resume=outputs/DATE/TIME                   continue an interrupted run
  homotopy-report outputs                                   the table of all runs in a folder

Options, anywhere among the rest:
  -m, --multirun     run every combination of the values with commas
  -h, --help         this help            --cfg job      print the configuration, run nothing
  --version          the version          --hydra-help   Hydra's own options

Tab completion: eval "$(homotopy-train -sc install=bash)"; also zsh and fish
HYDRA_FULL_ERROR=1 shows the traceback of an error.
"""

MANY = """\
== Multiruns, studies, resuming ==

  -m                       every combination of the values with commas; one folder holds them all:
                           outputs/multirun/DATE/TIME
  hydra/launcher=NAME      where the jobs of a multirun run: this process, processes, Slurm, Ray
  -m sweep=SPACE           a study with a search space: Optuna chooses the trials; the same command
                           continues it, and its best.yaml is taken by experiment=FILE.yaml
  resume=FOLDER            continue the run, or all unfinished runs of the multirun, that a folder
                           holds, with the settings it was begun with; of a run in several processes
                           also hardware.devices=N, and nothing else
"""

FOOT = """\
A key or a choice that does not exist, or a value out of range, ends the command with one line that
says what is accepted. homotopy-train --help | less shows this from its beginning.
"""


def help_text(arguments: Sequence[str], trees: Trees = ()) -> str:
    """Return the help.

    Args:
        trees: What the command line includes.
        arguments: What else the command line has: ``GROUP``, ``GROUP=CHOICE`` and ``KEY`` narrow the help to them;
            ``KEY=VALUE`` changes nothing.

    Raises:
        ArgumentError: If there is no such group, choice or key.
    """
    topics: list[str] = []
    for argument in arguments:
        name, equals, names = argument.lstrip("+").partition("=")
        if name in _CHOICES:
            topics += _options(name, names, trees)
        elif name in ("experiment", "sweep"):
            topics += _files(name, names, trees)
        elif not equals:
            topics += _named(name, trees)
    whole = [HEAD.splitlines(), [""], _groups(trees), MANY.splitlines(), [""], _all_keys(trees), FOOT.splitlines()]
    lines = topics or [line for part in whole for line in part]
    return "\n".join(lines).rstrip() + "\n"


_CHOICES: dict[str, Callable[[Trees], list[Choice]]] = {
    **{group: partial(choices, group) for group in ABOUT},
    LAUNCHER: lambda _: launchers(),
    SWEEPER: lambda _: sweepers(),
}
"""Group -> its choices with their keys, also those of included trees."""

_SHORT = {
    "paths": "The folders of data sets and records.",
    LAUNCHER: "Where the jobs of a multirun run.",
    SWEEPER: "Which jobs a multirun has.",
    "sweep": "Search spaces of studies.",
    "experiment": "Whole settings under one name, or a file.",
}
"""What the groups decide that are not those of the typed options."""


def _groups(trees: Trees) -> Iterator[str]:
    """Yield every group, and every choice with a line."""
    chosen = default_choices()
    yield "== Groups: choose with GROUP=CHOICE =="
    yield ""
    yield "* is chosen by default."
    for group, about in {**ABOUT, **_SHORT}.items():
        yield ""
        yield from _hanging(group, about, indent=0, column=16)
        for name, line in _lines(group, trees):
            mark = "*" if chosen.get(group, "basic" if group == SWEEPER else "") == name else " "
            yield from _hanging(
                f"{mark} {name}", line.rstrip("."), indent=2, column=COLUMN if group == "experiment" else 26
            )
    yield ""


def _lines(group: str, trees: Trees) -> Iterable[tuple[str, str]]:
    """Return the choices of a group, each with a line."""
    if group in _CHOICES:
        return [(one.name, first_sentence(one.description).partition("; see ")[0]) for one in _CHOICES[group](trees)]
    if group == "paths":
        return [("default", "The folder outputs, and the user's cache folder for data.")]
    return [(name, _brief(heading(f"{group}/{name}.yaml", trees))) for name in choices_of(group, trees)]


def _brief(text: str) -> str:
    """Return the first sentence without sources and details."""
    bare = re.split(r"(?<=\.)\s(?=[A-Z])|; see |, which ", re.sub(r" \([^()]*\)", "", text))[0]
    return bare if len(bare) <= LONGEST else bare.partition(": ")[0]


def _all_keys(trees: Trees) -> Iterator[str]:
    yield "== Keys: override with KEY=VALUE =="
    yield ""
    yield "KEY=DEFAULT, a line, and in brackets what is accepted. Some methods come with values that were found"
    yield "for them with one optimiser: --cfg job prints the values of a command."
    yield ""
    yield from _keys(run_keys())
    yield ""
    yield from _keys(path_keys())
    yield ""
    for group in _CHOICES:
        alike: dict[tuple[Key, ...], list[str]] = {}
        for one in _CHOICES[group](trees):
            alike.setdefault(one.keys, []).append(one.name)
        for keys, names in alike.items():
            if keys:
                yield f"{group}={', '.join(names)}"
                yield from _keys(keys)
                yield ""


def _options(group: str, names: str, trees: Trees) -> Iterator[str]:
    """Yield a group, or some of its choices, with all keys."""
    found = {one.name: one for one in _CHOICES[group](trees)}
    for name in _asked(group, names, list(found)):
        one = found[name]
        yield f"{group}={name}"
        yield from ("  " + line for line in wrap(one.description, WIDTH - 2))
        if one.overrides:
            yield f"  Chooses {', '.join(one.overrides)}."
        yield from _keys(one.keys)
        yield ""


def _files(group: str, names: str, trees: Trees) -> Iterator[str]:
    """Yield experiments or search spaces, or some of them, with all that their files say of themselves."""
    for name in _asked(group, names, choices_of(group, trees)):
        yield f"{group}={name}"
        yield from ("  " + line for line in wrap(heading(f"{group}/{name}.yaml", trees), WIDTH - 2))
        for sought in search_space(name, trees) if group == "sweep" else ():
            yield f"  {sought.key}={sought.values}{f'  where {sought.when}' if sought.when else ''}"
        yield ""
    if group == "experiment":
        yield "homotopy-train experiment=NAME --cfg job prints all values."


def _asked(group: str, names: str, found: Sequence[str]) -> Sequence[str]:
    """Return the choices that are named behind ``GROUP=``, or all.

    Raises:
        ArgumentError: If there is no such choice.
    """
    asked = names.strip("[]").split(",") if names else found
    for name in asked:
        if name not in found:
            raise ArgumentError(f"{group}={name}", f"accepted: {', '.join(found)}{nearest(name, found)}")
    return asked


def _named(name: str, trees: Trees) -> Iterator[str]:
    """Yield the keys of that name or in the section of that name, each with the choice that has it.

    Raises:
        ArgumentError: If there are none.
    """
    known = [*_CHOICES, "experiment", "sweep"]
    parts = [("", run_keys()), ("", path_keys())]
    parts += [(f"{group}={one.name}", list(one.keys)) for group in _CHOICES for one in _CHOICES[group](trees)]
    none = True
    for title, keys in parts:
        known += [key.name for key in keys]
        if chosen := [key for key in keys if key.name == name or key.name.startswith(f"{name}.")]:
            none = False
            yield from [title] if title else []
            yield from _keys(chosen)
            yield ""
    if none:
        hint = nearest(name, known) or "; homotopy-train --help lists them"
        raise ArgumentError(name, f"no such group or key{hint}")


def _keys(keys: Iterable[Key]) -> Iterator[str]:
    for key in keys:
        accepted = f"[{key.accepted}]"
        if len(accepted) <= WIDTH - COLUMN:
            accepted = accepted.replace(" ", UNBROKEN)
        line = f"{key.description.rstrip('.')} {accepted}"
        yield from (
            part.replace(UNBROKEN, " ") for part in _hanging(f"{key.name}={key.default}", line, indent=2, column=COLUMN)
        )


def _hanging(name: str, line: str, *, indent: int, column: int) -> Iterator[str]:
    """Yield a name and what is said of it in a column beside it, or below a name that is too long."""
    said = wrap(line, WIDTH - column, break_on_hyphens=False)
    name = " " * indent + name
    if len(name) + 2 > column:
        yield name
    else:
        yield f"{name:<{column}}{said.pop(0) if said else ''}".rstrip()
    yield from (" " * column + rest for rest in said)
