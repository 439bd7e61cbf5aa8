"""The sweep a run belongs to, read from the folder it lies in."""

from __future__ import annotations

from pathlib import Path

import pytest

from homotopy_bench.tracking.origin import Origin, origin


@pytest.mark.parametrize(
    ("where", "sweeper", "expected"),
    [
        ("run", None, Origin(None, "train")),
        ("multirun/day/time/3", "{}", Origin("multirun/day/time", "train")),
        ("studies/mine/trials/3", "{study: mine}", Origin("mine", "trial")),
        ("multirun/day/time/3", "[", Origin("multirun/day/time", "train")),
        (
            "studies/x/trials/3",
            "{study: '${.space}-${method.name}', space: narrow}",
            Origin("narrow-baseline", "trial"),
        ),
        ("studies/x/trials/3", "{study: '${of.nothing}'}", Origin("x", "trial")),
    ],
)
def test_a_run_is_of_the_sweep_whose_folder_it_lies_in(
    where: str, sweeper: str | None, expected: Origin, tmp_path: Path
) -> None:
    folder = tmp_path / where
    folder.mkdir(parents=True)
    if sweeper is not None:
        sweep = folder.parents[1] if "trials" in where else folder.parent
        (sweep / "multirun.yaml").write_text(f"method: {{name: baseline}}\nhydra: {{sweeper: {sweeper}}}")
    assert origin(folder, tmp_path) == expected
