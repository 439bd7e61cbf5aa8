"""Measurements in the folder of a run, written by several processes."""

from __future__ import annotations

from pathlib import Path

from homotopy_bench.tracking.kept_measurements import KeptMeasurements


def test_what_two_have_measured_is_kept(tmp_path: Path) -> None:
    first, second = KeptMeasurements(tmp_path), KeptMeasurements(tmp_path)
    for kept, value in ((first, 1.0), (second, 2.0)):
        kept.put({"metric": f"of {value}"}, {"value": value})
        kept.put({"metric": "of both"}, {"value": value})
        kept.write()
    found = KeptMeasurements(tmp_path)
    assert [found.get({"metric": name}) for name in ("of 1.0", "of 2.0", "of both")] == [
        {"value": 1.0}, {"value": 2.0}, {"value": 2.0},
    ]  # fmt: skip
    assert second.get({"metric": "of 1.0"}) == {"value": 1.0}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landscape.json"]
