"""The name of a study: another setting is another study, and its trials stay in one folder whatever they search."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from homotopy_bench.sweeps.studies.naming import default_name
from tests.cli.runner import TINY, call_main, summary
from tests.composing import compose

BOTH = ("method=baseline", "method=identity_homotopy")


def name(*fixed: str, searched: tuple[str, ...] = ("optimizer.lr",), edges: tuple[str, ...] = ("seed=1000",)) -> str:
    """The default name of a study whose trials have some overrides, with its edges as further ones."""
    return default_name("custom", searched, [compose(*fixed, edge) for edge in edges])


def test_a_name_says_what_is_tuned() -> None:
    assert name("method=hta").rpartition("-")[0] == "custom-hta-mnist1d"
    assert name(searched=("method",), edges=BOTH).rpartition("-")[0] == "custom-mnist1d"
    digits = name().rpartition("-")[2]
    assert len(digits) == 8
    assert set(digits) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "override", ["model.depth=6", "training.l2=0.1", "dataset.samples=500", "lr_schedule=constant"]
)
def test_another_setting_has_another_name(override: str) -> None:
    assert name(override) != name()
    assert name(override, searched=("method",), edges=BOTH) != name(searched=("method",), edges=BOTH)


SAME = ("seed=1001", "optimizer.lr=0.5", "paths.outputs=x", "hardware.dtype=float64", "logger=tensorboard")


@pytest.mark.parametrize("override", SAME)
def test_what_defines_no_setting_leaves_the_name(override: str) -> None:
    assert name(override, edges=("training.l1=0",)) == name(edges=("training.l1=0",))


def test_a_setting_of_a_searched_group_counts() -> None:
    one = {"searched": ("method",), "edges": ("method=hta",)}
    assert name("method.anchor=0.5", **one) != name(**one)


STUDY = ("-m", "hydra/sweeper=optuna", *TINY, "training.epochs=1", "hydra/launcher=basic")


def studies(cwd: Path) -> list[Path]:
    return sorted((cwd / "outputs" / "studies").iterdir())


def test_one_storage_keeps_a_study_for_each_setting(tmp_path: Path) -> None:
    arguments = (*STUDY, "method=baseline", "optimizer.lr=interval(1e-3,1e-2)", "hydra.sweeper.storage=all.journal")
    for more in ("hydra.sweeper.n_trials=1", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_trials=1 model.depth=4"):
        done = call_main(*arguments, *more.split(), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    names = [folder.name for folder in studies(tmp_path)]
    counts = {}
    for one in optuna.get_all_study_names(storage := JournalStorage(JournalFileBackend(str(tmp_path / "all.journal")))):
        counts[one] = len(optuna.load_study(study_name=one, storage=storage).trials)
    assert sorted(counts) == names
    assert sorted(counts.values()) == [1, 2]


NAMES = {
    "the default": ((), None),
    "given": ((r"hydra.sweeper.study='${method.name} of mine\'s'",), "identity_homotopy of mine's"),
}


@pytest.mark.parametrize(("given", "expected"), NAMES.values(), ids=NAMES)
def test_a_searched_method_leaves_the_study_and_its_folder(
    given: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    sampling = ("method=choice(baseline,identity_homotopy)", "hydra.sweeper.sampler=grid")
    pruning = ("training.epochs=2", "training.eval_every=1", "hydra.sweeper.pruner=median")
    done = call_main(*STUDY, *sampling, *pruning, *given, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = studies(tmp_path)
    assert expected in (None, folder.name)
    assert {summary(folder / job)["method"] for job in "01"} == {"baseline", "identity_homotopy"}
    for job in "01":
        sweeper = yaml.safe_load((folder / job / ".hydra" / "hydra.yaml").read_text())["hydra"]["sweeper"]
        assert sweeper["study"] == folder.name
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    trials = optuna.load_study(study_name=folder.name, storage=storage).trials
    assert any(trial.intermediate_values for trial in trials)
