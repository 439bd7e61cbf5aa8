"""Set up all tests: a data folder of their own, one thread, and checked shapes."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

SHAPES_CHECKED = ["homotopy_bench.curvature", "homotopy_bench.ensemble", "homotopy_bench.training"]
"""Packages whose tensor shapes ``make shapes`` checks at every call, which makes a step three times as long."""

if "HOMOTOPY_BENCH_SHAPES" in os.environ:  # before the first import of any of them
    install_import_hook(SHAPES_CHECKED, "beartype.beartype")

from tests.blank_curves import DRAWN_BY_RUNS, draw_blank  # noqa: E402  # after the hook, like all that imports the package
from tests.cases import ON_REAL_DATA  # noqa: E402
from tests.package_files import read_once  # noqa: E402

read_once()


@pytest.fixture(scope="session", autouse=True)
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let HOMOTOPY_BENCH_DATA point to a folder of this session, with the real data sets linked in where they exist.

    All workers share it, so that what is generated is generated once.
    """
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "data"
    root.mkdir(exist_ok=True)
    given = os.environ.get("HOMOTOPY_BENCH_DATA")
    for name in ("mnist", "cifar-10-batches-bin", "text"):
        if given and (Path(given) / name).is_dir():
            with suppress(FileExistsError):  # by another worker
                (root / name).symlink_to(Path(given).resolve() / name)
    os.environ["HOMOTOPY_BENCH_DATA"] = str(root)
    yield root
    if given is None:
        del os.environ["HOMOTOPY_BENCH_DATA"]
    else:
        os.environ["HOMOTOPY_BENCH_DATA"] = given


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of cases on real data, and those with the fixture ``real``, as ``data``."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        on_real = any(isinstance(value, str) and value in ON_REAL_DATA for value in values)
        if on_real or "real" in item.fixturenames:
            item.add_marker(pytest.mark.data)


def pytest_collection_finish() -> None:
    """Keep what is loaded out of every later garbage collection: it stays until the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two workers on two cores: more threads would only wait for each other, and bitwise claims are made for one."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def blank_curves() -> Iterator[None]:
    """Let runs leave an empty picture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DRAWN_BY_RUNS, draw_blank)
        yield


@pytest.fixture
def real_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runs of a test draw their curves."""
    from homotopy_bench.tracking.curves import draw_curves

    monkeypatch.setattr(DRAWN_BY_RUNS, draw_curves)
