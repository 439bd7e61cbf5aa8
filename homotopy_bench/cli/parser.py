"""Parse the arguments of the commands that do not go through Hydra."""

from __future__ import annotations

import argparse
import re
import sys
from importlib.metadata import version
from typing import Any, NoReturn

from homotopy_bench.core.credentials import refuse_arguments
from homotopy_bench.core.errors import WRONG_INPUT, InputError, nearest
from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import masked

_KINDS = {"int": "an integer", "float": "a number", "Path": "the name of a file or folder"}

_ARGPARSE_SAYS: tuple[tuple[str, str], ...] = (
    (r"argument (?P<key>.+?): invalid (?P<kind>\w+) value: '(?P<value>.*)'", "{key}={value}: accepted: {kind}"),
    (
        r"argument (?P<key>.+?): invalid choice: '(?P<value>.*)' \(choose from (?P<choices>.*)\)",
        "{key}={value}: accepted: {choices}{nearest}",
    ),
    (r"argument (?P<key>.+?): expected one argument", "{key}: accepted: one value behind it"),
    (r"argument (?P<key>.+?): expected (?P<count>.+) arguments?", "{key}: accepted: {count} of its values behind it"),
    (r"argument (?P<key>.+?): ignored explicit argument '(?P<value>.*)'", "{key}={value}: accepted: {key} alone"),
    (r"ambiguous option: (?P<value>\S+) could match (?P<choices>.*)", "{value}: accepted: {choices}"),
    (r"unrecognized arguments: (?P<value>.*)", "{value}: no such argument; accepted: what --help lists{nearest}"),
    (r"the following arguments are required: (?P<value>.*)", "{value}: accepted: a value; --help shows examples"),
)
"""Complaints of argparse, and what is said instead."""


class OneLineParser(argparse.ArgumentParser):
    """Keep the lines of the help as they are written, refuse secrets, and report an error in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.add_argument("--version", action="version", version=f"homotopy-bench {version('homotopy-bench')}")
        # That of Python 3.11 takes -1e-3 for an option.
        self._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$", re.IGNORECASE)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what argparse does, after a look for secrets."""
        self._refuse_secrets(args)
        return super().parse_known_args(args, namespace)

    def parse_known_intermixed_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what argparse does, after a look for secrets; that of Python 3.13 does not call the one above."""
        self._refuse_secrets(args)
        return super().parse_known_intermixed_args(args, namespace)

    def _refuse_secrets(self, args: Any) -> None:
        try:
            refuse_arguments(sys.argv[1:] if args is None else args)
        except InputError as error:
            self.error(str(error))

    def error(self, message: str) -> NoReturn:
        """End the process with the line and the exit code of a wrong input."""
        self.exit(WRONG_INPUT, f"{self.prog.split()[0]}: {inert(masked(self._worded(' '.join(message.split()))))}\n")

    def _worded(self, message: str) -> str:
        for pattern, wording in _ARGPARSE_SAYS:
            if found := re.fullmatch(pattern, message):
                parts = found.groupdict()
                choices = parts.get("choices", "").replace("'", "")
                known = choices.split(", ") if choices else [name for a in self._actions for name in a.option_strings]
                hint = nearest(parts.get("value", "").partition("=")[0], known)
                parts |= {"choices": choices, "nearest": hint}
                return wording.format(**{**parts, "kind": _KINDS.get(parts.get("kind", ""), parts.get("kind", ""))})
        return message
