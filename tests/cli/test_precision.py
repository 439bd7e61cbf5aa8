"""homotopy-precision: text and JSON agree, a run is left as it was, a wrong input is one line and exit code 2."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from homotopy_bench import compose, train
from homotopy_bench.cli.precision import _parser, main
from homotopy_bench.config.validation import validate

ROOT = Path(__file__).parent.parent.parent
TINY = ["model.depth=3", "model.width=8", "dataset.samples=500"]


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def figures(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / "figures.json"
    assert main([*arguments, "--json", str(file)]) == 0
    content: dict[str, Any] = json.loads(file.read_text(), parse_constant=pytest.fail)
    return content


def error_line(capsys, *arguments: str) -> str:
    try:
        code = main(list(arguments))
    except SystemExit as stopped:
        code = int(str(stopped.code))
    captured = capsys.readouterr()
    assert (code, str(captured.out)) == (2, "")
    err = str(captured.err)
    assert err.count("\n") == 1
    return err


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the path for all but its last steps, whose target network is not what was trained in between."""
    folder = tmp_path_factory.mktemp("precision") / "run"
    config = compose(*TINY, "method=identity_homotopy", "training.epochs=2", "hardware.threads=1")
    result = train(config, folder)
    assert result.summary["status"] == "completed"
    return folder


def test_a_run_is_measured_at_its_target_network_and_left_as_it_was(run, tmp_path, capsys):
    before = hashes(run)
    content = figures(tmp_path, str(run), "--split", "test", "--samples", "100000", "--validate", "--eps", "1e-3")
    assert hashes(run) == before
    # The record's own figure: mean cross-entropy of the target network on the whole test split, in float32.
    summary = json.loads((run / "summary.json").read_text())
    assert content["loss"] == pytest.approx(summary["final"]["test_loss_target"], rel=1e-5)
    assert content["samples"] == 100
    text = capsys.readouterr().out
    assert "first 100 samples of the test split" in text
    for name, bits in content["bounds"].items():
        assert re.search(rf"^  {re.escape(name)}  .* {bits:.1f}( |$)", text, re.MULTILINE)
    assert f"recommended by the bounds: {content['recommendation']['dtype']}" in text
    assert f"recommended by the measurement: {content['validation']['recommendation']['dtype']}" in text
    assert len(content["validation"]["by_bits"]) == 52
    casts = content["validation"]["casts"]
    assert casts["bfloat16"]["gradient"] > casts["float16"]["gradient"] > casts["float32"]["gradient"] > 0.0


def test_overrides_describe_the_network_before_its_first_step(tmp_path, capsys):
    content = figures(tmp_path, *TINY, "method=baseline", "seed=3", "--samples", "50")
    assert "at its initialisation" in content["network"]
    assert (content["samples"], content["validation"]) == (50, None)
    assert content["curvature"]["value"] > 0.0
    assert "first 50 samples of the training split" in capsys.readouterr().out
    assert (
        figures(tmp_path, *TINY, "method=baseline", "seed=4", "hardware=multi_gpu", "--samples", "50")["loss"]
        != content["loss"]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["seed=1", "--eps", "0"], "--eps=0.0: accepted: a finite number > 0"),
        (["seed=1", "--eps", "-1"], "--eps=-1.0: accepted: a finite number > 0"),
        (["seed=1", "--eps", "nan"], "--eps=nan: accepted: a finite number > 0"),
        (["seed=1", "--eps", "small"], "--eps=small: accepted: a number"),
        (["seed=1", "--samples", "0"], "--samples=0: accepted: an integer >= 1"),
        (["seed=1", "--split", "tst"], "--split=tst: accepted: train, validation, test"),
        (["seed=1", "--json", "nowhere/x.json"], "--json=nowhere/x.json: accepted: a file in a folder that exists"),
        (["seed=1", "--json", "."], "--json=.: accepted: the name of a file"),
        ([], "RUN_DIR|OVERRIDE=(missing): accepted: the folder of a run, or overrides"),
        (["nowhere"], "RUN_DIR=nowhere: no such folder; accepted: the folder of a run"),
        (["."], "RUN_DIR=.: this folder holds no run"),
        ([".", "seed=3"], ".: this is no override"),
        (["sead=1"], "sead=1: no such key; did you mean 'seed'?"),
        (["method=basline"], "method=basline: accepted: baseline"),
        (["training.epochs=0"], "training.epochs=0: accepted: an integer >= 1"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    line = error_line(capsys, *arguments)
    assert said in line
    assert line.startswith("homotopy-precision: ")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_be_read_is_one_line(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("begun", "torn", "strange", "changed"):
        shutil.copytree(run, tmp_path / name)
    Path("begun/checkpoint.pt").unlink()
    assert "RUN_DIR=begun: this run has no checkpoint.pt yet" in error_line(capsys, "begun")
    Path("torn/checkpoint.pt").write_bytes(Path("torn/checkpoint.pt").read_bytes()[:500])
    assert "RUN_DIR=torn: its checkpoint.pt is damaged" in error_line(capsys, "torn")
    torch.save([1.0], "strange/checkpoint.pt")
    assert "RUN_DIR=strange: its checkpoint.pt holds a list" in error_line(capsys, "strange")
    settings = Path("changed/.hydra/config.yaml")
    settings.write_text(settings.read_text().replace("width: 8", "width: 10"))
    assert "RUN_DIR=changed: its checkpoint.pt belongs to configuration" in error_line(capsys, "changed")


def test_the_documented_commands_can_be_given():
    text = (ROOT / "docs" / "precision.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ {4}homotopy-precision (.*)$", text, re.MULTILINE)
    assert len(commands) >= 2
    for command in commands:
        options = _parser().parse_intermixed_args(shlex.split(command))
        overrides = [word for word in options.network if "=" in word]
        assert validate(compose(*overrides).to_dict()).seed >= 0


@pytest.mark.parametrize("arguments", [["--help"], ["sead=1"], ["nowhere"], ["seed=1", "--eps", "0"]])
def test_help_and_mistakes_load_nothing_heavy(arguments, tmp_path):
    script = (
        "import sys\n"
        "from homotopy_bench.cli.precision import main\n"
        f"try:\n    code = main({arguments})\n"
        "except SystemExit as stopped:\n    code = stopped.code\n"
        "print(code, 'heavy:', [name for name in ('numpy', 'scipy', 'torch', 'matplotlib') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"{0 if arguments == ['--help'] else 2} heavy: []"
