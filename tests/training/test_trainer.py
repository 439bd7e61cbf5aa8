"""Members are independent: an ensemble gives what separate runs give, and both what a plain PyTorch loop gives."""

from __future__ import annotations

import copy
from functools import cache
from itertools import islice

import pytest
import torch

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, DATASETS, DEFORMING, METHODS, MIXTURES, MODELS, REFERENCED, SMALL
from tests.reference import train_mlp
from tests.training_runs import OPTIMIZERS, STEPS, begin, effort, mixed_members, trained, varied

CLIPPING = ("training.clip_norm=0.5", "training.clip_norm=null", "training.clip_norm=2.0")


def members(case: str, optimizer: str, count: int) -> list[Config]:
    """Up to three members that differ in seed, hyper-parameters, clipping and, where there is a path, its length."""
    deforming = case in DEFORMING
    paths = [f"continuation.warmup_fraction={w}" for w in (0.3, 0.6, 1.0)] if deforming else [None] * 3
    own = zip(OPTIMIZERS[optimizer], CLIPPING, paths, strict=True)
    return [
        varied(CASES[case], (f"optimizer={optimizer}", f"seed={seed}", *rates, clip, *([path] if path else [])))
        for seed, (rates, clip, path) in enumerate(islice(own, count), start=5)
    ]


@pytest.mark.parametrize("case", [case for case in CASES if case in MIXTURES or "/mlp-orthogonal/" not in case])
def test_members_equal_separate_runs(case: str) -> None:
    rules, steps = effort(case)
    for optimizer in rules:
        mixed = mixed_members(case, optimizer)
        together = begin(*mixed)
        # All for one model, and for the others the one without the method and one with it, in turn.
        chosen = range(4) if len(rules) > 1 else (list(CASES).index(case) % 3, 3)
        alone = {member: begin(mixed[member]) for member in chosen}
        for member, single in alone.items():
            assert torch.equal(together.ensemble.theta[together.rows.of(member)], single.ensemble.theta)
            for ours, theirs in zip(together.batches(0), single.batches(0), strict=True):
                assert torch.equal(ours[together.rows.of(member)], theirs)
        # One rule goes past the ends of the paths.
        for _ in range(steps if optimizer == rules[0] else 10):
            for training in (together, *alone.values()):
                training.advance()
        losses, norms = together.meters.pop_train_loss(), together.meters.gradient_norms()
        for member, single in alone.items():
            rows = together.rows.of(member)
            torch.testing.assert_close(together.ensemble.theta[rows], single.ensemble.theta, rtol=1e-12, atol=1e-12)
            assert losses[member] == pytest.approx(single.meters.pop_train_loss()[0], rel=1e-12)
            assert norms[member] == pytest.approx(single.meters.gradient_norms()[0], rel=1e-10)
            assert (together.last_t()[member], together.last_lr()[member]) == pytest.approx(
                (single.last_t()[0], single.last_lr()[0]), rel=1e-12
            )
            assert together.meters.last.gradients[member] == single.meters.last.gradients[0]


MIXED = [
    "identity-circular/mlp-orthogonal/mnist1d",
    "convexity-preserving/cnn/mnist1d",
    "hta/mlp-orthogonal/mnist1d",
    "baseline/vgg11/cifar10",
]


