"""Set up all tests: a data folder of their own, one thread, and checked shapes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

SHAPES_CHECKED = ["homotopy_bench.curvature", "homotopy_bench.ensemble", "homotopy_bench.training"]
"""Packages whose tensor shapes are checked at every call; before the first import of any of them."""

install_import_hook(SHAPES_CHECKED, "beartype.beartype")


@pytest.fixture(scope="session", autouse=True)
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let HOMOTOPY_BENCH_DATA point to a folder of this session, with the real data sets linked in where they exist."""
    root = tmp_path_factory.mktemp("data")
    given = os.environ.get("HOMOTOPY_BENCH_DATA")
    for name in ("mnist", "cifar-10-batches-bin"):
        if given and (Path(given) / name).is_dir():
            (root / name).symlink_to(Path(given).resolve() / name)
    os.environ["HOMOTOPY_BENCH_DATA"] = str(root)
    yield root
    if given is None:
        del os.environ["HOMOTOPY_BENCH_DATA"]
    else:
        os.environ["HOMOTOPY_BENCH_DATA"] = given


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two workers on two cores: more threads would only wait for each other, and bitwise claims are made for one."""
    import torch

    torch.set_num_threads(1)
