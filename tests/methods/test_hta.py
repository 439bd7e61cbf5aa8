"""HTA in the training loop: what its copies are, what they cost, when they become one, and what a run records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from homotopy_bench import train
from homotopy_bench.continuation.levels import Levels
from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import copy_seeds
from homotopy_bench.methods.coupling.proximal import Proximal
from homotopy_bench.methods.coupling.splits import check_groups
from homotopy_bench.methods.hta import HTA
from homotopy_bench.tracking.record import read_metrics
from homotopy_bench.training.trainer import Trainer
from tests.composing import compose
from tests.data.cifar_files import use_small_files, write_files
from tests.training_runs import begin, trained

SMALL = (
    *("model.depth=3", "model.width=8", "dataset.samples=500", "training.epochs=4", "training.batch_size=40"),
    *("hardware.dtype=float64", "lr_schedule=warmup_cosine", "seed=3"),
)
HTA_SGD = ("method=hta", "optimizer=sgd", "method.L=[0.02,0.01]", "method.epochs_per_level=1", *SMALL)
BASELINE = ("method=baseline", "optimizer=sgd", *SMALL)
EPOCH = 9
PATH = 2 * EPOCH
"""Steps of an epoch, and of the two levels; 36 steps in all."""

OFF = ("method.anchor=0.0", "method.coupling=0.0")


def moments(training: Trainer) -> torch.Tensor:
    return torch.stack([training.optimizer.state[row[0]]["momentum_buffer"] for row in training.ensemble.rows])


@pytest.mark.parametrize("update", ["proximal", "literal"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_both_penalties_off_the_copies_are_independent_runs_bitwise(update: str, dtype: str) -> None:
    last = (f"hardware.dtype={dtype}",)
    seeds = copy_seeds(3, 2)
    assert seeds[0] == 3
    runs = [(*BASELINE, *last, f"seed={seed}") for seed in seeds]
    independent = trained(*runs, steps=PATH)
    copies = trained((*HTA_SGD, *OFF, *last, f"method.update={update}", "method.batches=separate"), steps=PATH)
    assert torch.equal(copies.ensemble.theta, independent.ensemble.theta)
    assert copies.meters.pop_train_loss() == [sum(independent.meters.pop_train_loss()) / 2]
    if dtype == "float64":
        for row, run in zip(copies.ensemble.theta, runs, strict=True):
            torch.testing.assert_close(row, trained(run, steps=PATH).ensemble.theta[0], rtol=1e-12, atol=1e-12)


def test_copies_see_one_batch_or_their_own() -> None:
    shared, separate = begin(HTA_SGD), begin((*HTA_SGD, "method.batches=separate"))
    ours, theirs = begin(BASELINE), begin((*BASELINE, f"seed={copy_seeds(3, 2)[1]}"))
    for step in (0, EPOCH, PATH - 1):
        both, own = shared.batches(step)[0], separate.batches(step)[0]
        assert torch.equal(both[0], both[1])
        assert torch.equal(both[0], ours.batches(step)[0][0])
        assert torch.equal(own[0], both[0])
        assert torch.equal(own[1], theirs.batches(step)[0][0])
        assert not torch.equal(own[1], own[0])


@pytest.mark.parametrize("copies", [2, 3])
def test_copies_cost_a_gradient_parameters_and_state_each_until_they_are_one(copies: int) -> None:
    training = begin((*HTA_SGD, f"method.groups={copies}"))
    size = training.target_network(0).state_dict()
    parameters = sum(value.numel() for value in size.values())
    for step in range(36):
        training.advance()
        rows = copies if step < PATH else 1
        assert training.meters.last.gradients == [rows]
        assert training.ensemble.theta.shape == training.ensemble.gradient.shape == (rows, parameters)
        assert moments(training).shape == (rows, parameters)


def test_at_the_target_the_mean_trains_on_f_alone() -> None:
    training = trained(HTA_SGD, steps=PATH)
    theta, momenta = training.ensemble.theta.mean(dim=0), moments(training).mean(dim=0)
    baseline = begin(BASELINE)
    baseline.step = PATH
    baseline.ensemble.theta[0] = theta
    (row,) = baseline.ensemble.rows[0]
    baseline.optimizer.state[row]["momentum_buffer"] = momenta.clone()
    for _ in range(36 - PATH):
        training.advance()
        baseline.advance()
        assert torch.equal(training.ensemble.theta, baseline.ensemble.theta)
    assert training.last_t() == [1.0]


def test_the_target_is_the_mean_of_the_copies_with_their_mean_statistics() -> None:
    training = trained((*HTA_SGD, "model.block=batchnorm"), steps=5)
    on_path, copies = training.ensemble, training.evaluate_copies("validation")
    assert training.evaluate("validation")[0].accuracy == sum(score.accuracy for score in copies[0]) / 2
    network = training.target_network(0)
    for name, value in network.state_dict().items():
        stacked = {**on_path.parameters, **on_path.buffers}[name].detach()
        expected = stacked.double().mean(dim=0)
        torch.testing.assert_close(value.double(), expected, rtol=1e-14, atol=1e-14)
    with training.at_target():
        (score,) = training.evaluate("validation")
    split = training.splits["validation"]
    assert score.accuracy == (network(split.x).argmax(1) == split.y).double().mean().item()
    assert training.ensemble is on_path
    distance = torch.linalg.vector_norm(on_path.theta[0] - on_path.theta[1]) / torch.linalg.vector_norm(
        on_path.theta[0]
    )
    assert training.diagnostics(0) == {"L": 0.02, "copies_distance": pytest.approx(distance.item(), rel=1e-12)}


LONGER = ("continuation=linear", "continuation.warmup_fraction=0.75", "seed=5")


@pytest.mark.parametrize("model", [("model.block=batchnorm",), ("model=cnn", "model.depth=2", "model.width=4")])
def test_members_merge_on_their_own_and_equal_separate_runs(model: tuple[str, ...]) -> None:
    case = [name for name in HTA_SGD if "model" not in name] if model[0] == "model=cnn" else list(HTA_SGD)
    three = (*case, *model, "method.groups=3", "method.split=random", "method.batches=separate")
    short, long = (*three, "continuation=linear", "continuation.warmup_fraction=0.25"), (*three, *LONGER)
    for steps, rows in ((9, (3, 3)), (20, (1, 3)), (36, (1, 1))):
        together = trained(short, long, steps=steps)
        assert together.rows.counts == rows
        with together.at_target():
            scores = together.evaluate("validation")
        for member, overrides in enumerate((short, long)):
            alone = trained(overrides, steps=steps)
            own = together.ensemble.theta[together.rows.of(member)]
            torch.testing.assert_close(own, alone.ensemble.theta, rtol=1e-11, atol=1e-11)
            with alone.at_target():
                assert scores[member].loss == pytest.approx(alone.evaluate("validation")[0].loss, rel=1e-9)


@pytest.mark.parametrize("stop", [1, PATH - 1, PATH, PATH + 1, 35])
def test_a_member_state_continues_bitwise_across_the_merge(stop: int) -> None:
    case = (*HTA_SGD, "model.block=batchnorm", "method.split=random", "method.reference=initial", "optimizer=adam")
    whole, half, continued = trained(case, steps=36), trained(case, steps=stop), begin(case)
    continued.load_member_states([half.member_state(0)])
    assert continued.diagnostics(0) == half.diagnostics(0)
    assert continued.evaluate("test") == half.evaluate("test")
    for _ in range(36 - stop):
        continued.advance()
    assert torch.equal(continued.ensemble.theta, whole.ensemble.theta)
    assert continued.meters.pop_train_loss() == whole.meters.pop_train_loss()
    assert all(torch.equal(value, whole.ensemble.buffers[name]) for name, value in continued.ensemble.buffers.items())


def test_the_training_loss_counts_the_copies_and_their_mean() -> None:
    at_once, single = trained(HTA_SGD, steps=PATH + 2), begin(HTA_SGD)
    losses = []
    for _ in range(PATH + 2):
        single.advance()
        losses += single.meters.pop_train_loss()
    assert at_once.meters.pop_train_loss() == [pytest.approx(sum(losses) / len(losses), rel=1e-12)]


def test_references_are_zero_the_first_copy_or_another_network() -> None:
    points = {}
    for kind in ("zero", "initial", "random"):
        training = begin((*HTA_SGD, f"method.reference={kind}"))
        assert isinstance(training.regularizer, Proximal)
        points[kind] = training.regularizer.references[0]
    assert points["zero"] is None
    random, initial = points["random"], points["initial"]
    assert random is not None
    assert initial is not None
    assert random.norm() == pytest.approx(initial.norm().item(), rel=0.2)
    assert torch.equal(initial, begin(HTA_SGD).ensemble.theta[0])
    assert (random - initial).norm() > 0.5 * initial.norm()


def test_the_l2_schedule_is_torchs_weight_decay_level_by_level() -> None:
    levels = ("method.L=[0.1,0.03]", "method.epochs_per_level=1", "training.clip_norm=null")
    ours = trained(("method=l2_schedule", "optimizer=sgd", *SMALL, *levels), steps=PATH + 3)
    reference = begin((*BASELINE, "training.clip_norm=null"))
    for step in range(PATH + 3):
        reference.optimizer.param_groups[0]["weight_decay"] = 0.1 if step < EPOCH else 0.03 if step < PATH else 0.0
        reference.advance()
    torch.testing.assert_close(ours.ensemble.theta, reference.ensemble.theta, rtol=1e-11, atol=1e-11)
    assert ours.meters.last.gradients == [1]


def test_levels_last_their_epochs_and_l_follows_t() -> None:
    method = HTA(L=(0.04, 0.01), spacing="geometric", levels=3, epochs_per_level=(1, 3, 2))
    np.testing.assert_allclose(method.values(), [0.04, 0.02, 0.01])
    steps = [epochs * 5 for epochs in method.level_epochs()]
    t = Levels().table(40, seed=0, levels=steps)
    assert [method.level(value) for value in t[t < 1]] == [
        *[method.values()[0]] * 5,
        *[method.values()[1]] * 15,
        *[method.values()[2]] * 10,
    ]
    assert (t[30:] == 1.0).all()
    whole = Levels().table(30, seed=0, levels=steps)
    assert whole[-1] == 1.0
    assert (whole[20:-1] == 2 / 3).all()
    for count in range(2, 40):
        falling = HTA(L=(1.0, 0.5), spacing="linear", levels=count)
        assert [falling.level(j / count) for j in range(count)] == list(falling.values())


def test_a_run_records_its_copies_and_pays_for_them(tmp_path: Path) -> None:
    result = train(compose(*HTA_SGD, "hardware.dtype=float32"), tmp_path / "run")
    on_path, target = read_metrics(tmp_path / "run" / "metrics.jsonl")[1::2]
    assert (on_path["t"], on_path["L"], target["t"]) == (0.5, 0.01, 1.0)
    assert on_path["val_acc_path"] == pytest.approx(sum(on_path["val_acc_copies"]) / 2)
    assert len(on_path["val_acc_copies"]) == 2
    assert 0 < on_path["copies_distance"] < 1
    assert not {"L", "copies_distance", "val_acc_copies"} & target.keys()
    assert on_path["cost"]["gradient_evaluations"] == 2 * PATH
    assert result.summary["cost"]["gradient_evaluations"] == 2 * PATH + 36 - PATH
    assert result.summary["best"]["epoch"] > 2


def test_what_does_not_fit_is_refused() -> None:
    literal = (*HTA_SGD, "method.update=literal", "optimizer.momentum=0.5")
    with pytest.raises(InputError, match=r"optimizer.lr=0.0075: update=literal diverges at L=0.01; .* < 0.0075"):
        compose(*literal, "optimizer.lr=0.0075")
    for fine in ("optimizer.lr=0.0074", "method.allow_unstable=true", "continuation=constant"):
        compose(*literal, fine)
    compose("method=hta", "method.update=literal", "optimizer=natural_gradient")  # the bound is that of descent
    with pytest.raises(InputError, match=r"method.groups=5: split=layers; accepted: 2 to 4, the layers of the model"):
        begin((*HTA_SGD, "method.groups=5"))
    with pytest.raises(InputError, match=r"method.groups=9: split=channels; accepted: 2 to 8, the outputs of"):
        begin((*HTA_SGD, "method.groups=9", "method.split=channels"))
    bare = torch.nn.ParameterList([torch.zeros(3)])  # no layers at all
    check_groups("random", bare, 2)
    with pytest.raises(InputError, match=r"method.groups=2: split=channels; accepted: method.split=random"):
        check_groups("channels", bare, 2)
    with pytest.raises(InputError, match="accepted: a model with convolutions"):
        begin((*HTA_SGD, "method.update=released", "method.split=channels", "training.clip_norm=null"))


TINY_VGG = ("model.width=0.03", "training.epochs=2", "training.batch_size=30")
PLAIN_SGD = ("hta_control_sgd", "hta_control_equal_gradients")


@pytest.mark.parametrize("experiment", [name for name in choices_of("experiment") if name.startswith("hta_")])
def test_every_shipped_experiment_runs(experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, use_small_files(monkeypatch))
    levelled = () if experiment in PLAIN_SGD else ("method.L=[0.01]", "method.epochs_per_level=1")
    config = compose(f"experiment={experiment}", *TINY_VGG, f"paths.data={tmp_path}", *levelled)
    training = Trainer([config], config.dataset.load(tmp_path))
    gradients = 0
    while training.step < training.total_steps:
        training.advance()
        gradients += training.meters.last.gradients[0]
    assert gradients == 2 * (2 if config.method.name == "hta" else 1) + 2
    assert training.last_t() == [1.0]
    assert np.isfinite(training.evaluate("test")[0].loss)
