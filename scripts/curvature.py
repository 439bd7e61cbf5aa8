"""Studies of learning rates that follow the measured curvature: docs/results/curvature_*.

    python scripts/curvature.py forms|rates|estimators [--markdown docs/results/curvature_forms.md]

Everything done is kept below --outputs/STUDY and not done again; a picture is written beside the page. --seeds and
overrides make a smaller study, for instance `forms dataset.subset=1000 training.epochs=1 --seeds 1`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from homotopy_bench.core.files import write_atomically

STUDIES = ("forms", "rates", "estimators")


def main() -> int:
    """Carry out a study, and write its page and its picture.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--outputs", type=Path, default=Path("outputs/curvature"), help="where runs are kept")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: OUTPUTS/STUDY/page.md")
    parser.add_argument("--processes", type=int, default=2, help="trainings side by side, a thread each (default 2)")
    parser.add_argument("--seeds", type=int, help="runs of each row (default 5; estimators 1)")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every training of the study")
    arguments = parser.parse_intermixed_args()
    for key in ("processes", "seeds"):
        value = getattr(arguments, key)
        if value is not None and value < 1:
            parser.error(f"--{key} {value}; accepted: an integer >= 1")
    study = importlib.import_module(f"reproductions.curvature_{arguments.study}")
    folder = arguments.outputs / arguments.study
    file = arguments.markdown or folder / "page.md"
    command = "python scripts/curvature.py " + " ".join(sys.argv[1:])
    results = study.carry_out(folder, arguments.seeds or study.SEEDS, arguments.processes, tuple(arguments.overrides))
    picture = file.with_suffix(".png")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(picture, study.draw(results))
    page = study.render(results, picture.name, command)
    write_atomically(file, page.encode())
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
