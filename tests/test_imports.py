"""The order of the rooms is kept by import-linter (``make lint``); files form no circle either."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

PACKAGES = ("homotopy_bench", "hydra_plugins.homotopy_bench")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """The imports of all files, those inside of functions and for type checking among them."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def circle(imports: dict[str, set[str]]) -> list[str] | None:
    """Return modules that import each other in a circle, None where there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return None


def test_no_file_is_part_of_a_circle_of_imports(graph: grimp.ImportGraph) -> None:
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert circle(imports) is None
    # The same graph with one import turned round has a circle, and the search finds it.
    lower = "homotopy_bench.core.errors"
    assert circle({**imports, lower: {"homotopy_bench.config.schema"}}) is not None


def test_the_top_of_the_package_holds_rooms_only(graph: grimp.ImportGraph) -> None:
    loose = {module for module in graph.find_children("homotopy_bench") if not graph.find_children(module)}
    assert loose == {"homotopy_bench.__main__"}


def test_nothing_imports_the_top_of_the_package(graph: grimp.ImportGraph) -> None:
    """Its names lead up to runs and config: whoever imports them from there goes round the order of the rooms."""
    assert not graph.find_modules_that_directly_import("homotopy_bench")
