"""The record: complete files or none, numbers that JSON knows, and what a run remembers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from homotopy_bench import train
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import LARGEST_DOCUMENT, DamagedFile, read_json, write_atomically
from homotopy_bench.models.dirac import fold
from homotopy_bench.optim.lr_schedules.curvature import Curvature
from homotopy_bench.tracking.record import Record, Request, read_metrics
from tests.cases import CASES
from tests.composing import compose

RUNS = [name for name in CASES if "/mlp-orthogonal/" in name or re.fullmatch("baseline/.*/mnist1d", name)]
"""Every method once, and every model of signals."""

FIGURES = ("loss", "acc", "precision", "recall", "f1")

RUN = ("training.epochs=4", "training.checkpoint_every=2")


def keys(text: str) -> set[str]:
    return set(text.split())


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]  # the error is the point
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_torn_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert read_metrics(path) == [{"epoch": 1}, {"epoch": 2}]
    assert read_metrics(tmp_path / "missing") == []


@pytest.mark.parametrize(
    "damage", [b"{\n", b"\n", b"\xff\n", b"[1]\n", b"null\n", b"\x00" * 9 + b"\n", b"[" * 99999 + b"\n"]
)
def test_damage_of_the_metrics_is_said_with_its_line(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    for after in (b"", b'{"epoch": 3}\n', b'{"epo'):
        path.write_bytes(b'{"epoch": 1}\n' + damage + after)
        with pytest.raises(DamagedFile, match=r"^metrics.jsonl is damaged at line 2: not a JSON object$"):
            read_metrics(path)


@pytest.mark.parametrize(("make", "words"), [(os.mkfifo, "a FIFO"), (os.mkdir, "a directory")])
def test_only_regular_files_are_opened(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "metrics.jsonl"
    make(path)
    with pytest.raises(DamagedFile, match=f"^metrics.jsonl is {words}, not a regular file$"):
        read_metrics(path)


def test_a_document_is_read_up_to_a_size(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    with path.open("wb") as file:
        file.truncate(LARGEST_DOCUMENT + 1)  # takes no room on the disk
    with pytest.raises(DamagedFile, match=r"^summary.json is larger than 4 MiB$"):
        read_json(path)


def test_going_back_cuts_the_metrics_back_to_the_checkpoint(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "run", Request({}, []))
    record.append({"epoch": 1})
    record.save({"step": 1})
    record.append({"epoch": 2, "loss": float("nan")})
    assert read_metrics(record.metrics)[1] == {"epoch": 2, "loss": None}
    state = record.load()
    assert state is not None
    assert state["step"] == 1
    assert len(read_metrics(record.metrics)) == 2  # whether this state can be used is not known yet
    record.go_back_to(state)
    assert read_metrics(record.metrics) == [{"epoch": 1}]


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    Record.create(tmp_path, Request({}, []))
    with pytest.raises(InputError, match="already holds a run"):
        Record.create(tmp_path, Request({}, []))


@pytest.mark.parametrize("case", RUNS)
def test_a_run_leaves_the_whole_record_with_the_bests_of_its_metrics(case: str, tmp_path: Path) -> None:
    config = compose(*CASES[case], *RUN)
    result = train(config, tmp_path / "run")
    files = sorted(path.name for path in result.folder.iterdir())
    assert files == [
        ".hydra",
        ".lock",
        "best.safetensors",
        "checkpoint.pt",
        "curves.png",
        "metrics.jsonl",
        "summary.json",
        "train.log",
    ]
    summary = json.loads((result.folder / "summary.json").read_text())
    assert summary == result.summary | {"schema": 1}
    assert set(summary) >= keys(
        "schema status reason dataset data model method seed overrides config_hash code_version environment "
        "final best best_on_path cost"
    )
    assert summary["data"] == []
    assert set(summary["final"]) == keys(
        "epoch t train_loss val_loss val_acc_target val_precision_target val_recall_target val_f1_target val_acc_path "
        "test_loss_target test_acc_target test_precision_target test_recall_target test_f1_target"
    )
    for name, kind in (("best", "target"), ("best_on_path", "path")):
        of_splits = [f"{s}_{figure}_{kind}" for s in ("val", "test") for figure in FIGURES]
        assert set(summary[name]) == {"epoch", "t", *of_splits}
    assert set(summary["cost"]) == keys(
        "train_seconds eval_seconds gradient_evaluations hvp_evaluations forward_equivalents peak_memory_mb "
        "samples_per_second members_per_second"
    )
    lines = read_metrics(result.folder / "metrics.jsonl")
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]) >= keys(
        "epoch step u t lr train_loss val_loss_target val_acc_target val_loss_path val_acc_path grad_norm cost"
    )
    assert set(lines[0]) >= {f"val_{figure}_{kind}" for figure in FIGURES for kind in ("target", "path")}
    assert lines[-1]["step"] == 44
    on_path = (config.continuation.table(44, config.seed) < 1.0).sum()  # where copies take a gradient each
    # An estimate of curvature takes 128 samples, which are 4 batches, and their gradient beside that of the step.
    rule = config.lr_schedule
    measured = isinstance(rule, Curvature) and sum(k < rule.dense_steps or k % rule.every == 0 for k in range(44))
    assert summary["cost"]["gradient_evaluations"] == 44 + (config.method.copies - 1) * on_path + 4 * measured
    assert (summary["cost"]["hvp_evaluations"] > 0) == (measured > 0)
    assert summary["final"]["t"] == lines[-1]["t"] == 1.0

    assert_bests_of_the_metrics(summary, lines)
    assert_best_network(config, result.folder, summary["best"])


def assert_best_network(config: Config, folder: Path, best: Mapping[str, Any]) -> None:
    splits = config.dataset.load(config.paths.data_root())
    network = fold(config.model.build(tuple(splits.train.x.shape[1:]), splits.classes))
    network.load_state_dict(load_file(folder / "best.safetensors"))
    network.eval()
    for split, samples in (("val", splits.validation), ("test", splits.test)):
        with torch.no_grad():
            right = network(torch.from_numpy(samples.x).float()).argmax(1) == torch.from_numpy(samples.y)
        assert right.double().mean().item() == pytest.approx(best[f"{split}_acc_target"], abs=1e-12)


def assert_bests_of_the_metrics(summary: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
    for figure in FIGURES[1:]:
        assert summary["final"][f"val_{figure}_target"] == lines[-1][f"val_{figure}_target"]
    target = max((line for line in lines if line["t"] == 1.0), key=lambda line: line["val_acc_target"])
    path = max(lines, key=lambda line: line["val_acc_path"])
    best, on_path = summary["best"], summary["best_on_path"]
    assert (best["epoch"], best["t"], best["val_acc_target"]) == (target["epoch"], 1.0, target["val_acc_target"])
    assert (on_path["epoch"], on_path["t"], on_path["val_acc_path"]) == (path["epoch"], path["t"], path["val_acc_path"])
    for figure in FIGURES:
        assert best[f"val_{figure}_target"] == target[f"val_{figure}_target"]
        assert on_path[f"val_{figure}_path"] == path[f"val_{figure}_path"]


def test_the_returned_network_is_the_target_network_of_the_record(tmp_path: Path) -> None:
    config = compose(*CASES["identity-circular/mlp-kaiming/mnist1d"], *RUN)
    result = train(config, tmp_path / "run")
    splits = config.dataset.load(config.paths.data_root())
    logits = result.network(torch.from_numpy(splits.test.x))
    accuracy = (logits.argmax(1) == torch.from_numpy(splits.test.y)).double().mean().item()
    assert accuracy == result.summary["final"]["test_acc_target"]
    assert not any("homotopy" in name for name, _ in result.network.named_buffers())


def test_an_observer_gets_the_lines_of_the_record_and_can_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = compose(*CASES["baseline/mlp-default/mnist1d"], *RUN)
    told: list[object] = []
    train(config, tmp_path / "run", on_evaluation=told.append, progress=True)
    assert told == read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert "completed" in capsys.readouterr().out

    def refuse(line: Mapping[str, object]) -> None:
        raise RuntimeError(f"seen enough at step {line['step']}")

    with pytest.raises(RuntimeError, match="seen enough at step"):
        train(config, tmp_path / "ended", on_evaluation=refuse)
    assert capsys.readouterr().out == ""
    summary = json.loads((tmp_path / "ended" / "summary.json").read_text())
    assert (summary["status"], "seen enough" in summary["reason"]) == ("failed", True)


def test_a_validated_mapping_runs_too(tmp_path: Path) -> None:
    raw = compose(*CASES["baseline/mlp-default/mnist1d"], "training.epochs=1").to_dict()
    assert train(raw, tmp_path / "run").summary["status"] == "completed"
    raw["training"]["epochs"] = 0
    with pytest.raises(InputError, match=r"training\.epochs=0"):
        train(raw, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_network_broken_by_its_last_step_has_diverged(tmp_path: Path) -> None:
    case = (*CASES["baseline/mlp-kaiming/mnist1d"], "optimizer=sgd", "optimizer.lr=1e30", "lr_schedule=constant")
    one_step = ("training.epochs=1", "training.batch_size=360", "training.clip_norm=null", "hardware.dtype=float32")
    summary = train(compose(*case, *one_step), tmp_path / "run").summary
    assert summary["final"]["train_loss"] is not None
    assert summary["status"] == "diverged"
