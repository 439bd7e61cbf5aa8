"""``homotopy-export RUN_DIR --format NAME``: trained networks as files of other programs.

Nothing but argparse is imported before the arguments are known to be good.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.output_files import check_output, write_output
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.inert import inert
from homotopy_bench.results.formats import NAMES, export_format

_DESCRIPTION = """\
Write the trained target network (t = 1) of a completed run as a file of another
program: safetensors (the tensors by name), onnx (needs the extra [onnx]) or
torch (a program of torch.export). The file is read back, and its logits on test
samples are compared with the network's, before it appears.
"""

_EPILOG = """\
examples:
  homotopy-export outputs/DATE/TIME --format onnx
  homotopy-export outputs/DATE/TIME --format torch --output network.pt2
  homotopy-export outputs/multirun/DATE/TIME --format safetensors --parameters best

The file is network.safetensors, network.onnx or network.pt2 in the run's folder,
network-best.* with --parameters best. Of a multirun every run gets one; runs that
have not completed are named and left out. A batch may have any number of samples.
Exit code: 0, 2 where an input cannot be used, or 1 for a failure.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-export``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, or after one line on the standard error 2 for an input that cannot be used, 1 for a failure.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)

    def run() -> int:
        check_output("--output", options.output)
        _export(options)
        return 0

    return exit_code("homotopy-export", run, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-export", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("run", metavar="RUN_DIR", type=Path, help="a run, or a folder that holds some")
    parser.add_argument("--format", choices=NAMES, required=True, help="what to write")
    parser.add_argument("--output", metavar="FILE", type=Path, help="where, for a single run (see below)")
    parser.add_argument(
        "--parameters",
        choices=("last", "best"),
        default="last",
        help="of the end of training, or best on the validation split (default last)",
    )
    return parser


def _export(options: argparse.Namespace) -> None:
    from homotopy_bench.analysis.output import left_out_lines
    from homotopy_bench.results.export import export
    from homotopy_bench.results.trained import load_run

    loaded = load_run(options.run)
    if options.output is not None and len(loaded.members) > 1:
        accepted = f"is one file for {len(loaded.members)} runs; accepted: the folder of one run, or no --output"
        raise InputError("--output", options.output, accepted)
    form = export_format(options.format)
    name = f"network{'' if options.parameters == 'last' else '-best'}{form.suffix}"
    files = {member.folder: options.output or member.folder / name for member in loaded.members}
    for file in files.values():
        check_output("--output", file)
    # All before the first is written: a network that cannot be exported leaves no half of a multirun.
    exported = [export(member, form, options.parameters) for member in loaded.members]
    for line in left_out_lines(loaded.left_out):
        print(f"homotopy-export: {line}", file=sys.stderr, flush=True)
    for file, one in zip(files.values(), exported, strict=True):
        write_output("--output", file, one.content)
        logits = f"logits of {one.samples} test samples within {one.difference:.1e} (the largest is {one.largest:.3g})"
        print(inert(f"{file}: {len(one.content):,} bytes, {logits}"))


if __name__ == "__main__":
    sys.exit(main())
