"""``homotopy-precision RUN_DIR|OVERRIDES``: how many bits a network's parameters need.

Nothing but argparse is imported before the arguments are known to be good, and torch only once the configuration is.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.output_files import check_output, write_output
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.errors import InputError

if TYPE_CHECKING:
    from homotopy_bench.config.schema import Config

SAMPLES = 2000
EPS = 1e-6

_DESCRIPTION = """\
Measure the gradient, the Hessian and the size of a network's parameters, and
print how many significant bits the parameters need: by the published bound, by
three corrected ones, and with --validate by rounding them. The network is that of
a run's last checkpoint, or the one that overrides describe, before its first
step; always the target network (t = 1), in evaluation mode and float64.
"""

_EPILOG = """\
examples:
  homotopy-precision outputs/DATE/TIME --eps 1e-3 --validate
  homotopy-precision method=baseline model.depth=2 seed=3

eps is the tolerated relative error of the gradient and the tolerated absolute
error of the loss.
Exit code: 0, 2 where an input cannot be used, or 1 for a failure.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-precision``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, or after one line on the standard error 2 for an input that cannot be used, 1 for a failure.
    """
    options = _parser().parse_intermixed_args(argv)

    def run() -> int:
        _check(options)
        _measure(options)
        return 0

    return exit_code("homotopy-precision", run, options.network)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-precision", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "network", metavar="RUN_DIR|OVERRIDE", nargs="*", help="the folder of a run, or overrides as of homotopy-train"
    )
    parser.add_argument("--eps", metavar="EPS", type=float, default=EPS, help=f"the accuracy (default {EPS:g})")
    parser.add_argument("--validate", action="store_true", help="round the parameters and see, beside the bounds")
    parser.add_argument(
        "--split", choices=("train", "validation", "test"), default="train", help="where to measure (default train)"
    )
    parser.add_argument(
        "--samples",
        metavar="N",
        type=int,
        default=SAMPLES,
        help=f"the first N samples of the split (default {SAMPLES}); all their activations are kept in memory",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all figures as JSON")
    return parser


def _check(options: argparse.Namespace) -> None:
    if not 0.0 < options.eps < math.inf:
        raise InputError("--eps", options.eps, "accepted: a finite number > 0")
    if options.samples < 1:
        raise InputError("--samples", options.samples, "accepted: an integer >= 1")
    if not options.network:
        accepted = "accepted: the folder of a run, or overrides such as method=baseline"
        raise InputError("RUN_DIR|OVERRIDE", "(missing)", accepted)
    check_output("--json", options.json)


def _measure(options: argparse.Namespace) -> None:
    from homotopy_bench.config.compose import compose
    from homotopy_bench.config.including import split_include
    from homotopy_bench.runs.requirements import check_machine

    folder = _folder(options.network)
    included, overrides = split_include(options.network)
    config = _of_folder(folder) if folder is not None else compose(*overrides, include=included)
    check_machine(config)
    if config.dataset.published():
        config.dataset.fetch(config.paths.data_root())

    import torch

    from homotopy_bench.precision.measurement import measure
    from homotopy_bench.precision.output import to_json, to_text
    from homotopy_bench.runs.target_network import at_initialization, of_run

    torch.set_num_threads(config.hardware.threads)
    target = at_initialization(config) if folder is None else of_run(config, folder)
    split = getattr(target.splits, options.split)
    x, y = (torch.from_numpy(values[: options.samples]) for values in (split.x, split.y))
    which = {"train": "training"}.get(options.split, options.split)
    on = f"first {len(y)} samples of the {which} split, mean cross-entropy, evaluation mode, float64"
    measurement = measure(
        target.network,
        x,
        y,
        options.eps,
        batch_size=config.training.batch_size,
        validate=options.validate,
        words=(target.where, on),
    )
    write_output("--json", options.json, to_json(measurement).encode())
    print(to_text(measurement), end="")


def _folder(words: Sequence[str]) -> Path | None:
    """Return the run's folder, if that is what is given; folders of a multirun have names like overrides."""
    first = Path(words[0])
    if len(words) == 1 and (first.is_dir() or "=" not in words[0]) and words[0][:1] not in ("+", "~"):
        return first
    return None


def _of_folder(folder: Path) -> Config:
    from homotopy_bench.tracking.resumable import read_run

    try:
        config, _, _ = read_run(folder)
    except InputError as error:
        raise InputError("RUN_DIR", error.value, error.accepted) from error
    if not (folder / "checkpoint.pt").is_file():
        accepted = "this run has no checkpoint.pt yet; accepted: a run that has saved one"
        raise InputError("RUN_DIR", folder, accepted)
    config.lr_schedule.check_sources()
    return config


if __name__ == "__main__":
    sys.exit(main())
