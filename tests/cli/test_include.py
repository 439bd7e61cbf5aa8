"""Choices from outside the package: found, refused in one line, kept with the run, and told apart by their text."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from homotopy_bench import train
from homotopy_bench.cli.new import new_choice
from homotopy_bench.config.compose import compose
from homotopy_bench.config.including import installed
from homotopy_bench.core.errors import InputError
from homotopy_bench.data.arrays import read_arrays
from homotopy_bench.report import build_report, read_runs
from tests.cli.runner import (
    assert_same_run,
    call_command,
    call_main,
    metrics,
    run_cli,
    summary,
    the_error_line,
    trained,
)

SMALL = ("model.depth=3", "model.width=8", "dataset.samples=500", "training.epochs=2", "training.batch_size=30")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a method, a model and a data set."""
    folder = tmp_path / "mine"
    for kind, name in (("method", "fade"), ("model", "plain_mlp"), ("dataset", "blobs")):
        new_choice(kind, name, folder)
    return folder


def put(path: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    return change


def swap(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1))

    return change


def remove(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def link_out(folder: Path) -> None:
    outside = folder.parent / "secret.py"
    outside.write_text("")
    (folder / "methods/_secret.py").symlink_to(outside)


def link_folder(folder: Path) -> None:
    (folder / "continuation").symlink_to(folder / "methods")


def sparse(folder: Path) -> None:
    with (folder / "methods/_weights.txt").open("wb") as file:
        file.truncate(100 * 2**20)


def many(folder: Path) -> None:
    for number in range(501):
        (folder / f"methods/_{number}.py").touch()


def large_in_all(folder: Path) -> None:
    for number in range(5):
        (folder / f"methods/_{number}.txt").write_text("x" * 2**20)


def both(*paths: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        for path in paths:
            put(path, "name: hta\n")(folder)

    return change


def binary(folder: Path) -> None:
    (folder / "methods/_weights.bin").write_bytes(b"\x80\x81\xff")


def unreadable(folder: Path) -> None:
    os.mkfifo(folder / "methods/_pipe.py")


FADE, YAML, MLP = "methods/fade.py", "conf/method/fade.yaml", "models/plain_mlp.py"

WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no YAML": (remove(YAML), "methods/fade.py: has no conf/method/fade.yaml; accepted: both"),
    "no Python": (remove(FADE), "conf/method/fade.yaml: has no methods/fade.py; accepted: both"),
    "wrong base": (
        swap(FADE, "homotopy_bench.methods.base import Method", "homotopy_bench.models.base import Model as Method"),
        "methods/fade.py: Fade is no Method; accepted: a Method of homotopy_bench.methods.base",
    ),
    "another name": (swap(FADE, '["fade"] = "fade"', '["fad"] = "fad"'), "its class is named 'fad'; accepted"),
    "no class": (put(FADE, "x = 1\n"), "methods/fade.py: defines no Method of this name; accepted"),
    "clash with a built-in": (
        both("methods/hta.py", "conf/method/hta.yaml"),
        "method=hta is also in homotopy_bench/conf/method/hta.yaml; accepted: another name",
    ),
    "experiment of a built-in name": (
        put("conf/experiment/strong_baseline.yaml", "# @package _global_\nseed: 1\n"),
        "experiment=strong_baseline is also in homotopy_bench/conf/experiment/strong_baseline.yaml",
    ),
    "syntax error": (
        swap(FADE, "class Fade(Method):", "class Fade(Method:"),
        "methods/fade.py:14: invalid syntax; accepted: a Python file",
    ),
    "syntax error in a helper": (put("methods/_helper.py", "def f(:\n"), "methods/_helper.py:1: invalid syntax"),
    "import error": (
        swap(FADE, "from typing import", "import nowhere_at_all\nfrom typing import"),
        "methods/fade.py:5: cannot be imported (ModuleNotFoundError: No module named 'nowhere_at_all')",
    ),
    "error when it is run": (
        swap(FADE, "class Fade", "1 / 0\nclass Fade"),
        "methods/fade.py:14: cannot be imported (Zero",
    ),
    "torch at import": (
        swap(FADE, "from typing import", "import torch\nfrom typing import"),
        "methods/fade.py:5: imports torch; a choice is read before torch is loaded; accepted: imports of torch inside",
    ),
    "torch in a branch": (
        swap(FADE, "class Fade", "if True:\n    from torch import nn\n\nclass Fade"),
        "methods/fade.py:15: imports torch",
    ),
    "key that is no field": (
        put(YAML, "# @package _global_\nmethod:\n  name: fade\n  spede: 3\n"),
        "conf/method/fade.yaml:4: no key 'spede'; known: name",
    ),
    "another name in YAML": (
        put(YAML, "# @package _global_\nmethod:\n  name: fad\n"),
        "conf/method/fade.yaml: has name: fad; accepted: name: fade",
    ),
    "no YAML at all": (put(YAML, "method: ["), "conf/method/fade.yaml: line 1, column 10: "),
    "a list": (put(YAML, "- 1\n"), "conf/method/fade.yaml: it holds no KEY: VALUE"),
    "empty YAML": (put(YAML, ""), "conf/method/fade.yaml: it holds no KEY: VALUE; accepted: name: fade"),
    "a link out of the folder": (link_out, "methods/_secret.py: a link to a folder, or one that leads out of it"),
    "a link to a folder": (link_folder, "continuation: a link to a folder; accepted: files of the folder itself"),
    "binary": (
        binary,
        "methods/_weights.bin: is not UTF-8 text (byte 0); accepted: text of at most 1 MiB",
    ),
    "null": (put("methods/_x.py", "a\0b"), "methods/_x.py: is not text (it holds a null)"),
    "100 MB": (sparse, "methods/_weights.txt: is larger than 1 MiB; accepted: text of at most 1 MiB"),
    "much text": (large_in_all, "it holds more text than any code; accepted: at most 500 files and 4 MiB in all"),
    "many files": (many, "it holds more text than any code; accepted: at most 500 files and 4 MiB in all"),
    "a pipe": (unreadable, "methods/_pipe.py: is a FIFO, not a regular file"),
    "no such group": (
        put("conf/methods/fade.yaml", "name: fade\n"),
        "conf/methods/fade.yaml: accepted: conf/GROUP/NAME.yaml, with a GROUP of method, model",
    ),
    "yml": (put("conf/method/other.yml", ""), "conf/method/other.yml: accepted: names that end in .yaml or .py"),
    "no identifier": (
        both("models/a-b.py", "conf/model/a-b.yaml"),
        "models/a-b.py: accepted: a name of letters, digits and underscores",
    ),
    "no function": (
        put(MLP, "width = 3\n"),
        "models/plain_mlp.py: defines no plain_mlp; accepted: a function or class",
    ),
    "no type": (
        swap(MLP, "depth: int = 3", "depth: range = 3"),
        "models/plain_mlp.py:10: parameter 'depth' has no type",
    ),
    "any arguments": (swap(MLP, "depth: int = 3", "**more"), "models/plain_mlp.py:10: has *args, ** or /"),
    "a key of the class": (swap(MLP, "depth: int", "build: int"), "has a parameter 'build'; accepted: another name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_folder_is_one_line(case: str, mine: Path, tmp_path: Path) -> None:
    change, expected = WRONG[case]
    change(mine)
    line = the_error_line(call_main("include=mine", *SMALL, cwd=tmp_path))
    assert line.startswith("include=mine"), line
    assert expected in line
    assert not (tmp_path / "outputs").exists()


ELSEWHERE: dict[str, tuple[tuple[str, ...], str]] = {
    "no folder": (("include=nowhere",), "include=nowhere: no such folder; accepted: a folder with methods/, models/"),
    "a file": (("include=mine/methods/fade.py",), "include=mine/methods/fade.py: no folder; accepted"),
    "empty": (("include=",), "include=: accepted: FOLDER or FOLDER,FOLDER"),
    "no choices": (("include=.",), "include=.: it holds no choices; accepted: a folder with methods/"),
    "a home that is not": (("include=~nobody-at-all/x",), "include=~nobody-at-all/x: "),
    "two folders": (("include=mine,theirs",), "include=theirs/conf/method/fade.yaml: method=fade is also in mine/conf"),
    "a misspelt choice": (
        ("include=mine", "method=fde"),
        "fade, hta, identity_homotopy, l2_schedule, skip_multipliers, tailored_activation; did you mean 'fade'?",
    ),
    "a misspelt key": (
        ("include=mine", "model=plain_mlp", "model.widht=3"),
        "no such key; did you mean 'model.width'?",
    ),
    "a wrong value": (("include=mine", "model=plain_mlp", "model.width=x"), "model.width=x: accepted: an integer"),
    "a wrong network": (
        ("include=mine", "model=plain_mlp", "model.width=-1", "dataset=blobs", "training.batch_size=10"),
        "model=plain_mlp: its network could not be made (RuntimeError",
    ),
    "with resume": (
        ("include=mine", "resume=run"),
        "a run continues alone, with its own settings; leave out 'include=mine'",
    ),
    "a key by hand": (
        ("+include=[t0123456789abcde]",),
        "include=t0123456789abcde: the text that this names is not at hand",
    ),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_wrong_argument_is_one_line(case: str, mine: Path, tmp_path: Path) -> None:
    shutil.copytree(mine, tmp_path / "theirs")
    arguments, expected = ELSEWHERE[case]
    assert expected in the_error_line(call_main(*arguments, cwd=tmp_path))
    assert trained(tmp_path) == []


def test_a_folder_is_run_only_where_it_is_named(mine: Path, tmp_path: Path) -> None:
    put(FADE, "raise SystemExit('this was run')")(mine)
    (mine / "homotopy_bench").mkdir()
    done = call_main("--cfg", "job", cwd=mine, PYTHONPATH=str(mine), HOMOTOPY_BENCH_INCLUDE=str(mine))
    assert (done.returncode, done.stderr) == (0, "")
    # The report reads what was recorded, and never the text that is kept with it.
    folder = tmp_path / "run/included/t0"
    folder.mkdir(parents=True)
    shutil.copytree(mine / "methods", folder / "methods")
    done = call_command("homotopy-report", "run", cwd=tmp_path)
    assert "this was run" not in done.stdout + done.stderr
    # Completion reads names alone.
    line = f"homotopy-train include={mine} method=fa"
    done = call_main("-sc", "query=bash", cwd=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (done.stdout, done.stderr) == ("method=fade\n", "")


def test_what_is_included_is_in_help_and_completion(mine: Path, tmp_path: Path) -> None:
    done = call_main("include=mine", "--help", cwd=tmp_path)
    assert done.stderr.startswith("include=mine: runs its code (method=fade, model=plain_mlp, dataset=blobs), hash t")
    names = {words[0] for line in done.stdout.splitlines() if (words := line.split())}
    assert {"fade", "plain_mlp", "blobs"} <= names
    assert "model.width=32" in call_main("include=mine", "model=plain_mlp", "--help", cwd=tmp_path).stdout

    def complete(typed: str) -> list[str]:
        line = f"homotopy-train {typed}"
        return call_main("-sc", "query=bash", cwd=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line))).stdout.split()

    assert complete("include=mi") == ["include=mine"]
    assert "model.depth=" in complete("include=mine model=plain_mlp model.")


def interrupted(folder: Path, *overrides: str, include: Path) -> None:
    """Train until an error after the first epoch, of which there is a checkpoint."""

    def fail(line: Any) -> None:
        if line["epoch"] == 2:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        train(compose(*overrides, include=[include]), folder, on_evaluation=fail)


OWN = ("method=fade", "model=plain_mlp", "dataset=blobs", "training.epochs=4", "training.checkpoint_every=1")


def test_an_installed_package_brings_choices(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    site.mkdir()
    mine.rename(site / "ideas")
    told = site / "ideas_of_others-2.1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: ideas-of-others\nVersion: 2.1\n")
    (told / "entry_points.txt").write_text("[homotopy_bench.choices]\nideas = ideas\n")
    before = compose("method=baseline", *SMALL)
    monkeypatch.syspath_prepend(site)
    installed.cache_clear()
    try:
        assert compose("method=baseline", *SMALL) == before
        done = call_main("method=fade", *SMALL, "hydra.run.dir=run", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "include=ideas-of-others 2.1: runs its code (" in done.stdout
        (said,) = summary(tmp_path / "run")["included"]
        assert (said["kind"], said["name"], said["version"]) == ("package", "ideas-of-others", "2.1")
        assert call_main("method=baseline", *SMALL, "hydra.run.dir=plain", cwd=tmp_path).returncode == 0
        assert summary(tmp_path / "plain")["config_hash"] == before.hash()
        assert not (tmp_path / "plain/included").exists()
        (site / "ideas/methods/fade.py").write_text("def f(:\n")
        installed.cache_clear()
        line = the_error_line(call_main("method=baseline", cwd=tmp_path))
        assert line.startswith(f"include={site}/ideas/methods/fade.py:1: invalid syntax")
    finally:
        installed.cache_clear()


@pytest.mark.parametrize("then", ["changed", "deleted"])
def test_a_run_goes_on_with_the_text_it_was_begun_with(then: str, mine: Path, tmp_path: Path) -> None:
    config = compose(*OWN, include=[mine])
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(config, whole)
    interrupted(stopped, *OWN, include=mine)
    if then == "changed":
        swap(FADE, "1.0 - t", "2.0 - 2.0 * t")(mine)
        put(MLP, "raise ValueError")(mine)
    else:
        shutil.rmtree(mine)
    # A process that knows nothing of this one, as after a reboot.
    done = run_cli("resume=stopped", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"included {mine}: runs the copy stopped/included/{config.include[0]}, hash " in done.stderr
    assert_same_run(stopped, whole)


def test_a_changed_copy_is_refused_and_nothing_is_lost(mine: Path, tmp_path: Path) -> None:
    config = compose(*OWN, include=[mine])
    interrupted(tmp_path / "run", *OWN, include=mine)
    copy, before = tmp_path / "run/included" / config.include[0], (tmp_path / "run/checkpoint.pt").read_bytes()
    text = (copy / FADE).read_text()
    (copy / FADE).write_text(text + "\n")
    line = the_error_line(call_main("resume=run", cwd=tmp_path))
    assert f"include=run/included/{config.include[0]}: this copy was changed: its hash is t" in line
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before
    (copy / FADE).write_text(text)
    assert call_main("resume=run", cwd=tmp_path).returncode == 0


def test_a_missing_copy_is_named(mine: Path, tmp_path: Path) -> None:
    interrupted(tmp_path / "run", *OWN, include=mine)
    shutil.rmtree(tmp_path / "run/included")
    done = run_cli("resume=run", cwd=tmp_path)
    assert done.returncode == 2
    assert "the included files t" in done.stderr
    assert "are not in run/included; accepted:" in done.stderr


def test_the_record_says_what_was_included(mine: Path, tmp_path: Path) -> None:
    done = call_main("include=mine", "method=fade", *SMALL, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("include=mine: runs its code (")
    (said,) = summary(tmp_path / "run")["included"]
    assert (said["kind"], said["name"], said["used"]) == ("folder", "mine", ["method=fade"])
    assert sorted(said["files"]) == sorted(
        path.relative_to(mine).as_posix() for path in mine.rglob("*") if path.is_file() and path.parent.name != "tests"
    )
    copy = tmp_path / "run/included" / f"t{said['sha256'][:15]}"
    assert all((copy / path).read_bytes() == (mine / path).read_bytes() for path in said["files"])
    assert "include=mine" in summary(tmp_path / "run")["command"]


def test_a_hash_counts_where_something_included_is_used(mine: Path) -> None:
    built_in = compose("method=baseline", *SMALL)
    assert compose("method=baseline", *SMALL, include=[mine]) == built_in
    first = compose("method=fade", *SMALL, include=[mine])
    assert first.include
    swap(FADE, "1.0 - t", "(1.0 - t) ** 2")(mine)
    second = compose("method=fade", *SMALL, include=[mine])
    assert first.hash() != second.hash()
    assert first.program().differs_from(second.program()) == [
        f"method.included ({first.include[0]}, {second.include[0]})"
    ]
    # A baseline still joins either.
    assert first.program().differs_from(built_in.program()) == []


def test_two_versions_share_no_row_of_a_report(mine: Path, tmp_path: Path) -> None:
    for number in range(2):
        train(compose("method=fade", *SMALL, include=[mine]), tmp_path / "runs" / str(number))
        swap(FADE, "at t = 1", "at t = 1.")(mine) if number == 0 else None
    report = build_report(read_runs([tmp_path / "runs"]))
    assert sum(len(section.rows) for section in report.sections) == 2


def test_seeds_train_as_one_program_and_equal_single_runs(mine: Path, tmp_path: Path) -> None:
    fused = ("-m", "include=mine", *OWN, "seed=0,1,2,3", "hydra.sweep.dir=sweep", "hydra.launcher.probe=false")
    done = call_main(*fused, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "4 runs as one program" in done.stdout
    for seed in (0, 3):
        config = compose(*OWN, f"seed={seed}", include=[mine])
        train(config, tmp_path / f"alone-{seed}")
        assert summary(tmp_path / "sweep" / str(seed))["config_hash"] == config.hash()
        together, alone = (metrics(tmp_path / name)[-1] for name in (f"sweep/{seed}", f"alone-{seed}"))
        assert together["val_loss_target"] == pytest.approx(alone["val_loss_target"], rel=1e-4)
    assert not (tmp_path / "sweep/0/included").exists()
    assert (tmp_path / "sweep/included" / config.include[0] / FADE).is_file()


def test_a_multirun_goes_on_without_its_source(mine: Path, tmp_path: Path) -> None:
    experiment = "# @package _global_\ndefaults:\n  - override /method: fade\n  - _self_\nseed: 5\n"
    put("conf/experiment/own.yaml", experiment)(mine)
    jobs = ("-m", "include=mine", "experiment=own", *OWN[1:], "seed=0,1", "hydra.sweep.dir=sweep")
    assert call_main(*jobs, cwd=tmp_path).returncode == 0
    whole = shutil.copytree(tmp_path / "sweep", tmp_path / "whole")
    shutil.rmtree(tmp_path / "sweep/1")  # a job that was not begun
    shutil.rmtree(mine)
    done = run_cli("resume=sweep", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 runs have ended, 1 are continued" in done.stdout
    again, before = summary(tmp_path / "sweep/1"), summary(whole / "1")
    assert (again["config_hash"], again["method"]) == (before["config_hash"], "fade")


def test_a_study_searches_an_included_space(mine: Path, tmp_path: Path) -> None:
    space = (
        "# @package _global_\ndefaults:\n  - override /hydra/sweeper: optuna\nhydra:\n  mode: MULTIRUN\n"
        "  sweeper:\n    space: own\n    params:\n      model.width: choice(4,8)\n"
    )
    put("conf/sweep/own.yaml", space)(mine)
    study = ("-m", "include=mine", "sweep=own", *OWN, "training.epochs=1", "hydra.sweeper.n_trials=2")
    done = call_main(*study, "hydra.sweeper.folder=study", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "study own-fade-blobs-" in done.stdout
    assert len(list((tmp_path / "study/included").glob("*/methods/fade.py"))) == 1
    swap(FADE, "at t = 1", "at t = 1.")(mine)
    done = call_main(*study, "hydra.sweeper.folder=study2", cwd=tmp_path)
    names = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("study own-")}
    first = {path.name for path in (tmp_path / "study").iterdir()}
    assert len(names) == 1
    assert not any(name in str(first) for name in names)


def test_a_configuration_travels_to_another_process(mine: Path) -> None:
    import pickle

    config = compose(*OWN, include=[mine])
    assert pickle.loads(pickle.dumps(config)) == config
    assert replace(config, seed=3).hash() != config.hash()


def test_arrays_of_a_file_train_by_their_content(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 4)).astype(np.float32), generator.integers(0, 3, 60)
    arrays: dict[str, Any] = {"x_train": x, "y_train": y, "x_test": x[:20], "y_test": y[:20]}
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez(tmp_path / "b.npz", **arrays, x_validation=x[:10], y_validation=y[:10])
    shutil.copy(tmp_path / "a.npz", tmp_path / "c.npz")
    a, b, c = (compose("dataset=arrays", f"dataset.file={tmp_path}/{name}.npz") for name in "abc")
    assert a.hash() == c.hash() != b.hash()
    assert [len(one.dataset.load(tmp_path).validation.y) for one in (a, b)] == [6, 10]
    run = ("dataset=arrays", "dataset.file=a.npz", "training.epochs=1", "training.batch_size=10", "model.depth=2")
    done = call_main(*run, "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/summary.json").read_text())["config"]["dataset"]["sha256"] == a.dataset.sha256  # type: ignore[attr-defined]


@pytest.mark.parametrize("one_column", [True, False], ids=["lists", "columns"])
def test_every_format_holds_the_same_arrays(one_column: bool, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet
    from safetensors.numpy import save_file

    x, y = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32), np.arange(30) % 3
    parts = {"train": slice(0, 18), "test": slice(18, 24), "validation": slice(24, 30)}
    arrays: dict[str, Any] = {
        f"{name}_{part}": v[one] for part, one in parts.items() for name, v in (("x", x), ("y", y))
    }
    np.savez(tmp_path / "a.npz", **arrays)
    save_file(arrays, tmp_path / "a.safetensors")
    split = [part for part, one in parts.items() for _ in range(one.start, one.stop)]
    columns = {"x": x.tolist()} if one_column else {f"feature_{i}": x[:, i] for i in range(3)}
    parquet.write_table(pyarrow.table({"split": split, "y": y, **columns}), tmp_path / "a.parquet")
    read = [read_arrays(str(tmp_path / f"a.{form}")) for form in ("npz", "safetensors", "parquet")]
    for other in read[1:]:
        for ours, theirs in zip(read[0].splits(), other.splits(), strict=True):
            np.testing.assert_array_equal(ours.x, theirs.x)
            np.testing.assert_array_equal(ours.y, theirs.y)


WRONG_FILES: dict[str, tuple[str, dict[str, Any], str]] = {
    "none": ("null", {}, "dataset.file=null: accepted: a file, .npz, .safetensors or .parquet"),
    "missing": ("nowhere.npz", {}, "dataset.file=nowhere.npz: No such file or directory; accepted"),
    "format": ("a.csv", {}, "dataset.file=a.csv: accepted: .npz, .safetensors or .parquet with x_train"),
    "no archive": ("b.npz", {}, "dataset.file=b.npz: cannot be read ("),
    "another split": (
        "h.npz",
        {"x_val": np.zeros((20, 4)), "y_val": np.zeros(20, int)},
        "there is no split val; accepted: x_ and y_ of train, test, validation",
    ),
    "lacks one": ("c.npz", {"y_test": None}, "has no array y_test; accepted: x_train, y_train, x_test, y_test"),
    "labels": ("d.npz", {"y_train": np.zeros(20)}, "y_train is float64[20]; x_train has shape (20, 4)"),
    "shapes": ("e.npz", {"x_test": np.zeros((20, 5))}, "x_test has samples (5,), x_train (4,)"),
    "not finite": ("f.npz", {"x_train": np.full((20, 4), np.nan)}, "it holds values that are not finite"),
    "objects": (
        "g.npz",
        {"x_train": np.array([{}] * 20)},
        "cannot be read (ValueError: Object arrays cannot be loaded",
    ),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_file_of_arrays_is_one_line(case: str, tmp_path: Path) -> None:
    name, change, expected = WRONG_FILES[case]
    labels = np.arange(20) % 2
    arrays = {"x_train": np.zeros((20, 4)), "y_train": labels, "x_test": np.zeros((20, 4)), "y_test": labels}
    kept = {key: value for key, value in {**arrays, **change}.items() if value is not None}
    if name in ("a.csv", "b.npz"):
        (tmp_path / name).write_text("no archive")
    elif name.endswith(".npz") and name != "nowhere.npz":
        np.savez(tmp_path / name, **kept)
    small = ("training.batch_size=5", "training.epochs=1")
    assert expected in the_error_line(call_main("dataset=arrays", f"dataset.file={name}", *small, cwd=tmp_path))
    assert trained(tmp_path) == []


def test_a_choice_of_a_name_that_cannot_be_is_not_written(tmp_path: Path) -> None:
    for name, expected in (("hta", "a built-in method has this name"), ("A-b", "small letters"), ("class", "word")):
        with pytest.raises(InputError, match=expected):
            new_choice("method", name, tmp_path)
    with pytest.raises(InputError, match="the file of a dataset imports this name"):
        new_choice("dataset", "samples", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_study_says_what_its_best_setting_includes(mine: Path, tmp_path: Path) -> None:
    study = ("-m", "sweep=lr", "hydra.sweeper.study=s", "hydra.sweeper.n_trials=1", "hydra/launcher=basic")
    done = call_main(*study, *SMALL, "include=mine", "method=fade", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (command,) = [line for line in done.stdout.splitlines() if "best.yaml" in line]
    assert command.split() == ["homotopy-train", "include=mine", "experiment=outputs/studies/s/best.yaml"]
    assert "It needs include=mine.\n" in (tmp_path / "outputs" / "studies" / "s" / "best.yaml").read_text()
    again = call_main(*command.split()[1:], "hydra.run.dir=again", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert summary(tmp_path / "again")["method"] == "fade"
