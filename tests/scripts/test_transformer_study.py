"""The page of the study of transformers says what its records say; the rows compose."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from reproductions import transformer
from reproductions.trained import Row

from tests.composing import compose


def record(folder: Path, loss: float | None, spikes: int) -> Path:
    folder.mkdir(parents=True)
    summary = {
        "status": "completed" if loss is not None else "diverged",
        "final": {"val_loss": loss},
        "stability": {"loss_spikes": spikes},
        "environment": {"torch": "2"},
        "code_version": "1",
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "train_loss": 2.0, "lr": 0.1}\n')
    return folder


def test_every_row_composes_into_a_run_of_its_own() -> None:
    configs = [compose(*row.overrides) for row in transformer.rows().values()]
    assert len({config.hash() for config in configs}) == len(configs) == 2 * 2 * 4 * 4 + 4 * 2
    for name, row in transformer.rows().items():
        if not name.startswith("skipless"):
            _, norm, rule, rate = name.split("/")
            config = compose(*row.overrides)
            assert (config.model.model_dump()["norm"], config.optimizer.lr) == (norm, float(rate))
            assert config.lr_schedule.name == {"no warm-up": "constant", "linear warm-up": "linear_warmup"}.get(
                rule, "curvature"
            )
            assert config.training.clip_norm is None


def test_the_page_says_what_the_records_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(rows: Mapping[str, Row], folder: Path, _: Sequence[str]) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for name, row in rows.items():
            base = 2.0 + ("no warm-up" in name) + 0.5 * name.endswith("/1e-2")
            found[name] = [record(folder / name / str(seed), base + 0.01 * seed, seed) for seed in range(row.seeds)]
        return found

    monkeypatch.setattr(transformer, "trained", made)
    page = transformer.run(tmp_path, "make it", None, None, [])
    assert "| post | no warm-up | 3.010 +- 0.010 | 3.010 +- 0.010 | 3.010 +- 0.010 | 3.510 +- 0.010 |" in page
    assert "| pre | kappa | 1.0 spikes | 1.0 spikes | 1.0 spikes | 1.0 spikes |" in page
    assert "- post, no warm-up: best mean 3.010; within 0.050 nats of linear warm-up (2.010 at 1e-3) at no base" in page
    assert (
        "- pre, cap: best mean 2.010; within 0.050 nats of linear warm-up (2.010 at 1e-3) at 3e-4, 1e-3, 3e-3." in page
    )
    assert "- skip fades less usual block, both at their best rate: +0.000 +- 0.000 nats over 5 pairs." in page
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")
    part = transformer.run(tmp_path / "part", "make it", None, "vit/pre/cap", [])
    assert part.splitlines()[0] == "vit/pre/cap/3e-4: 2.010 +- 0.010, 1.0 spikes"
    with pytest.raises(SystemExit, match="--row=nothing"):
        transformer.run(tmp_path, "make it", None, "nothing", [])


def test_a_diverged_run_is_counted_and_its_loss_is_none(tmp_path: Path) -> None:
    runs = [transformer.Finished(record(tmp_path / str(seed), loss, 4)) for seed, loss in enumerate((2.0, None))]
    assert runs[1].loss == math.inf
    assert transformer._cell(runs) == "2.000"
    assert transformer._troubles(runs) == "4.0 spikes, 1 diverged"
