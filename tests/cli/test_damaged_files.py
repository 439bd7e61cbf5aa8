"""A damaged file, of data or of a run, ends with one line that names it; nothing is unpickled and nothing is lost."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from homotopy_bench.cli.precision import main as measure
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.inert import LONGEST
from homotopy_bench.data.mnist1d import MNIST1D
from homotopy_bench.tracking.checkpoint_file import encoded, read_checkpoint
from tests.cli.runner import TINY, call_main, files, summary, the_error_line, trained


def good_arrays() -> dict[str, NDArray[Any]]:
    generator = np.random.default_rng(0)
    x, x_test = generator.normal(size=(400, 40)), generator.normal(size=(100, 40))
    return {"x": x, "y": np.arange(400) % 10, "x_test": x_test, "y_test": np.arange(100) % 10}


def packed(**changed: Any) -> bytes:
    """A cached data set with some of its arrays changed."""
    content = io.BytesIO()
    np.savez_compressed(content, **{**good_arrays(), **changed})
    return content.getvalue()


def one_array() -> bytes:
    content = io.BytesIO()
    np.save(content, good_arrays()["x"])
    return content.getvalue()


def flipped(content: bytes) -> bytes:
    """The content with one bit in the middle of its compressed data turned over."""
    damaged = bytearray(content)
    damaged[len(damaged) // 2] ^= 1
    return bytes(damaged)


class Touch:
    """Unpickled, it makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


BROKEN_DATA = {
    "empty": b"",
    "truncated": packed()[:-1000],
    "a bit turned over": flipped(packed()),
    "random": np.random.default_rng(1).bytes(5000),
    "a pickle": pickle.dumps(Touch()),
    "a pickle inside": packed(x=np.array([Touch()] * 400, dtype=object)),
    "other arrays": packed(x=np.zeros((400, 41)), z=np.zeros(3)),
    "one array": one_array(),
    "texts": packed(x=np.full((400, 40), "text")),
    "numbers that are none": packed(x=np.full((400, 40), np.nan)),
    "labels out of range": packed(y=np.arange(400)),
}


def broken_data(content: str, folder: Path) -> Path:
    file = folder / "data" / "mnist1d" / "mnist1d_500.npz"
    file.parent.mkdir(parents=True)
    file.write_bytes(BROKEN_DATA[content])
    return file


