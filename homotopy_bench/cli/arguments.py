"""Tell flags from overrides, wherever they stand on the command line of ``homotopy-train``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from homotopy_bench.config.mapping import Sources
from homotopy_bench.core.errors import ArgumentError, nearest

FLAGS: dict[str, tuple[str, ...] | None] = {
    "--help": None,
    "-h": None,
    "--version": None,
    "--multirun": None,
    "-m": None,
    "--run": None,
    "-r": None,
    "--cfg": ("job", "hydra", "all"),
    "-c": ("job", "hydra", "all"),
    "--resolve": None,
    "--package": (),
    "-p": (),
    "--hydra-help": None,
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "-i": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    "--shell-completion": None,
    "-sc": None,
    "--config-path": (),
    "-cp": (),
    "--config-name": (),
    "-cn": (),
    "--config-dir": (),
    "-cd": (),
    "--experimental-rerun": (),
}
"""Flag of Hydra -> the values it takes: None for none, empty for any text."""

ALONE = ("--info", "-i")
"""Flags that may also stand without their value."""

MODES = {"-r": "--run", "-m": "--multirun", "-c": "--cfg", "-i": "--info", "-sc": "--shell-completion"}
"""Flags, short and long, of which Hydra takes one."""


PRINTING = {"--cfg", "-c", "--info", "-i"}
"""Flags with which Hydra prints a configuration and runs nothing."""

SOURCES = {
    "--config-path": "path",
    "-cp": "path",
    "--config-name": "name",
    "-cn": "name",
    "--config-dir": "more",
    "-cd": "more",
}
"""Flags that say where the configuration lies -> the attribute of :class:`Sources`."""

SINGLE = {"--run", "-r", *SOURCES}
"""Flags with which Hydra runs one job."""


def is_flag(argument: str) -> bool:
    """Return whether an argument is a flag, not an override."""
    return argument.startswith("-")


def overrides_of(ordered: Sequence[str]) -> list[str]:
    """Return the overrides among arguments that :func:`in_order` returned, without flags and their values.

    Example:
        >>> overrides_of(["--config-dir", "files", "-m", "seed=0,1"])
        ['seed=0,1']
    """
    found: list[str] = []
    before = ""
    for argument in ordered:
        taken = FLAGS.get(before)
        is_value = taken is not None and (argument in taken if before in ALONE else True)
        if not is_flag(argument) and not is_value:
            found.append(argument)
        before = argument
    return found


def sources_of(ordered: Sequence[str]) -> Sources:
    """Return where the configuration lies, of arguments that :func:`in_order` returned.

    Example:
        >>> sources_of(["-m", "--config-dir", "files", "seed=0,1"]).more
        'files'
    """
    found = pairwise(ordered)
    return Sources(**{SOURCES[flag]: value for flag, value in found if flag in SOURCES})


def is_single_run(ordered: Sequence[str]) -> bool:
    """Return whether Hydra will run exactly one job: no flag asks for a multirun, for help or for the configuration.

    Args:
        ordered: What :func:`in_order` returned.
    """
    return all(one in SINGLE for one in ordered if is_flag(one))


def in_order(arguments: Sequence[str]) -> list[str]:
    """Return flags with their values on one side and overrides on the other, which Hydra's parser understands.

    Raises:
        ArgumentError: At an unknown flag, a flag without a value or another flag that it needs, or two that do not
            go together.

    Example:
        >>> in_order(["seed=3", "--cfg", "job", "method=baseline"])
        ['seed=3', 'method=baseline', '--cfg', 'job']
        >>> in_order(["-m", "seed=0,1", "--config-name=config", "method=baseline"])
        ['-m', '--config-name', 'config', 'seed=0,1', 'method=baseline']
    """
    overrides: list[str] = []
    flags: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if not is_flag(argument):
            overrides.append(argument)
            continue
        name, equals, value = argument.partition("=")
        flag = _full(name, argument)
        taken = FLAGS[flag]
        flags.append(flag)
        if taken is None and equals:
            raise ArgumentError(argument, f"{flag} takes no value")
        if taken is None:
            continue
        if not equals:
            may_follow = bool(left) and not is_flag(left[0]) and (left[0] in taken if flag in ALONE else True)
            if not may_follow and flag in ALONE:
                continue
            value = left.pop(0) if may_follow else ""
        if not value or (taken and value not in taken):
            raise ArgumentError(f"{flag} {value}".rstrip(), f"accepted: {', '.join(taken) or 'a value behind it'}")
        flags.append(value)
    modes = {MODES.get(flag, flag) for flag in flags} & set(MODES.values())
    if len(modes) > 1:
        raise ArgumentError(" ".join(sorted(modes)), f"accepted: one of {', '.join(MODES.values())}")
    for flag in ("--resolve", "--package", "-p"):
        if flag in flags and {"--cfg", "-c", "--help", "-h", "--hydra-help"}.isdisjoint(flags):
            raise ArgumentError(flag, "accepted: together with --cfg job")
    # Behind --info without its value, Hydra would take an override for it.
    if arguments and is_flag(arguments[0]) and not (flags and flags[-1] in ALONE):
        return [*flags, *overrides]
    return [*overrides, *flags]


def _full(name: str, argument: str) -> str:
    """Return a flag that may be written as a beginning of itself.

    Raises:
        ArgumentError: If there is none, or more than one.
    """
    if name in FLAGS:
        return name
    begun = [flag for flag in FLAGS if name.startswith("--") and flag.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    accepted = "accepted: KEY=VALUE and GROUP=CHOICE without dashes, -m, --cfg job and what --help lists"
    raise ArgumentError(argument, f"no such option{nearest(name, FLAGS, cutoff=0.8)}; {accepted}")