@pytest.mark.parametrize("case", MIXED)
def test_neither_the_order_of_members_nor_who_else_is_there_matters(case: str) -> None:
    mixed = mixed_members(case, "sgd")
    steps = 5 if "vgg11" in case else 20
    together = trained(*mixed, steps=steps)
    for chosen in ([3, 2, 1, 0], [3, 1], [2, 0, 0]):
        others = trained(*(mixed[member] for member in chosen), steps=steps)
        for place, member in enumerate(chosen):
            ours, theirs = others.member_state(place), together.member_state(member)
            torch.testing.assert_close(ours["theta"], theirs["theta"], rtol=1e-12, atol=1e-12)
            assert ours["buffers"].keys() == theirs["buffers"].keys()
            for name, values in ours["buffers"].items():
                torch.testing.assert_close(values, theirs["buffers"][name], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", MIXED)
def test_first_losses_in_single_precision(case: str) -> None:
    mixed = mixed_members(case, "sgd", "hardware.dtype=float32")
    together, alone = begin(*mixed), [begin(member) for member in mixed]
    for _ in range(5 if "vgg11" in case else 20):
        for training in (together, *alone):
            training.advance()
        losses = [training.meters.pop_train_loss()[0] for training in alone]
        assert together.meters.pop_train_loss() == pytest.approx(losses, rel=1e-5)


@pytest.mark.parametrize("case", ["identity-residual/mlp-batchnorm/mnist1d", "hta/mlp-orthogonal/mnist1d"])
def test_a_member_leaves_its_ensemble_and_goes_on_alone(case: str) -> None:
    mixed = mixed_members(case, "adam")
    together = trained(*mixed, steps=12)
    for member, overrides in enumerate(mixed):
        alone = begin(overrides)
        alone.load_member_states([together.member_state(member)])
        for _ in range(5):
            alone.advance()
        theta = trained(overrides, steps=17).ensemble.theta
        torch.testing.assert_close(alone.ensemble.theta, theta, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("case", REFERENCED)
def test_loop_equals_plain_pytorch(case: str) -> None:
    rules, steps = effort(case)
    for index, optimizer in enumerate(rules):
        every = members(case, optimizer, 3)
        # All for one path, and for the others one of each rule, in turn.
        for member in every if case.startswith("identity-circular/") else every[index : index + 1]:
            training = trained(member, steps=steps)
            config = training.configs[0]
            splits = config.dataset.load(config.paths.data_root())
            reference = train_mlp(config, splits, steps, training.total_steps)
            torch.testing.assert_close(training.ensemble.theta[0], reference, rtol=1e-10, atol=1e-10)


REGULARISATION = [
    ("training.l1=1e-3", "training.label_smoothing=0.1"),
    ("training.l1=3e-3", "training.l2=1e-2", "training.label_smoothing=0.3"),
    (),
]
"""The last member does without, alone and beside others that do not."""

REGULARISED = [
    "identity-circular/mlp-orthogonal/mnist1d",
    "convexity-per-neuron/cnn/mnist1d",
    "baseline/mlp-batchnorm/mnist1d",
]
"""A deformation without and with parameters of its own, a convolution, and a normalisation."""


def regularised(case: str) -> list[tuple[str, ...]]:
    """Members that differ in seed, clipping, penalties and label smoothing."""
    own = zip(REGULARISATION, CLIPPING, strict=True)
    return [(*CASES[case], "optimizer=sgd", f"seed={seed}", clip, *more) for seed, (more, clip) in enumerate(own)]


@pytest.mark.parametrize("case", REGULARISED)
def test_regularised_members_equal_separate_runs(case: str) -> None:
    together = trained(*regularised(case), steps=15)
    alone = [trained(member, steps=15) for member in regularised(case)]
    theta = torch.cat([training.ensemble.theta for training in alone])
    torch.testing.assert_close(together.ensemble.theta, theta, rtol=1e-12, atol=1e-12)
    losses = [training.meters.pop_train_loss()[0] for training in alone]
    assert together.meters.pop_train_loss() == pytest.approx(losses, rel=1e-12)


@pytest.mark.parametrize("case", [case for case in REGULARISED if case in REFERENCED])
def test_the_regularised_loop_equals_plain_pytorch(case: str) -> None:
    for member in regularised(case):
        training = trained(member, steps=15)
        config = training.configs[0]
        splits = config.dataset.load(config.paths.data_root())
        reference = train_mlp(config, splits, 15, training.total_steps)
        torch.testing.assert_close(training.ensemble.theta[0], reference, rtol=1e-10, atol=1e-10)


def test_the_training_loss_is_without_penalties() -> None:
    case = CASES["baseline/mlp-kaiming/mnist1d"]
    plain = trained(case, steps=1).meters.pop_train_loss()
    assert trained((*case, "training.l1=1.0", "training.l2=1.0"), steps=1).meters.pop_train_loss() == plain
    assert trained((*case, "training.label_smoothing=0.5"), steps=1).meters.pop_train_loss() != plain


@pytest.mark.parametrize(
    ("continuation", "schedule"),
    [
        ("linear", "constant"),
        ("cosine", "linear_warmup"),
        ("stepwise", "warmup_cosine"),
        ("polynomial", "step"),
        ("linear", "inverse"),
    ],
)
def test_schedules_inside_the_loop(continuation: str, schedule: str) -> None:
    case = CASES["identity-circular/mlp-orthogonal/mnist1d"]
    training = trained((*case, f"continuation={continuation}", f"lr_schedule={schedule}"), steps=STEPS)
    config = training.configs[0]
    reference = train_mlp(config, config.dataset.load(config.paths.data_root()), STEPS, training.total_steps)
    torch.testing.assert_close(training.ensemble.theta[0], reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", DEFORMING)
def test_at_t_1_throughout_every_homotopy_is_the_baseline(case: str) -> None:
    assert_is_the_baseline_at_t_1(case)


@pytest.mark.parametrize("case", [case for case in REGULARISED if case in DEFORMING])
def test_at_t_1_throughout_every_regularised_homotopy_is_the_regularised_baseline(case: str) -> None:
    assert_is_the_baseline_at_t_1(case, *REGULARISATION[1])


@cache
def trained_once(member: tuple[str, ...], steps: int) -> Trainer:
    """The baseline that all methods on a network are compared with."""
    return trained(member, steps=steps)


def assert_is_the_baseline_at_t_1(case: str, *more: str) -> None:
    _, model, data = case.split("/")
    shared = (*MODELS[model], *SMALL, *DATASETS[data], "hardware.dtype=float32", "seed=3", *more)
    shared = (*shared, "continuation=constant", "optimizer.lr=3e-3", "optimizer.weight_decay=0.1")
    homotopy = trained((*METHODS[case.split("/")[0]], *shared), steps=effort(case)[1])
    baseline = trained_once(("method=baseline", *shared), effort(case)[1])
    target = list(baseline.ensemble.parameters)
    ours, theirs = (run.ensemble.member_state(0, target) for run in (homotopy, baseline))
    assert all(torch.equal(ours[name], theirs[name]) for name in target)
    assert homotopy.evaluate("test") == baseline.evaluate("test")


@pytest.mark.parametrize("method", ["identity-circular", "convexity-per-neuron"])
def test_at_t_1_throughout_members_with_batchnorm_and_dropout_are_the_baselines(method: str) -> None:
    shared = (*MODELS["vgg11"], *SMALL, *DATASETS["cifar10"], "hardware.dtype=float32", "continuation=constant")
    rates = ("optimizer.lr=3e-3", "optimizer.weight_decay=0.1")
    runs = {
        name: trained(*((*METHODS[name], *shared, *rates, f"seed={seed}") for seed in (3, 4)), steps=3).ensemble
        for name in (method, "baseline")
    }
    ours, theirs = runs[method], runs["baseline"]
    assert torch.equal(ours.theta[:, : ours.target_size], theirs.theta)
    for name, values in theirs.buffers.items():
        assert torch.equal(ours.buffers[name], values), name
    assert any("running_var" in name for name in theirs.buffers)
    assert any("key" in name for name in theirs.buffers)


def test_shuffled_members_stand_where_their_own_order_says() -> None:
    case = (*CASES["identity-linear/mlp-orthogonal/mnist1d"], "continuation=shuffled")
    training = trained((*case, "seed=1"), (*case, "seed=2"), steps=20)
    tables = [config.continuation.table(training.total_steps, config.seed) for config in training.configs]
    assert training.last_t() == [table[19] for table in tables]
    assert training.last_t()[0] != training.last_t()[1]
    assert training.ensemble.buffers["homotopy.c"].tolist() == training.last_t()
    for member, seed in enumerate((1, 2)):
        alone = trained((*case, f"seed={seed}"), steps=20)
        torch.testing.assert_close(training.ensemble.theta[member], alone.ensemble.theta[0], rtol=1e-12, atol=1e-12)


def test_seeds_are_paired_across_methods() -> None:
    shared = (*MODELS["mlp-kaiming"], *DATASETS["mnist1d"], *SMALL, "seed=11")
    runs = [begin((*overrides, *shared)) for overrides in METHODS.values()]
    other = begin(("method=baseline", *MODELS["mlp-kaiming"], *DATASETS["mnist1d"], *SMALL, "seed=12"))
    target = list(runs[0].ensemble.parameters)
    first = runs[0].ensemble.member_state(0, target)
    for run in runs:
        state = run.ensemble.member_state(0, target)
        assert all(torch.equal(state[name], first[name]) for name in target)
        for step in (0, 10, 11, 54):
            x, y = run.batches(step)
            first_x, first_y = runs[0].batches(step)
            # Of copies the first is the run of the seed.
            assert torch.equal(x[0], first_x[0])
            assert torch.equal(y[0], first_y[0])
            assert not torch.equal(x[:1], other.batches(step)[0])
    assert not torch.equal(other.ensemble.theta, runs[0].ensemble.theta)


def test_an_epoch_visits_no_sample_twice_and_every_epoch_has_its_own_order() -> None:
    training = begin(CASES["baseline/mlp-default/mnist1d"])
    epochs = []
    for epoch in range(2):
        steps = range(epoch * training.steps_per_epoch, (epoch + 1) * training.steps_per_epoch)
        epochs.append(torch.cat([training.batches(step)[0][0] for step in steps]))
    for visited in epochs:
        assert len(visited) == training.steps_per_epoch * 32
        assert len(torch.unique(visited, dim=0)) == len(visited)
    assert not torch.equal(epochs[0], epochs[1])


def assert_evaluated_at_the_target(training: Trainer) -> None:
    before = training.evaluate("validation")
    with training.at_target():
        target = training.evaluate("validation")
    assert training.evaluate("validation") == before
    network = training.target_network(0)
    split = training.splits["validation"]
    logits = network(split.x)
    assert target[0].accuracy == pytest.approx((logits.argmax(-1) == split.y).double().mean().item(), rel=1e-14)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, -2), split.y.flatten()).item()
    assert target[0].loss == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_member_state_continues_bitwise_whatever_is_evaluated(case: str) -> None:
    rules, steps = effort(case)
    steps = min(steps, 14)
    for optimizer in rules:
        for member in members(case, optimizer, min(len(rules), 2)):
            whole, continued = trained(member, steps=steps // 2 - 1), begin(member)
            continued.load_member_states([copy.deepcopy(whole.member_state(0))])
            if case in DEFORMING and optimizer == rules[0]:
                assert_evaluated_at_the_target(whole)
            for training in (whole, continued):
                while training.step < steps:
                    training.advance()
            assert torch.equal(continued.ensemble.theta, whole.ensemble.theta)
            assert continued.meters.pop_train_loss() == whole.meters.pop_train_loss()
            assert continued.meters.gradient_norms() == whole.meters.gradient_norms()


def test_a_diverged_member_leaves_its_neighbours_alone() -> None:
    case = (*CASES["baseline/mlp-kaiming/mnist1d"], "optimizer=sgd", "training.clip_norm=null")
    calm = (*case, "optimizer.lr=0.01")
    wild = (*case, "optimizer.lr=1e30", "seed=1")
    together = trained(calm, wild, steps=30).ensemble.theta
    assert not together[1].isfinite().all()
    torch.testing.assert_close(together[0], trained(calm, steps=30).ensemble.theta[0], rtol=1e-12, atol=1e-12)


def test_a_batch_larger_than_the_training_split_is_refused() -> None:
    with pytest.raises(InputError, match=r"training.batch_size=361: accepted: at most the 360 training samples"):
        begin((*CASES["baseline/mlp-default/mnist1d"], "training.batch_size=361"))


def test_states_that_do_not_fit_are_refused() -> None:
    training = begin(CASES["baseline/mlp-default/mnist1d"])
    other = begin(CASES["baseline/mlp-kaiming/mnist1d"])
    with pytest.raises(ValueError, match="parameters"):
        training.load_member_states([other.member_state(0)])
    with pytest.raises(ValueError, match="2 states"):
        training.load_member_states([training.member_state(0)] * 2)
