"""Scores against a count in plain Python, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import homotopy_bench.training.scores
from homotopy_bench.distributed.replica_group import ReplicaGroup
from homotopy_bench.training.objectives.classification import ClassScore, confusion, scores
from homotopy_bench.training.scores import evaluate
from tests.cases import CASES
from tests.training_runs import begin

Figures = tuple[Fraction, Fraction, Fraction, Fraction]


def counted(labels: Sequence[int], predictions: Sequence[int]) -> Figures:
    """Accuracy, macro precision, recall and F1 from the definitions, exactly."""
    pairs = list(zip(labels, predictions, strict=True))
    classes = sorted(set(labels) | set(predictions))
    precisions, recalls, f1s = [], [], []
    for c in classes:
        true_positive = sum(y == c and p == c for y, p in pairs)
        false_positive = sum(y != c and p == c for y, p in pairs)
        false_negative = sum(y == c and p != c for y, p in pairs)
        found, all_ = true_positive + false_positive, true_positive + false_negative
        precision = Fraction(true_positive, found) if found else Fraction(0)
        recall = Fraction(true_positive, all_) if all_ else Fraction(0)
        precisions.append(precision)
        recalls.append(recall)
        f1s.append(2 * precision * recall / (precision + recall) if precision + recall else Fraction(0))
    accuracy = Fraction(sum(y == p for y, p in pairs), len(pairs))
    precision, recall, f1 = (sum(values, Fraction(0)) / len(classes) for values in (precisions, recalls, f1s))
    return accuracy, precision, recall, f1


def figures(score: ClassScore) -> tuple[float, float, float, float]:
    return score.accuracy, score.precision, score.recall, score.f1


def scored(labels: Sequence[int], predictions: Sequence[Sequence[int]], classes: int) -> list[ClassScore]:
    logits = torch.nn.functional.one_hot(torch.tensor(predictions), classes).double()
    counts = confusion(logits, torch.tensor(labels).expand(len(predictions), -1))
    return scores([0.5] * len(predictions), counts)


HAND_COUNTED: dict[str, tuple[list[int], list[int], tuple[float, ...]]] = {
    # precision 2/3, 0, 1/2; recall 1, 0, 1; F1 4/5, 0, 2/3
    "a class never predicted": ([0, 0, 1, 1, 2], [0, 0, 0, 2, 2], (3 / 5, 7 / 18, 2 / 3, 22 / 45)),
    # class 3 counts with three zeros
    "a class never in the labels": ([0, 0, 1, 1], [0, 3, 1, 1], (3 / 4, 2 / 3, 1 / 2, 5 / 9)),
    # classes 2 and 3 do not count
    "classes that do not occur": ([0, 1], [0, 1], (1.0, 1.0, 1.0, 1.0)),
    "nothing right": ([0, 1], [1, 0], (0.0, 0.0, 0.0, 0.0)),
}


@pytest.mark.parametrize("case", HAND_COUNTED)
def test_scores_counted_by_hand(case: str) -> None:
    labels, predictions, expected = HAND_COUNTED[case]
    (score,) = scored(labels, [predictions], classes=4)
    assert figures(score) == pytest.approx(expected, rel=1e-14)
    assert score.loss == 0.5


@given(st.data(), st.integers(1, 5), st.integers(1, 12), st.integers(1, 3))
def test_scores_of_every_member_are_those_counted_one_by_one(
    data: st.DataObject, classes: int, samples: int, members: int
) -> None:
    some = st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples)
    labels = data.draw(some)
    predictions = data.draw(st.lists(some, min_size=members, max_size=members))
    for score, own in zip(scored(labels, predictions, classes), predictions, strict=True):
        assert figures(score) == pytest.approx([float(value) for value in counted(labels, own)], rel=1e-14, abs=0)


def test_an_evaluation_in_chunks_scores_every_member_on_the_whole_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homotopy_bench.training.scores, "EVALUATION_LABELS", 50)
    case = CASES["baseline/mlp-kaiming/mnist1d"]
    training = begin(*[(*case, f"seed={seed}") for seed in range(3)])
    split = training.splits["test"]
    assert len(split.y) % (50 // 3) > 0, "the last chunk is smaller"
    for member, score in enumerate(training.evaluate("test")):
        logits = training.target_network(member)(split.x)
        expected = counted(split.y.tolist(), logits.argmax(dim=1).tolist())
        assert isinstance(score, ClassScore)
        assert figures(score) == pytest.approx([float(value) for value in expected], rel=1e-14)
        loss = torch.nn.functional.cross_entropy(logits, split.y).item()
        assert score.loss == pytest.approx(loss, rel=1e-12)


def test_a_replica_without_a_share_of_a_small_split_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_the_others(values: torch.Tensor) -> None:
        values.add_(1.5 if values.is_floating_point() else torch.eye(10, dtype=torch.int64))

    monkeypatch.setattr(torch.distributed, "all_reduce", add_the_others)
    training = begin(CASES["baseline/mlp-kaiming/mnist1d"])
    training.ensemble.replicas = ReplicaGroup(0, 2, synchronized=True)
    split = training.splits["test"]
    (score,) = evaluate(training.ensemble, split.x[:1], split.y[:1], training.objective, nullcontext())
    assert (score.loss, score.accuracy) == (1.5, 1.0)


def test_a_network_that_gives_no_number_has_a_score() -> None:
    counts = confusion(torch.full((1, 4, 3), torch.nan), torch.tensor([[0, 1, 2, 2]]))
    (score,) = scores([float("nan")], counts)
    assert 0.0 <= score.f1 <= score.accuracy <= 0.5
