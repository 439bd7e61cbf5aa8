"""A run trained beside others leaves the record that it leaves alone, whatever becomes of the others."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from homotopy_bench import train, train_many
from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.data.base import Splits
from homotopy_bench.runs import many
from homotopy_bench.runs.driver import Driver
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.job import Job, Prune, Result
from homotopy_bench.runs.many import train_members
from homotopy_bench.runs.member import Member
from homotopy_bench.runs.parallel import Processes
from homotopy_bench.runs.probe import Probe
from homotopy_bench.tracking.display import Silent
from homotopy_bench.tracking.record import read_metrics
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, need_data
from tests.composing import compose
from tests.runs.records import assert_close, assert_same_record, shown

TOGETHER = Fusing(probe=False, threads=1)

CASE = CASES["identity-circular/mlp-orthogonal/mnist1d"]

METHODS_AND_MODELS = [
    name
    for name in CASES
    if name.endswith("/mnist1d") and ("/mlp-kaiming/" in name or name.startswith("identity-circular/"))
]
"""Every method on one model, and one method on every model of signals."""

IMAGES = [
    "baseline/vgg11/cifar10",
    "hta/cnn-image/mnist",
    "convexity-per-neuron/cnn-image/mnist",
    "curvature-lr/cnn-image/mnist",
    "identity-residual/cnn-image/cifar10",
]

SHORT = ("training.epochs=3", "training.checkpoint_every=1")


def own(number: int, *overrides: str, case: Sequence[str] = CASE) -> Config:
    """The configuration of the member with a number: seed, rate, and on some paths the length of the warm-up differ."""
    return compose(*case, *SHORT, f"seed={number}", f"optimizer.lr={0.002 * (number + 1)}", *overrides)


def begun(folder: Path, configs: Sequence[Config], prune: Mapping[int, Prune] | None = None) -> list[Member]:
    asked = prune or {}
    jobs = [Job(config, folder / str(number), [], asked.get(number)) for number, config in enumerate(configs)]
    return [Member.begin(job) for job in jobs]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The members with numbers 0 to 4, each trained by itself."""
    folder = tmp_path_factory.mktemp("alone")
    for number in range(5):
        train(own(number), folder / str(number))
    return folder


@pytest.mark.parametrize("name", METHODS_AND_MODELS)
def test_a_run_beside_others_leaves_the_record_it_leaves_alone(name: str, tmp_path: Path) -> None:
    few = ("training.epochs=2", "dataset.samples=250")
    configs = [own(number, *few, case=CASES[name]) for number in range(3)]
    train(configs[1], tmp_path / "alone")
    results = train_many(configs, [tmp_path / str(number) for number in range(3)], probe=False, threads=1)
    assert [result.summary["seed"] for result in results] == [0, 1, 2]
    assert "trains with 2 more" in (tmp_path / "1" / "train.log").read_text()
    assert_same_record(tmp_path / "1", tmp_path / "alone")


@pytest.mark.parametrize("name", IMAGES)
def test_a_run_on_images_beside_others_leaves_the_record_it_leaves_alone(
    name: str, data_root: Path, tmp_path: Path
) -> None:
    dataset = name.rpartition("/")[2]
    need_data(dataset, data_root)
    few = ("training.epochs=2",)
    configs = [own(number, *few, case=CASES[name]) for number in range(3)]
    train(configs[1], tmp_path / "alone")
    train_many(configs, [tmp_path / str(number) for number in range(3)], probe=False, threads=1)
    assert "trains with 2 more" in (tmp_path / "1" / "train.log").read_text()
    assert_same_record(tmp_path / "1", tmp_path / "alone")


@pytest.mark.parametrize("name", [name for name in METHODS_AND_MODELS if "/mlp-kaiming/" in name])
def test_in_single_precision_the_first_steps_agree_within_rounding(name: str, tmp_path: Path) -> None:
    few = ("training.epochs=4", "training.batch_size=64", "hardware.dtype=float32")
    configs = [own(number, *few, case=CASES[name]) for number in range(3)]
    begin = time.perf_counter()
    train_many(configs, [tmp_path / str(number) for number in range(3)], probe=False, threads=1)
    passed = time.perf_counter() - begin
    train(configs[1], tmp_path / "alone")
    lines, expected = (read_metrics(tmp_path / folder / "metrics.jsonl") for folder in ("1", "alone"))
    assert expected[3]["step"] == 20
    assert [line["train_loss"] for line in lines] == pytest.approx([line["train_loss"] for line in expected], rel=1e-5)
    costs = [read_metrics(tmp_path / str(number) / "metrics.jsonl")[-1]["cost"] for number in range(3)]
    assert len({(cost["train_seconds"], cost["eval_seconds"]) for cost in costs}) == 1, "equal shares"
    assert 0 < sum(cost["train_seconds"] + cost["eval_seconds"] for cost in costs) < passed


