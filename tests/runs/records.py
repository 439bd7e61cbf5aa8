"""Comparing the records of runs that did the same steps in ensembles of different sizes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch

from homotopy_bench.tracking.record import read_metrics


def shown(value: object) -> object:
    """A part of a record without what is a process's own: its clock, its memory, its name for the run."""
    clock = {"train_seconds", "eval_seconds", "peak_memory_mb", "samples_per_second", "members_per_second"}
    left_out = {*clock, "command", "environment", "metrics_bytes"}
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items() if key not in left_out}
    return [shown(item) for item in value] if isinstance(value, list) else value


def assert_close(a: object, b: object, where: str = "") -> None:
    """Fail unless two records have the same keys, and the same values up to rounding."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        assert list(a) == list(b), where
        for key in a:
            assert_close(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list) and isinstance(b, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_close(x, y, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        assert a.dtype == b.dtype, where
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True), where
    elif isinstance(a, float) and isinstance(b, float):
        assert math.isclose(a, b, rel_tol=1e-10, abs_tol=1e-12), f"{where}: {a} and {b}"
    else:
        assert a == b, where


def assert_same_record(folder: Path, reference: Path) -> None:
    names = [sorted(str(path.relative_to(f)) for path in f.rglob("*")) for f in (folder, reference)]
    assert names[0] == names[1]
    lines, expected = (read_metrics(f / "metrics.jsonl") for f in (folder, reference))
    assert_close(shown(lines), shown(expected))
    for line, other in zip(lines, expected, strict=True):  # within an epoch or two, nothing has grown yet
        assert math.isclose(line["train_loss"], other["train_loss"], rel_tol=1e-12 if line["step"] <= 20 else 1e-10)
    ends, expected_end = (json.loads((f / "summary.json").read_text()) for f in (folder, reference))
    assert_close(shown(ends), shown(expected_end))
    if (folder / "checkpoint.pt").exists():
        saved, expected_state = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (folder, reference))
        assert_close(shown(saved), shown(expected_state))
