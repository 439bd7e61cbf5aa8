"""The study of transformers keeps what its page needs, goes on from it, and its page says what is kept."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from reproductions import transformer
from reproductions.claims import curvature
from reproductions.claims.kept import Kept
from reproductions.claims.page import judged
from reproductions.ledger import Ledger, Training
from reproductions.plan import Plan, Refused
from reproductions.study import together

from tests.composing import compose

TINY = (
    "dataset=mnist1d", "dataset.samples=300", "dataset.subset=null", "model.depth=1", "model.width=8", "model.patch=10",
    "model.heads=2", "training.epochs=2", "training.batch_size=64",
)  # fmt: skip


def training(row: str, rate: str, seed: int, loss: float | None, spikes: int) -> Training:
    overrides = " ".join(transformer.rows()[row][rate])
    losses = "" if loss is None else f" val_loss={loss} test_loss={loss + 1.0}"
    figures = f"loss_spikes={spikes} train_loss_1=2 lr_1=0.1{losses}"
    status = "completed" if loss is not None else "diverged"
    return Training(row, "report", seed, overrides, status, 0.5, 0.5, None, 1, 1.0, 1.0, "c", "t", "p", figures)


def test_every_row_composes_into_runs_of_its_own() -> None:
    found = {(name, rate): compose(*own) for name, row in transformer.rows().items() for rate, own in row.items()}
    assert len({config.hash() for config in found.values()}) == len(found) == 2 * 2 * 4 * 4 + 4 * 2
    for (name, rate), config in found.items():
        if not name.startswith("skipless"):
            _, norm, rule = name.split("/")
            assert (config.model.model_dump()["norm"], config.optimizer.lr) == (norm, float(rate))
            assert config.lr_schedule.name == {"no warm-up": "constant", "linear warm-up": "linear_warmup"}.get(
                rule, "curvature"
            )
            assert config.training.clip_norm is None


def test_the_page_says_what_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "page.csv")
    for name, row in transformer.rows().items():
        for rate in row:
            base = 2.0 + ("no warm-up" in name) + 0.5 * (rate == "1e-2")
            seeds = range(transformer.seeds_of(name))
            ledger.add(training(name, rate, seed, base + 0.01 * seed, seed) for seed in seeds)
    page = transformer.write_page(ledger, tmp_path / "page.md")
    assert "| post | no warm-up | 4.010 +- 0.010 | 4.010 +- 0.010 | 4.010 +- 0.010 | 4.510 +- 0.010 |" in page
    assert "| pre | kappa | 1.0 spikes | 1.0 spikes | 1.0 spikes | 1.0 spikes |" in page
    assert (
        "- post, no warm-up: best at 3e-4: 4.010 +- 0.010; less linear warm-up at 3e-4: +1.000 nats [+1.000, +1.000]; "
        "near at no base rate." in page
    )
    assert "nats [+0.000, +0.000]; near at 3e-4, 1e-3, 3e-3." in page
    assert "- pre, linear warm-up: best at 3e-4: 3.010 +- 0.010; near at 3e-4, 1e-3, 3e-3." in page
    assert "- skip fades less usual block, both at their best rate: +0.000 nats [+0.000, +0.000]." in page
    assert "Not measured" not in page
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_a_diverged_run_is_counted_and_its_loss_is_none(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "page.csv")
    ledger.add(training("vit/pre/cap", "3e-4", seed, loss, 4) for seed, loss in enumerate((2.0, None)))
    page = transformer.write_page(ledger, tmp_path / "page.md")
    assert "| pre | cap | 3.000 | not measured | not measured | not measured |" in page
    assert "| pre | cap | 4.0 spikes, 1 diverged | not measured" in page
    assert "decoder/post/no warm-up, " in page
    assert transformer.loss_of(ledger.reports("vit/pre/cap")[1]) == math.inf


def test_a_pair_in_which_a_run_diverged_is_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "page.csv")
    for name in ("vit/pre/cap", "vit/pre/linear warm-up"):
        losses = (2.0, 2.1, None if name.endswith("cap") else 2.2)
        ledger.add(training(name, "3e-4", seed, loss, 0) for seed, loss in enumerate(losses))
    page = transformer.write_page(ledger, tmp_path / "page.md")
    assert (
        "- pre, cap: best at 3e-4: 3.050 +- 0.071; less linear warm-up at 3e-4: +0.000 nats [+0.000, +0.000], "
        "1 of 3 pairs diverged; near at no base rate." in page
    )


@pytest.mark.parametrize(
    ("behind", "verdict"), [((0.1, 0.1), "refuted"), ((-0.1, -0.1), "holds"), ((0.1, -0.1), "holds in part")]
)
def test_the_benefit_on_transformers_is_a_lower_loss_than_with_a_warm_up(
    behind: tuple[float, float], verdict: str, tmp_path: Path
) -> None:
    (claim,) = [one for one in curvature.SOURCE.claims if one.words.startswith("Benefit on transformers")]
    assert judged(claim, Kept(tmp_path)).verdict == "not measured yet"
    ledger = Ledger(tmp_path / "transformer.csv")
    for network, more in zip(transformer.NETWORKS, behind, strict=True):
        for rule, shift in (("linear warm-up", 0.0), ("kappa", more)):
            rows = [training(f"{network}/post/{rule}", "1e-3", seed, 2.0 + shift + 0.01 * seed, 0) for seed in range(3)]
            ledger.add(rows)
    assert judged(claim, Kept(tmp_path)).verdict == verdict


def test_a_part_is_trained_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "processes", lambda _: nullcontext(together))
    page = tmp_path / "page.md"
    plan = Plan(tmp_path / "records", seeds=1, only=("vit/pre/cap",), overrides=TINY)
    text = transformer.measure(plan, page)
    kept = Ledger(page.with_suffix(".csv")).reports("vit/pre/cap")
    assert len(kept) == len(transformer.RATES)
    assert f"| pre | cap | {' | '.join(f'{transformer.loss_of(one):.3f}' for one in kept)} |" in text
    for one in kept:
        assert f"optimizer.lr={transformer.RATES[kept.index(one)]}" in one.overrides
        assert transformer._by_epoch(one, "train_loss")[0] == [1, 2]
    assert transformer.measure(replace(plan, outputs=tmp_path / "other"), page) == text
    assert not (tmp_path / "other").exists()
    with pytest.raises(Refused, match="--only nothing"):
        transformer.measure(replace(plan, only=("nothing",)), page)