def test_many_runs_get_no_pictures_and_keep_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homotopy_bench.runs.many.MOST_PICTURES", 1)
    few = ("training.epochs=2", "dataset.samples=250")
    jobs = [Job(own(number, *few), tmp_path / str(number), [], keeps_network=number == 1) for number in range(2)]
    members = [Member.begin(job) for job in jobs]
    assert train_members(members, TOGETHER)
    results = [member.result for member in members]
    assert [result is not None and result.trained is not None for result in results] == [False, True]
    assert [member.best for member in members] == [None, None]
    assert len(list(tmp_path.rglob("best.safetensors"))) == 2
    assert not list(tmp_path.rglob("curves.png"))


def test_neighbours_and_their_order_do_not_matter(alone: Path, tmp_path: Path) -> None:
    def prune(line: Mapping[str, Any], _samples: int) -> bool:
        return bool(line["epoch"] == 1)

    configs = [own(4), own(1), own(0, "optimizer.lr=1e200", "training.clip_norm=null"), own(3), own(2), own(0)]
    members = begun(tmp_path, configs, {3: prune})
    sizes = []
    build = Trainer.__init__

    def counted(self: Trainer, configs: Sequence[Config], splits: Splits) -> None:
        sizes.append(len(configs))
        build(self, configs, splits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "__init__", counted)
        assert train_members(members, TOGETHER)
    assert sizes == [6, 6, 4], "the measurement of memory, all runs, and those that go on after the first epoch"
    ends = [member.status for member in members]
    assert ends == ["completed", "completed", "diverged", "pruned", "completed", "completed"]
    for number, same in ((0, 4), (1, 1), (4, 2), (5, 0)):
        assert_same_record(tmp_path / str(number), alone / str(same))
    diverged, pruned = (json.loads((tmp_path / str(n) / "summary.json").read_text()) for n in (2, 3))
    whole = json.loads((alone / "3" / "summary.json").read_text())
    assert "validation loss" in diverged["reason"]
    assert diverged.keys() == pruned.keys() == whole.keys()
    assert diverged["final"].keys() == pruned["final"].keys() == whole["final"].keys()
    assert (pruned["reason"], pruned["final"]["epoch"]) == ("after epoch 1", 1)
    lines = [read_metrics(folder / "3" / "metrics.jsonl") for folder in (tmp_path, alone)]
    assert_close(shown(lines[0]), shown(lines[1][:1]))


def test_a_record_that_cannot_be_written_fails_its_run_alone(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "drop", lambda _: pytest.fail("the processes of the others are left"))

    def spoil(_line: Mapping[str, Any], _samples: int) -> bool:
        (tmp_path / "1" / "checkpoint.pt").mkdir(exist_ok=True)  # where a file should go
        return False

    members = begun(tmp_path, [own(number) for number in range(3)], {1: spoil})
    assert train_members(members, TOGETHER)
    assert [member.status for member in members] == ["completed", "failed", "completed"]
    assert isinstance(members[1].error, OSError)
    assert json.loads((tmp_path / "1" / "summary.json").read_text())["status"] == "failed"
    for number in (0, 2):
        assert_same_record(tmp_path / str(number), alone / str(number))


OUT_OF_MEMORY = {
    "host": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    "device": torch.OutOfMemoryError("CUDA out of memory."),
    "python": MemoryError(),
}


