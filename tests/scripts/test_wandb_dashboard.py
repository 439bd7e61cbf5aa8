"""The dashboard of W&B is built without a network, of documented keys alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.loggers.base import flat
from tests.loggers.test_loggers import documented

SCRIPT = Path(__file__).parents[2] / "scripts" / "wandb_dashboard.py"


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    # In a process of its own: the package that builds it has validators in the style of pydantic 1, and says so.
    command = [sys.executable, str(SCRIPT), "--entity", "me", "--project", "mine"]
    content: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return content


def texts(content: Any) -> Iterator[str]:
    """Every text anywhere in a nested value; the specifications keep some of their parts as JSON in texts."""
    if isinstance(content, dict):
        for value in content.values():
            yield from texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from texts(value)
    elif isinstance(content, str):
        yield content


def panels(content: Any) -> Iterator[dict[str, Any]]:
    """Every panel anywhere in a specification."""
    if isinstance(content, dict):
        if "viewType" in content and "config" in content:
            yield content
        for value in content.values():
            yield from panels(value)
    elif isinstance(content, list):
        for value in content:
            yield from panels(value)


def configured() -> set[str]:
    """Dotted keys of configurations."""
    assert "method" in {field.name for field in fields(Config)}
    return {key for key, _ in flat(compose("logger=none").to_dict())}


@pytest.mark.parametrize("name", ["workspace", "report"])
def test_the_panels_show_documented_keys_alone(name: str, built: dict[str, Any]) -> None:
    found = list(panels(built[name]))
    kinds = {panel["viewType"] for panel in found}
    assert {"Run History Line Plot", "Bar Chart", "Parallel Coordinates Plot", "Scatter Plot"} <= kinds
    keys = {key for panel in found for key in keys_of(panel["config"])}
    assert len(keys) > 10
    assert {"val_acc_path", "t", "final/test_acc_target"} <= keys
    assert sorted(keys - set(documented("## Keys in W&B")) - configured()) == []


def keys_of(config: dict[str, Any]) -> Iterator[str]:
    """The keys that a panel reads."""
    yield from config.get("metrics", [])
    for entry in ("xAxis", "yAxis", "zAxis"):
        if isinstance(config.get(entry), str):
            yield bare(config[entry])
    for column in config.get("columns", []):
        yield bare(column["accessor"])
    if isinstance(config.get("groupBy"), str):
        yield bare(config["groupBy"])


def bare(accessor: str) -> str:
    """A key without the prefix of its kind, and without the ``value`` that W&B puts into configurations."""
    kind, colon, key = accessor.partition(":")
    return (key if colon else kind).replace(".value", "", 1)


def test_paths_are_drawn_over_t(built: dict[str, Any]) -> None:
    over_t = [panel["config"] for panel in panels(built["report"]) if panel["config"].get("xAxis") == "t"]
    assert {key for config in over_t for key in config["metrics"]} >= {"val_acc_path", "val_acc_target", "train_loss"}


def test_it_is_built_for_the_project_asked_for(built: dict[str, Any]) -> None:
    assert {"me", "mine"} <= set(texts(built))