@pytest.mark.parametrize("content", BROKEN_DATA)
def test_a_broken_data_file_is_named(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_data(content, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^paths.data=data/mnist1d/mnist1d_500.npz: this cached file is damaged \("):
        MNIST1D(samples=500).read(Path("data"))
    assert not (tmp_path / "unpickled").exists()


def test_without_the_broken_data_file_the_failed_run_continues(tmp_path: Path) -> None:
    file = broken_data("truncated", tmp_path)
    done = call_main(*TINY, "training.epochs=1", "paths.data=data", "hydra.run.dir=run", cwd=tmp_path)
    assert the_error_line(done).endswith("; delete it to make it anew")
    assert trained(tmp_path) == []
    assert summary(tmp_path / "run")["status"] == "failed"
    file.unlink()
    assert call_main("resume=run", cwd=tmp_path).returncode == 0
    assert summary(tmp_path / "run")["status"] == "completed"


def no_hydra(folder: Path) -> None:
    shutil.rmtree(folder / ".hydra")


def truncated_config(folder: Path) -> None:
    file = folder / ".hydra" / "config.yaml"
    file.write_text("\n".join(file.read_text().splitlines()[:4]) + "\n")


def torn_config(folder: Path) -> None:
    (folder / ".hydra" / "config.yaml").write_text("seed: [0\n")


def changed_config(folder: Path) -> None:
    file = folder / ".hydra" / "config.yaml"
    changed = file.read_text().replace("depth: 3", "depth: 4")
    assert changed != file.read_text()
    file.write_text(changed)
    with (folder / "metrics.jsonl").open("a") as metrics:  # killed between an evaluation and its checkpoint
        metrics.write('{"epoch": 99}\n')


def truncated_checkpoint(folder: Path) -> None:
    file = folder / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[:-500])


def pickle_for_checkpoint(folder: Path) -> None:
    (folder / "checkpoint.pt").write_bytes(pickle.dumps(Touch()))


def other_checkpoint(folder: Path) -> None:
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    torch.save({**state, "schema": 99}, folder / "checkpoint.pt")


def crafted(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """A checkpoint whose digest is right, and whose content no run has written."""

    def damage(folder: Path) -> None:
        file = folder / "checkpoint.pt"
        state = read_checkpoint(file)
        change(state)
        file.write_bytes(encoded(state))

    return damage


def symbolic_link_loop(folder: Path) -> None:
    (folder / "checkpoint.pt").unlink()
    (folder / "checkpoint.pt").symlink_to("checkpoint.pt")


def metrics_damaged_in_line_1(folder: Path) -> None:
    file = folder / "metrics.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"epoch"', b'"epo\xffh"', 1))


def foreign_checkpoint(folder: Path) -> None:
    torch.save(torch.zeros(3), folder / "checkpoint.pt")


def other_summary(folder: Path) -> None:
    (folder / "summary.json").write_text('{"schema": 99, "status": "interrupted"}')


def torn_summary(folder: Path) -> None:
    (folder / "summary.json").write_text('{"schema": 1, "sta')


def short_metrics(folder: Path) -> None:
    file = folder / "metrics.jsonl"
    file.write_bytes(file.read_bytes()[:-10])


NOT_RESUMABLE: dict[Callable[[Path], object], str] = {
    no_hydra: "accepted: the folder of a run, with .hydra/config.yaml and metrics.jsonl",
    shutil.rmtree: "no such folder; accepted: the folder of a run",
    truncated_config: "its .hydra/config.yaml cannot be used: ",
    torn_config: "its .hydra/config.yaml cannot be read",
    changed_config: ".hydra/config.yaml was changed since",
    truncated_checkpoint: "its checkpoint.pt is damaged",
    pickle_for_checkpoint: "its checkpoint.pt is damaged",
    other_checkpoint: "its checkpoint.pt has schema 99; this version reads 1",
    foreign_checkpoint: "its checkpoint.pt holds a Tensor, no state of a run",
    other_summary: "its summary.json has schema 99; this version reads 1",
    torn_summary: "its summary.json is damaged; delete it to continue the run",
    short_metrics: "its checkpoint.pt expects ",
    symbolic_link_loop: "its checkpoint.pt is damaged (Too many levels of symbolic links)",
    metrics_damaged_in_line_1: "its metrics.jsonl is damaged at line 1",
}

MISFIT = "its checkpoint.pt does not fit its configuration ("

CRAFTED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no metrics_bytes": (lambda state: state.pop("metrics_bytes"), "its checkpoint.pt expects None"),
    "metrics_bytes as text": (lambda state: state.update(metrics_bytes="5"), "its checkpoint.pt expects 5"),
    "negative metrics_bytes": (lambda state: state.update(metrics_bytes=-1), "its checkpoint.pt expects -1"),
    "no metrics at all": (lambda state: state.update(metrics_bytes=0), "its metrics.jsonl has 0 lines up to step "),
    "part of a line": (
        lambda state: state.update(metrics_bytes=9),
        "its checkpoint.pt ends within a line of its metrics",
    ),
    "no hash": (lambda state: state.pop("config_hash"), "its checkpoint.pt belongs to configuration None"),
    "no cost": (lambda state: state.pop("cost"), MISFIT + "KeyError: 'cost'"),
    "cost of text": (lambda state: state["cost"].update(train_seconds="long"), MISFIT),
    "history of a list": (lambda state: state.update(history=[]), MISFIT),
    "no member": (lambda state: state.pop("member"), MISFIT + "KeyError: 'member'"),
    "member of a number": (lambda state: state.update(member=3), MISFIT),
    "step as text": (lambda state: state["member"].update(step="many"), MISFIT),
    "step beyond the end": (
        lambda state: state["member"].update(step=10**9),
        MISFIT + "ValueError: step 1000000000 of",
    ),
    "negative step": (lambda state: state["member"].update(step=-1), MISFIT + "ValueError: step -1 of"),
    "another step": (lambda state: state["member"].update(step=1), "lines up to step 1, not 0"),
    "no theta": (lambda state: state["member"].pop("theta"), MISFIT + "KeyError: 'theta'"),
    "theta of text": (lambda state: state["member"].update(theta="0"), MISFIT),
    "theta too short": (lambda state: state["member"].update(theta=state["member"]["theta"][:, :9]), MISFIT),
    "no moments": (lambda state: state["member"].update(optimizer=[]), MISFIT),
    "moments too short": (lambda state: state["member"]["optimizer"][0].update(exp_avg=torch.zeros(3)), MISFIT),
    "no rates": (lambda state: state["member"].pop("rates"), MISFIT + "KeyError: 'rates'"),
    "loss_sum of another shape": (lambda state: state["member"].update(loss_sum=torch.zeros(7)), MISFIT),
}
NOT_RESUMABLE |= {crafted(change): line for change, line in CRAFTED.values()}


@pytest.mark.parametrize(
    "damage", NOT_RESUMABLE, ids=[*(damage.__name__ for damage in NOT_RESUMABLE)][: -len(CRAFTED)] + list(CRAFTED)
)
def test_a_run_that_cannot_be_continued_is_left_as_it_is(
    damage: Callable[[Path], object], killed_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(killed_run, folder)
    damage(folder)
    before = {name: (folder / name).read_bytes() for name in files(folder) if name != "train.log"}
    line = the_error_line(call_main("resume=run", cwd=tmp_path))
    assert line.startswith("resume=run: ")
    assert NOT_RESUMABLE[damage] in line
    assert {name: (folder / name).read_bytes() for name in files(folder) if name != "train.log"} == before
    assert not (tmp_path / "unpickled").exists()


def fifo_for(name: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)

    return damage


def config_of(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / ".hydra" / "config.yaml").write_text(text)


BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))

HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a summary that is a FIFO": (fifo_for("summary.json"), "its summary.json is damaged; delete it"),
    "metrics that are a FIFO": (fifo_for("metrics.jsonl"), "this folder holds no run; accepted"),
    "a configuration that is a FIFO": (fifo_for(".hydra/config.yaml"), "this folder holds no run; accepted"),
    "a checkpoint that is a FIFO": (fifo_for("checkpoint.pt"), "checkpoint.pt"),
    "a configuration that unfolds": (
        config_of(BOMB),
        "its .hydra/config.yaml has aliases of YAML",
    ),
    "a configuration without end": (config_of("#" * (2**18 + 1)), "its .hydra/config.yaml is larger than 0.25 MiB"),
    "a deep configuration": (config_of("a: " + "[" * 10**5), "its .hydra/config.yaml has brackets deeper than 50"),
    "a key that acts": (config_of(r'"\e[31mred\u202e": 1'), r"cannot be used: \x1b[31mred\u202e=1: "),
    "a key of many letters": (config_of(f"? {'k' * 9999}\n: 1"), "kkk"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_folder_is_one_inert_line(
    case: str, killed_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, says = HOSTILE[case]
    folder = tmp_path / "run\x1b[2J"
    shutil.copytree(killed_run, folder)
    damage(folder)
    assert measure([str(folder)]) == 2
    lines = [the_error_line(call_main(f"resume={folder.name}", cwd=tmp_path)), capsys.readouterr().err.rstrip("\n")]
    for line in lines:
        assert r"run\x1b[2J: " in line
        assert says in line
        assert line.isprintable()
        assert len(line) < 2 * LONGEST