@pytest.mark.parametrize("kind", OUT_OF_MEMORY)
def test_too_little_memory_halves_a_group_and_loses_nothing(
    kind: str, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Trainer.advance
    tried: list[int] = []

    def exhausted(self: Trainer) -> None:
        if self.step == 15:
            tried.append(self.ensemble.members)
            if self.ensemble.members > 2:
                raise OUT_OF_MEMORY[kind]
        advance(self)

    monkeypatch.setattr(Trainer, "advance", exhausted)
    said: list[str] = []
    members = begun(tmp_path, [own(number) for number in range(5)])
    assert train_members(members, TOGETHER, say=said.append)
    assert tried == [5, 3, 2, 1, 2]
    assert sum("go on in halves" in line for line in said) == 2
    for number in range(5):
        assert_same_record(tmp_path / str(number), alone / str(number))


def test_runs_without_folders_lie_below_their_own_outputs(tmp_path: Path) -> None:
    configs = [own(number, f"paths.outputs={tmp_path / name}") for number, name in enumerate("ab")]
    folders = [result.folder.relative_to(tmp_path) for result in train_many(configs, probe=False)]
    assert [(folder.parts[0], folder.name) for folder in folders] == [("a", "0"), ("b", "1")]
    assert folders[0].parent.parts[1:] == folders[1].parent.parts[1:], "one time names them"


@pytest.mark.parametrize("where", ["target_network", "member_state"])
def test_memory_that_ends_with_the_training_loses_no_record(
    where: str, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members have a status then, but no summary yet."""
    whole = getattr(Trainer, where)
    calls = []

    def scarce(training: Trainer, member: int) -> Any:
        calls.append(member)
        if len(training.configs) > 2 and len(calls) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return whole(training, member)

    monkeypatch.setattr(Trainer, where, scarce)
    configs = [own(number) for number in range(4)]
    results = train_many(configs, [tmp_path / str(n) for n in range(4)], probe=False)
    assert [result.summary["seed"] for result in results] == [0, 1, 2, 3]
    for number in range(4):
        assert results[number].summary["status"] == "completed"
        assert_same_record(tmp_path / str(number), alone / str(number))


def test_any_other_failure_ends_at_its_run(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = Trainer.advance

    def broken(self: Trainer) -> None:
        if self.step == 15 and any(config.seed == 1 for config in self.configs):
            raise RuntimeError("seed 1 cannot be trained")
        advance(self)

    monkeypatch.setattr(Trainer, "advance", broken)
    left: list[Processes] = []
    monkeypatch.setattr(Processes, "drop", lambda self: left.append(self))
    members = begun(tmp_path, [own(number) for number in range(3)])
    assert train_members(members, TOGETHER)
    assert len(left) == 2, "of the three together, and of the one alone"
    assert [member.status for member in members] == ["completed", "failed", "completed"]
    assert str(members[1].error) == "seed 1 cannot be trained"
    for number in (0, 2):
        assert_same_record(tmp_path / str(number), alone / str(number))


def test_an_interrupted_group_continues(alone: Path, tmp_path: Path) -> None:
    def interrupt(_line: Mapping[str, Any], _samples: int) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    configs = [own(number) for number in range(3)] + [own(3, "model.depth=3")]
    members = begun(tmp_path, configs, {1: interrupt})
    assert not train_members(members, TOGETHER)
    assert [member.status for member in members] == ["interrupted"] * 4
    reasons = [json.loads((tmp_path / str(n) / "summary.json").read_text())["reason"] for n in range(4)]
    assert reasons == ["after 11 of 33 steps"] * 3 + ["the training of all jobs was ended"]
    again = [Member.continued(Job(config, tmp_path / str(n), [])) for n, config in enumerate(configs)]
    assert [member.step for member in again] == [11, 11, 11, 0]
    assert train_members(again, TOGETHER)
    for number in range(3):
        assert_same_record(tmp_path / str(number), alone / str(number))
    assert again[3].status == "completed"


def test_a_signal_in_the_last_evaluation_still_ends_what_has_not_begun(tmp_path: Path) -> None:
    class Late(Silent):
        def evaluated(self, line: Mapping[str, Any]) -> None:
            if line["u"] == 1.0 and not asked:
                asked.append(line)
                signal.raise_signal(signal.SIGINT)

    asked: list[Mapping[str, Any]] = []
    members = begun(tmp_path, [own(0), own(1), own(2, "model.depth=3")])
    assert not train_members(members, TOGETHER, lambda _: Late())
    assert [member.status for member in members] == ["completed", "completed", "interrupted"]
    assert [member.error for member in members] == [None] * 3


def test_a_reader_who_leaves_ends_no_run(alone: Path, tmp_path: Path) -> None:
    class Left(Silent):
        def evaluated(self, line: Mapping[str, Any]) -> None:
            if line["epoch"] == 2:
                raise BrokenPipeError

    configs = [own(number) for number in range(2)]
    with pytest.raises(BrokenPipeError):
        train_members(begun(tmp_path, configs), TOGETHER, lambda _: Left())
    assert [json.loads((tmp_path / str(n) / "summary.json").read_text())["status"] for n in range(2)] == [
        "interrupted"
    ] * 2
    again = [Member.continued(Job(config, tmp_path / str(n), [])) for n, config in enumerate(configs)]
    assert train_members(again, TOGETHER)
    for number in range(2):
        assert_same_record(tmp_path / str(number), alone / str(number))


def test_a_screen_that_cannot_be_written_to_leaves_complete_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Silent, "finish", finish)
    with pytest.raises(OSError, match="No space left"):
        train(compose(*CASE, "training.epochs=1"), tmp_path / "alone")
    train_many([compose(*CASE, "training.epochs=1", "seed=1")], [tmp_path / "many"])
    for name in ("alone", "many"):
        assert json.loads((tmp_path / name / "summary.json").read_text())["status"] == "completed"


def test_runs_at_different_steps_continue_in_groups_of_their_own(alone: Path, tmp_path: Path) -> None:
    def stop(_line: Mapping[str, Any], _samples: int) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    configs = [own(number) for number in range(4)]
    train_members(begun(tmp_path, configs[:2], {0: stop}), TOGETHER)
    rest = [Member.begin(Job(config, tmp_path / str(n), [])) for n, config in enumerate(configs) if n >= 2]
    again = [Member.continued(Job(configs[n], tmp_path / str(n), [])) for n in range(2)]
    said: list[str] = []
    assert train_members([rest[0], again[0], rest[1], again[1]], TOGETHER, say=said.append)
    assert len(said) == 2
    for number in range(4):
        assert_same_record(tmp_path / str(number), alone / str(number))


@pytest.mark.parametrize(
    ("measured", "free", "parts"),
    [
        (Probe(5, 1000, 1, 2.0), 10**9, [[0, 1, 2, 3, 4]]),
        (Probe(5, 1000, 1, 1.05), 10**9, [[0], [1], [2], [3], [4]]),
        (Probe(5, 1000, 1, 2.0), 4000, [[0, 1], [2, 3], [4]]),
        (Probe(5, 1000, 1, None), 3000, [[0], [1], [2], [3], [4]]),
    ],
)
def test_measurements_decide(
    measured: Probe, free: int, parts: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "probe", lambda *_: measured)
    monkeypatch.setattr(many, "available_memory", lambda _: free)
    trained: list[list[int]] = []

    def attempt(driver: Driver) -> None:
        trained.append([member.job.config.seed for member in driver.members])

    monkeypatch.setattr(many, "_attempt", attempt)
    said: list[str] = []
    train_members(begun(tmp_path, [own(number) for number in range(5)]), Fusing(), say=said.append)
    assert trained == parts
    assert len(said) == 1
    assert ("one by one" in said[0]) == (len(parts) == 5)


def test_a_bound_on_members_splits_a_group(tmp_path: Path) -> None:
    configs = [own(number, "training.epochs=1") for number in range(3)]
    train_many(configs, [tmp_path / str(n) for n in range(3)], max_members=2, probe=False)
    logs = [(tmp_path / str(n) / "train.log").read_text() for n in range(3)]
    assert ["trains with 1 more" in log for log in logs] == [True, True, False]
    assert "trains alone" in logs[2]


def test_a_bound_on_members_holds_where_nothing_could_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scarce(*_: object) -> Probe:
        raise MemoryError

    monkeypatch.setattr(many, "probe", scarce)
    trained: list[int] = []
    monkeypatch.setattr(many, "_attempt", lambda driver: trained.append(len(driver.members)))
    said: list[str] = []
    members = begun(tmp_path, [own(number, "training.epochs=1000") for number in range(5)])
    train_members(members, Fusing(max_members=2), say=said.append)
    assert trained == [2, 2, 1]
    assert "not measured (MemoryError)" in said[0]


def test_the_process_has_the_threads_that_it_had(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 2)
    try:
        train(own(0, "training.epochs=1"), tmp_path / "0")
        train_many([own(number) for number in range(2)], [tmp_path / name for name in "ab"])
        assert torch.get_num_threads() == before + 2
    finally:
        torch.set_num_threads(before)


def test_a_folder_that_holds_a_run_fails_that_run_alone(tmp_path: Path) -> None:
    configs = [own(number, "training.epochs=1") for number in range(2)]
    train(configs[0], tmp_path / "0")
    failed, fine = train_many(configs, [tmp_path / "0", tmp_path / "1"])
    assert (failed.summary["status"], fine.summary["status"]) == ("failed", "completed")
    assert failed.summary.keys() == fine.summary.keys()
    assert math.isnan(failed.objective)
    with pytest.raises(ValueError, match="already holds a run"):
        failed.network  # noqa: B018
    assert isinstance(fine, Result)
    assert fine.network(torch.zeros(1, 40, dtype=torch.float64)).shape == (1, 10)


def test_a_record_that_cannot_be_begun_fails_that_run_alone(tmp_path: Path) -> None:
    (tmp_path / "1" / "train.log").mkdir(parents=True)
    configs = [own(number, "training.epochs=1") for number in range(3)]
    results = train_many(configs, [tmp_path / str(number) for number in range(3)])
    assert [one.summary["status"] for one in results] == ["completed", "failed", "completed"]
    assert "hydra.run.dir=" in results[1].summary["reason"]
    assert "train.log cannot be written" in results[1].summary["reason"]


def test_wrong_arguments_train_nothing(tmp_path: Path) -> None:
    wrong = {**own(0).to_dict(), "seed": -1}
    with pytest.raises(InputError, match="seed=-1"):
        train_many([own(0), wrong], [tmp_path / "0", tmp_path / "1"])
    with pytest.raises(ValueError, match="1 folders for 2 configurations"):
        train_many([own(0), own(1)], [tmp_path / "0"])
    with pytest.raises(InputError, match=r"hydra\.launcher\.max_members=0"):
        train_many([own(0)], [tmp_path / "0"], max_members=0)
    assert list(tmp_path.iterdir()) == []
    assert train_many([]) == []
