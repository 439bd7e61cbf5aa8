"""The arguments of the commands that do not go through Hydra."""

from __future__ import annotations

import argparse
from typing import NoReturn

from homotopy_bench.core.errors import WRONG_INPUT


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """End the process with the line and the exit code of a wrong input."""
        self.exit(WRONG_INPUT, f"{self.prog}: {message}\n")
