"""A trial that the machine fails, or that is interrupted, is no failed trial: the same command ends it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hydra import compose as compose_with_hydra
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from homotopy_bench import compose, train
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.sweeps.studies.composition import Composition
from tests.cli.full_disk import files_of_at_most
from tests.cli.runner import TINY, call_main, run_until, summary

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


@pytest.mark.parametrize(
    ("more", "folders"), [((), ["0", "1"]), (("hardware.threads=2",), ["0_attempt2", "1_attempt2"])]
)
def test_an_interrupted_trial_goes_on_from_its_checkpoint_where_it_can(
    more: tuple[str, ...], folders: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "outputs" / "studies" / "study"
    interrupted = run_until("checkpoint.pt replaced 1", *SWEEP, cwd=tmp_path, SIGNAL="SIGINT")
    assert interrupted.returncode == 130, interrupted.stderr
    parameters = set(summary(folder / "0")["overrides"])
    again = call_main(*SWEEP, *more, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "study study: 2 trials (2 completed)" in again.stdout
    ends = {path.parent.name: summary(path.parent)["status"] for path in folder.glob("*/summary.json")}
    assert sorted(name for name, status in ends.items() if status == "completed") == folders
    assert set(summary(folder / folders[0])["overrides"]) == parameters | set(more)
    assert ("(from step " in (folder / folders[0] / "train.log").read_text()) == (not more)


def test_a_study_in_memory_takes_no_value_from_the_records_of_another(tmp_path: Path) -> None:
    grid = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.sampler=grid", "hydra.sweeper.storage=memory")
    tiny = (*grid, *TINY, "training.epochs=1", "hydra.sweeper.study=study", "hydra.sweeper.n_trials=1")
    for rates in ("1e-3,1e-2", "1e-2,1e-3"):
        done = call_main(*tiny, f"optimizer.lr={rates}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "hydra.sweeper.n_trials=1 leaves out the last 1 of the grid's 2 points\n" in done.stdout
    folder = tmp_path / "outputs" / "studies" / "study"
    with (folder / "trials.csv").open() as file:
        (row,) = csv.DictReader(file)
    record = summary(folder / "0_attempt2")
    assert (row["folder"], float(row["val_acc"])) == ("0_attempt2", record["final"]["val_acc_target"])
    assert float(row["optimizer.lr"]) == record["config"]["optimizer"]["lr"] == 1e-2


def test_a_run_goes_on_with_the_hardware_that_was_chosen_where_it_began(tmp_path: Path) -> None:
    asked = [*TINY, "training.epochs=1", "hardware=auto"]
    train(compose(*asked), tmp_path)
    assert summary(tmp_path)["config"]["hardware"]["name"] != "auto"
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        master = compose_with_hydra("config", return_hydra_config=True)
        composition = Composition(GlobalHydra.instance().config_loader(), master)
    assert composition.began(tmp_path, [*asked, "logger=tensorboard"])
    for more in ("hardware.threads=2", "seed=1", "seed=no"):
        assert not composition.began(tmp_path, [*asked, more])
    assert not composition.began(tmp_path / "nowhere", asked)
