"""Load once what every process of ``forks.py`` would load, and be one of these processes."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import runpy
import sys
import threading
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import homotopy_bench
from homotopy_bench import compose
from tests.blank_curves import draw_blank
from tests.package_files import read_once


def load() -> None:
    """Import every module of the package, and read its configuration; runs leave empty pictures."""
    importlib.import_module("torch._dynamo")  # by the first optimiser
    for found in pkgutil.walk_packages(homotopy_bench.__path__, "homotopy_bench."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    read_once()
    vars(importlib.import_module("homotopy_bench.runs.member"))["draw_curves"] = draw_blank
    compose()
    figure = Figure()
    figure.add_subplot().set_xscale("log")  # the parser of formulas in pictures is slow to make
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, all of this


def run(argv: tuple[str, ...], cwd: str, environment: Mapping[str, str], outputs: Sequence[str]) -> None:
    """Run a file of Python as a process of its own would: ``argv`` begins with its name."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in enumerate(outputs, start=1):
        file = os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.argv = list(argv)
    try:
        runpy.run_path(argv[0], run_name="__main__")
    finally:
        # As a process ends, where a child of multiprocessing would leave both out.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


if "pytest" not in sys.modules:  # the server of forks
    load()
