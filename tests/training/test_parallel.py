"""Training in several processes equals training in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from itertools import product
from pathlib import Path

import pytest
import torch

from homotopy_bench.config.schema import Config
from homotopy_bench.core.errors import InputError
from homotopy_bench.data.arrays import Arrays
from homotopy_bench.distributed.batch_norm import synchronize_batch_norm
from homotopy_bench.distributed.ranks import Ranks, StartedRanks
from homotopy_bench.training.division import ByBatch, ByMembers, Division, check_batch, check_members
from homotopy_bench.training.parallel import ParallelTrainer
from homotopy_bench.training.trainer import Trainer
from tests.cases import CASES, FEW_METHODS, METHODS, NEW_PATHS
from tests.cli.forked_ranks import forked_ranks
from tests.training_runs import begin, mixed_members, splits_of, trained, varied

MODELS = ("mlp-orthogonal", "mlp-batchnorm", "cnn")
TOLERANCES = {"float64": 1e-10, "float32": 1e-5}


@pytest.fixture(scope="module", params=[2, 4])
def ranks(request: pytest.FixtureRequest) -> Iterator[Ranks]:
    with forked_ranks():
        started = StartedRanks(request.param, "gloo")
    yield started
    started.end()


def by_batch(members: list[Config], ranks: Ranks) -> ParallelTrainer:
    return _divided(members, ranks, ByBatch(len(members), ranks.world_size, synchronized=True))


def by_members(members: list[Config], ranks: Ranks) -> ParallelTrainer:
    return _divided(members, ranks, ByMembers(len(members), ranks.world_size))


def _divided(members: list[Config], ranks: Ranks, division: Division) -> ParallelTrainer:
    return ParallelTrainer(members, splits_of(members[0]), ranks, division)


def assert_equal_states(ours: object, theirs: object, tolerance: float, where: str = "") -> None:
    """Compare nested states: numbers and tensors up to a tolerance relative to the largest of a tensor."""
    if isinstance(ours, dict):
        assert isinstance(theirs, dict)
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            assert_equal_states(ours[key], theirs[key], tolerance, f"{where}.{key}")
    elif isinstance(ours, list | tuple):
        assert isinstance(theirs, list | tuple)
        assert len(ours) == len(theirs), where
        for place, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_equal_states(*pair, tolerance, f"{where}[{place}]")
    elif isinstance(ours, torch.Tensor):
        assert isinstance(theirs, torch.Tensor)
        scale = float(theirs.abs().max()) if theirs.is_floating_point() and theirs.numel() else 0.0
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=tolerance * scale, msg=lambda said: f"{where}: {said}")
    elif is_dataclass(ours):
        assert_equal_states(vars(ours), vars(theirs), tolerance, where)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=tolerance, abs=tolerance, nan_ok=True), where
    else:
        assert ours == theirs, where


KINDS = (*FEW_METHODS, "curvature-lr")

# Four processes on fewer processors wait for each other most of the time: there a method of each kind is tried.
SHARED = [(2, name) for name in METHODS if name != "identity-fading"] + [(4, name) for name in KINDS]


@pytest.mark.parametrize(("ranks", "method"), SHARED, indirect=["ranks"], scope="module")
def test_shares_of_a_batch_equal_the_batch(method: str, ranks: Ranks) -> None:
    # Over how many processes sums go and how they are rounded does not depend on the method: every model is tried with
    # a method of each kind, and so is single precision.
    two = ranks.world_size == 2
    # Under an order the shallow layers stay linear: what they normalise has the mean 0, and its running mean is all
    # rounding. The methods that vary others are tried without normalisation.
    models = [model for model in MODELS if f"{method}/{model}/mnist1d" in CASES]
    turn = list(METHODS).index(method) % len(models)
    chosen = models[-1:] if method in NEW_PATHS else models if two and method in KINDS else models[turn : turn + 1]
    pairs = [(model, "float64") for model in chosen]
    pairs += [(models[-1], "float32")] if two and method in FEW_METHODS else []
    for model, dtype in pairs:
        member = varied(CASES[f"{method}/{model}/mnist1d"], (f"hardware.dtype={dtype}",))
        single, shared = begin(member), by_batch([member], ranks)
        # The second epoch begins with step 11, and with it the second level of HTA; what follows is tried once.
        for _ in range(20 if two and dtype == "float64" else 12):
            single.advance()
            shared.advance()
        tolerance = TOLERANCES[dtype]
        assert_equal_states(shared.member_states([0]), single.member_states([0]), tolerance, model)
        assert_equal_states(shared.read()[0].diagnostics, single.read()[0].diagnostics, tolerance, model)


def test_a_share_has_the_masks_of_its_place_in_the_batch(ranks: Ranks) -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(80, 3, 32, 32, generator=generator, dtype=torch.float64), torch.arange(80) % 10
    case = varied(CASES["baseline/vgg11/cifar10"], ("training.batch_size=12", "model.dropout=0.5"))
    case = replace(case, dataset=Arrays.of((images, labels, images[:40], labels[:40]), case.dataset))
    single = Trainer([case], case.dataset.load(Path()))
    shared = ParallelTrainer([case], case.dataset.load(Path()), ranks, ByBatch(1, ranks.world_size, synchronized=True))
    for _ in range(3):
        single.advance()
        shared.advance()
    assert_equal_states(shared.member_states([0]), single.member_states([0]), 1e-10)


@pytest.mark.parametrize("case", ["hta/mlp-batchnorm/mnist1d", "identity-circular/cnn/mnist1d"])
def test_scores_and_networks_of_shares_equal_those_of_the_whole(case: str, ranks: Ranks) -> None:
    single, shared = begin(CASES[case]), by_batch([varied(CASES[case], ())], ranks)
    for _ in range(3):
        single.advance()
        shared.advance()
    for split in ("train", "validation", "test"):
        for ours, theirs in (
            (shared.evaluate_copies(split)[0], single.evaluate_copies(split)[0]),
            (shared.evaluate_target(split), single.evaluate_target(split)),
        ):
            assert [one.accuracy for one in ours] == [one.accuracy for one in theirs]
            assert [one.loss for one in ours] == pytest.approx([one.loss for one in theirs], rel=1e-10)
    assert_equal_states(shared.target_states([0]), single.target_states([0]), 1e-10)
    assert shared.finish_steps() == single.finish_steps()
    network, expected = shared.path_networks([0])[0].state_dict(), single.path_networks([0])[0].state_dict()
    assert_equal_states(dict(network), dict(expected), 1e-10)


@pytest.mark.parametrize(
    "case", ["identity-circular/mlp-orthogonal/mnist1d", "hta/cnn/mnist1d", "curvature-lr/mlp-batchnorm/mnist1d"]
)
def test_divided_members_equal_one_program(case: str, ranks: Ranks) -> None:
    mixed = mixed_members(case, "adam")
    members = [*mixed, mixed[0]]  # five do not go into two or four
    together, apart = begin(*members), by_members(members, ranks)
    for _ in range(20):
        together.advance()
        apart.advance()
    everyone = range(len(members))
    assert apart.last_t() == together.last_t()
    assert apart.finish_steps() == together.finish_steps()
    assert_equal_states(apart.member_states(everyone), together.member_states(everyone), 1e-12)
    for ours, theirs in zip(apart.read(), together.read(), strict=True):
        assert_equal_states(vars(ours), vars(theirs), 1e-11)
    assert apart.member_states([4, 1])[1].keys() == together.member_state(1).keys()
    assert_equal_states(apart.target_states([4, 1]), together.target_states([4, 1]), 1e-12)
    scores = together.evaluate_target("validation")
    assert [one.accuracy for one in apart.evaluate_target("validation")] == [one.accuracy for one in scores]


def test_the_last_member_trains_on_when_all_others_have_left(ranks: Ranks) -> None:
    members = mixed_members("identity-circular/mlp-orthogonal/mnist1d", "adam")
    apart, alone = by_members(members, ranks), trained(members[2], steps=6)
    for _ in range(3):
        apart.advance()
    states = apart.member_states([2])
    left = by_members(members[2:3], ranks)
    left.load_member_states(states)
    for _ in range(3):
        left.advance()
    assert left.finish_steps() == [(3, 0)]
    assert_equal_states(left.member_states([0]), alone.member_states([0]), 1e-12)


def test_an_error_on_another_rank_is_raised_on_the_first(ranks: Ranks) -> None:
    apart = by_members(mixed_members("identity-circular/mlp-orthogonal/mnist1d", "adam"), ranks)
    foreign = {**apart.member_states([3])[0], "step": "no number"}
    with pytest.raises(ValueError, match="step no number"):
        apart.load_member_states([foreign] * 4)
    last = by_members(mixed_members("identity-circular/mlp-orthogonal/mnist1d", "adam"), ranks)
    states = last.member_states(range(4))
    states[3]["theta"] = torch.zeros(3)  # of the last rank alone
    last.load_member_states(states)
    last.advance()
    with pytest.raises(ValueError, match=r"a state of \[3\] parameters"):
        last.read()
    assert by_members(last.configs, ranks).last_t() == [0.0] * 3 + [1.0]  # the ranks can be asked again


def test_batch_norm_over_one_rank_is_that_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda _: None)  # what it does among one
    for kind, momentum in product((torch.float64, torch.bfloat16), (0.1, None)):
        plain = torch.nn.BatchNorm1d(6, momentum=momentum)
        over_ranks = torch.nn.Sequential(torch.nn.BatchNorm1d(6, momentum=momentum))
        for network in (plain, over_ranks):
            network.to(torch.float64 if kind == torch.float64 else torch.float32)
        synchronize_batch_norm(over_ranks, 1)
        x = (torch.randn(40, 6, generator=torch.Generator().manual_seed(1)) + 3).to(kind)
        for _ in range(3):
            ours, theirs = over_ranks(x), plain(x)
        assert ours.dtype == kind
        tolerance = 1e-10 if kind == torch.float64 else 1e-2
        torch.testing.assert_close(ours, theirs.to(kind), rtol=tolerance, atol=tolerance)
        statistics = zip(over_ranks[0].buffers(), plain.buffers(), strict=True)
        assert all(torch.allclose(a.double(), b.double(), rtol=1e-5, atol=1e-6) for a, b in statistics)


@pytest.mark.parametrize("case", ["identity-residual/mlp-batchnorm/mnist1d", "hta/mlp-orthogonal/mnist1d"])
def test_a_checkpoint_does_not_know_how_many_wrote_it(case: str, ranks: Ranks) -> None:
    member = varied(CASES[case], ("optimizer=adam",))
    whole = trained(member, steps=14)
    state = trained(member, steps=7).member_state(0)
    shared = by_batch([member], ranks)
    shared.load_member_states([state])
    for _ in range(3):
        shared.advance()
    goes_on = begin(member)
    goes_on.load_member_states(shared.member_states([0]))
    for _ in range(4):
        goes_on.advance()
    assert goes_on.step == whole.step
    assert_equal_states(goes_on.member_state(0), whole.member_state(0), 1e-10)


def test_local_statistics_are_the_means_of_those_of_the_shares(ranks: Ranks) -> None:
    member = varied(CASES["baseline/mlp-batchnorm/mnist1d"], ())
    shared = _divided([member], ranks, ByBatch(1, ranks.world_size, synchronized=False))
    single = begin(member)
    x, _ = single.batches(0)
    shares = [single.target_network(0).train() for _ in range(ranks.world_size)]
    with torch.no_grad():
        for network, part in zip(shares, x[0].chunk(ranks.world_size), strict=True):
            network(part)
    shared.advance()
    found = shared.target_states([0])[0]
    means = [name for name in found if name.endswith(("running_mean", "running_var"))]
    assert means
    for name in means:
        expected = torch.stack([dict(network.named_buffers())[name] for network in shares]).mean(dim=0)
        torch.testing.assert_close(found[name], expected, rtol=1e-12, atol=1e-12)


def test_what_cannot_be_divided(ranks: Ranks) -> None:
    with pytest.raises(InputError, match=r"training\.batch_size=33: .* a multiple of"):
        check_batch(33, ranks.world_size)
    with pytest.raises(InputError, match=r"hardware\.parallel=members: 1 run "):
        check_members(1, ranks.world_size)
