"""A trial that the machine fails, or that is interrupted, is no failed trial: the same command ends it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.full_disk import files_of_at_most
from tests.cli.runner import call_main, run_until, summary

SETTINGS = ("model.depth=3", "model.width=64", "dataset.samples=500", "training.batch_size=30", "training.epochs=2")

STUDY = ("hydra.sweeper.study=study", "hydra.sweeper.n_trials=2", "training.checkpoint_every=1")

SWEEP = ("-m", "sweep=lr", *SETTINGS, *STUDY)


def test_a_full_disk_uses_up_no_trial(tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "studies" / "study"
    with files_of_at_most(100_000):  # a checkpoint has more
        failed = call_main(*SWEEP, cwd=tmp_path)
    assert failed.returncode == 2
    line = failed.stderr.splitlines()[-1]
    assert line.startswith(
        "homotopy-train: hydra.sweeper=trial 0: all 2 of a batch failed: OSError: [Errno 27] File too"
    )
    assert "the same command continues this study" in failed.stdout
    assert summary(folder / "0")["fault"] == "machine"
    again = call_main(*SWEEP, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "study study: 2 trials (2 completed)" in again.stdout


def test_an_interrupted_trial_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "studies" / "study"
    interrupted = run_until("checkpoint.pt replaced 1", *SWEEP, cwd=tmp_path, SIGNAL="SIGINT")
    assert interrupted.returncode == 130, interrupted.stderr
    parameters = summary(folder / "0")["overrides"]
    again = call_main(*SWEEP, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "study study: 2 trials (2 completed)" in again.stdout
    assert sorted(path.parent.name for path in folder.glob("*/summary.json")) == ["0", "1"]
    assert summary(folder / "0")["overrides"] == parameters
    assert "(from step " in (folder / "0" / "train.log").read_text()
