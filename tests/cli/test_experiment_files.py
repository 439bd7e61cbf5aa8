"""``experiment=FILE.yaml`` is shown as it is typed, while Hydra and the record have it as Hydra finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

import homotopy_bench
from homotopy_bench.config.compose import experiment_as_typed, experiment_file
from tests.cli.runner import TINY, call_main, summary, the_error_line
from tests.composing import compose

SETTING = "# @package _global_\ntraining:\n  epochs: 1\n"


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A working directory with two settings in it, and one beside it."""
    cwd = tmp_path / "here"
    (cwd / "outputs").mkdir(parents=True)
    for file in (cwd / "outputs" / "best.yaml", cwd / "other.yaml", tmp_path / "beside.yaml"):
        file.write_text(SETTING)
    return cwd


TYPED = ("other.yaml", "outputs/best.yaml", "../beside.yaml", "other.yaml,outputs/best.yaml", "strong_baseline")


@pytest.mark.parametrize("value", TYPED)
def test_what_hydra_reads_is_shown_as_it_was_typed(value: str, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(below)
    assert experiment_as_typed(experiment_file(f"experiment={value}")) == f"experiment={value}"


def test_a_file_far_away_is_shown_from_the_root(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(below)
    read = experiment_file(f"experiment={below / 'other.yaml'}")
    assert experiment_as_typed(read) == "experiment=other.yaml"
    monkeypatch.chdir("/proc/self")
    assert experiment_as_typed(read) == f"experiment={below / 'other.yaml'}"


def test_a_multirun_shows_its_files_as_they_were_typed(below: Path) -> None:
    typed = "experiment=other.yaml,../beside.yaml"
    done = call_main("-m", typed, *TINY, "hydra.sweep.dir=sweep", cwd=below)
    assert (done.returncode, done.stderr) == (0, "")
    for number, job in enumerate(("experiment=other.yaml", "experiment=../beside.yaml")):
        assert f"#{number} : {job} " in done.stdout  # when it is launched
        assert f"#{number} {job} " in done.stdout  # when it has ended
        record = summary(below / "sweep" / str(number))
        assert typed in record["command"]
        assert compose(*record["overrides"]).hash() == record["config_hash"]  # from another directory


# What is typed, and what the line begins with.
WRONG = (
    ("experiment=other.yaml,../beside.yaml", "experiment=other.yaml,../beside.yaml: accepted: one value"),
    ("experiment=../nothing.yaml", "experiment=../nothing.yaml: no such file"),
)


@pytest.mark.parametrize(("typed", "begins"), WRONG)
def test_an_error_shows_the_files_as_they_were_typed(typed: str, begins: str, below: Path) -> None:
    assert the_error_line(call_main(typed, cwd=below)).startswith(begins)


def test_it_is_composed_as_it_is_typed(below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(below)
    assert homotopy_bench.compose("experiment=../beside.yaml").training.epochs == 1
