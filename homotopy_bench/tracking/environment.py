"""Describe where a run was made: versions, machine and command, so that it can be made again."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from homotopy_bench.config.compose import arguments_as_typed
from homotopy_bench.core.masking import masked_arguments

PACKAGES = ("torch", "numpy", "hydra-core", "omegaconf", "mnist1d")


def look_up() -> None:
    """Read versions and processor while files can be opened; a run that ends for want of handles says them too."""
    code_version()
    _versions()
    _processor()


def environment(device: str, threads: int) -> dict[str, object]:
    """Return the machine and the software, with the name of the device that computed and PyTorch's host threads."""
    return {
        "python": platform.python_version(),
        **_versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": device,
    }


def command_line() -> str:
    """Return the command that started this process as it was typed, the program by its name alone."""
    program = Path(sys.argv[0])
    name = "python -m homotopy_bench" if program.name == "__main__.py" else program.name
    typed = arguments_as_typed(sys.argv[1:])
    return " ".join([name, *(shlex.quote(argument) for argument in masked_arguments(typed))])


@cache
def code_version() -> str:
    """Return the package's version, with the commit where it runs from a checkout of its own repository.

    It is that of the first call: what a process runs was loaded about then.
    """
    version = importlib.metadata.version("homotopy-bench")
    root = Path(__file__).parent.parent.parent
    if not (root / ".git").exists() or not (root / "conf").is_dir():
        return version
    try:
        describe = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
        commit = subprocess.run(describe, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version
    return f"{version}+{commit}"


@cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in PACKAGES}


@cache
def _processor() -> str:
    with suppress(OSError):  # elsewhere than on Linux the standard library knows the name
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
