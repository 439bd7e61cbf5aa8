"""Parse the arguments of the commands that do not go through Hydra."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from typing import Any, NoReturn

from homotopy_bench.core.credentials import refuse_arguments
from homotopy_bench.core.errors import WRONG_INPUT, InputError
from homotopy_bench.core.masking import masked


class OneLineParser(argparse.ArgumentParser):
    """Keep the lines of the help as they are written, refuse secrets, and report an error in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.add_argument("--version", action="version", version=f"homotopy-bench {version('homotopy-bench')}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return what argparse does, after a look for secrets; every other way of parsing calls this one."""
        try:
            refuse_arguments(sys.argv[1:] if args is None else args)
        except InputError as error:
            self.error(str(error))
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End the process with the line and the exit code of a wrong input."""
        self.exit(WRONG_INPUT, f"{self.prog}: {masked(message)}\n")
