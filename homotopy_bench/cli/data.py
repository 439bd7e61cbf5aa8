"""``homotopy-data fetch|check NAME``: bring the files of a data set, and say what is there.

Nothing heavy is imported before the arguments are known to be good.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.errors import WRONG_INPUT, InputError, nearest

if TYPE_CHECKING:
    from homotopy_bench.data.base import Dataset
    from homotopy_bench.data.published import FileCheck

_DESCRIPTION = """\
fetch brings what is missing: it downloads MNIST, CIFAR-10 and tiny Shakespeare,
and generates MNIST-1D. An interrupted download continues where it stopped.
check reads every file and compares its checksum with the published one.
"""

_EPILOG = """\
examples:
  homotopy-data fetch mnist
  homotopy-data check cifar10 --data /data

Exit code: 0, or 2 where a file is missing or cannot be used.
"""


OF_USERS = ("arrays", "text")
"""Data sets whose files are a user's own: there is nothing to bring."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-data``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, 2 where a file is missing or cannot be used, or 1 for a failure.
    """
    options = _parser().parse_args(argv)

    def run() -> int:
        dataset, root = _dataset(options.name), _root(options.data)
        if options.command == "fetch":
            dataset.fetch(root)
        return _tell(dataset.name, dataset.check(root), root)

    return exit_code("homotopy-data", run, [], "interrupted; the same command continues")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-data", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("command", choices=("fetch", "check"))
    parser.add_argument("name", metavar="NAME", help="the data set, as in dataset=NAME")
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="the data folder (default: HOMOTOPY_BENCH_DATA, else the user's cache folder)",
    )
    return parser


def _dataset(name: str) -> Dataset:
    from homotopy_bench.core.conf_files import choices_of
    from homotopy_bench.core.options import option_class
    from homotopy_bench.data.base import Dataset

    choices = [one for one in choices_of("dataset") if one not in OF_USERS]
    try:
        if name in OF_USERS:
            raise KeyError(name)
        dataset = option_class("dataset", name)()
    except KeyError:
        accepted = f"accepted: {', '.join(choices)}{nearest(name, choices)}"
        raise InputError("NAME", name, accepted) from None
    assert isinstance(dataset, Dataset)
    return dataset


def _root(given: str | None) -> Path:
    from homotopy_bench.config.schema import Paths
    from homotopy_bench.config.validation import checked

    folder = given if given is not None else os.environ.get("HOMOTOPY_BENCH_DATA")
    return checked("paths", Paths, {"data": folder, "outputs": "outputs"}).data_root()


def _tell(dataset: str, checks: Sequence[FileCheck], root: Path) -> int:
    """Return the exit code that goes with a data set's files, after printing a table of them."""
    width = max(len(check.path) for check in checks)
    print(f"{dataset} in {root}")
    for check in checks:
        size = "-" if check.size is None else f"{check.size:,}"
        official = {True: "official", False: "not official", None: "-"}[check.official]
        print(f"  {check.path:<{width}}  {size:>12}  {official:<12}  {check.problem or 'readable'}")
    unusable = [check for check in checks if check.problem is not None]
    if unusable:
        summary = f"{len(unusable)} of {len(checks)} files cannot be used"
        print(f"homotopy-data: {summary}; homotopy-data fetch {dataset} brings what is missing", file=sys.stderr)
        return WRONG_INPUT
    if differing := sum(check.official is False for check in checks):
        print(f"{differing} of {len(checks)} files are not the published ones: say so beside every figure.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
