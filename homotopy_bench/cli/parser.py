"""Parse the arguments of the commands that do not go through Hydra."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from typing import Any, NoReturn

from homotopy_bench.core.errors import WRONG_INPUT
from homotopy_bench.core.inert import inert


class OneLineParser(argparse.ArgumentParser):
    """Keep the lines of the help as they are written, and report an error in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.add_argument("--version", action="version", version=f"homotopy-bench {version('homotopy-bench')}")

    def error(self, message: str) -> NoReturn:
        """End the process with the line and the exit code of a wrong input."""
        self.exit(WRONG_INPUT, f"{self.prog}: {inert(message)}\n")
