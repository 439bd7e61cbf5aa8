"""Divide variants by protocol: rows are compared and ranked where they had the same data and the same budget.

Equal must be every setting of the data set (its size, its splits, the share held out for validation), the batch size,
and the number of gradients that a run paid for. Where every row takes one gradient a step, an equal number of
gradients is an equal number of epochs. A method that takes more of them a step has its fair control in a baseline that
trains for more epochs: these two are equal here, and the note on what else differs names the epochs. Where the seeds of
a row disagree in their gradients, as after the line searches of L-BFGS, the number is an outcome and no budget; such
rows are compared among themselves at equal epochs, and the verdict has their cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homotopy_bench.report.variants import Variant, shown

EPOCHS = "training.epochs"
BATCH_SIZE = "training.batch_size"
GRADIENTS = "gradients"

_DATA = "dataset."
_NAME = "dataset.name"
_OPTIMIZER = "optimizer.name"
_UNSET = "null"


@dataclass(frozen=True)
class Budget:
    """State what a run was allowed to pay.

    Attributes:
        gradients: Minibatch gradients of a run; None where no record tells, or seeds disagree.
        epochs: JSON text of the epochs where ``gradients`` is None; otherwise empty.
        varies: Whether seeds disagree in their gradients.
    """

    gradients: float | None
    epochs: str
    varies: bool = False


@dataclass(frozen=True)
class Protocol:
    """State what the rows of a section have in common.

    Attributes:
        settings: Key and JSON text of the batch size and of every setting of the data set that is not null, sorted.
        budget: What each of their runs was allowed to pay.
    """

    settings: tuple[tuple[str, str], ...]
    budget: Budget


def by_protocol(variants: Sequence[Variant]) -> dict[Protocol, list[Variant]]:
    """Return the variants of one data set and model by protocol, largest budget first; their order stays.

    The budget of a variant is the number of gradients that more than half of its completed runs have: diverged ones
    stopped early. Where none tells, it is that of a variant with equal epochs, rather of the same optimiser, and of
    several the smallest.
    """
    groups: dict[Protocol, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(_protocol(variant, variants), []).append(variant)
    return dict(sorted(groups.items(), key=lambda item: (item[0].settings, *_rank(item[0].budget))))


def describe(protocol: Protocol, variants: Sequence[Variant]) -> dict[str, str]:
    """Return a protocol as key -> value, with the epochs where all of its variants have the same."""
    described = {key: shown(text) for key, text in protocol.settings}
    epochs = {variant.settings.get(EPOCHS) for variant in variants}
    if len(epochs) == 1 and None not in epochs:
        described[EPOCHS] = shown(next(iter(epochs)))
    if protocol.budget.varies:
        described[GRADIENTS] = "varying"
    elif protocol.budget.gradients is not None:
        described[GRADIENTS] = f"{protocol.budget.gradients:.0f}"
    return described


def label_protocols(protocols: Sequence[Mapping[str, str]]) -> list[str]:
    """Return for each of several protocols its values of the keys in which they differ; empty for a single one.

    Example:
        >>> label_protocols([{"training.epochs": "2", "gradients": "8"}, {"training.epochs": "1", "gradients": "4"}])
        ['training.epochs=2, 8 gradients', 'training.epochs=1, 4 gradients']
    """
    keys = sorted({key for one in protocols for key in one}, key=lambda key: (key == GRADIENTS, key))
    differing = [key for key in keys if len({one.get(key) for one in protocols}) > 1]
    return [", ".join(_word(key, one[key]) for key in differing if key in one) for one in protocols]


def _word(key: str, value: str) -> str:
    return f"{value} gradients" if key == GRADIENTS else f"{key}={value}"


def _protocol(variant: Variant, others: Sequence[Variant]) -> Protocol:
    settings = _settings(variant)
    budget = _budget(variant)
    if budget is not None:
        return Protocol(settings, budget)
    epochs, optimizer = (variant.settings.get(key, "") for key in (EPOCHS, _OPTIMIZER))
    alike = [
        (one.settings.get(_OPTIMIZER, "") != optimizer, known)
        for one in others
        if (known := _budget(one)) and one.settings.get(EPOCHS, "") == epochs and _settings(one) == settings
    ]
    if not alike:
        return Protocol(settings, Budget(None, epochs))
    return Protocol(settings, min(alike, key=lambda pair: (pair[0], pair[1].varies, pair[1].gradients or 0.0))[1])


def _rank(budget: Budget) -> tuple[float, bool, str]:
    return -(budget.gradients or 0.0), budget.varies, budget.epochs


def _settings(variant: Variant) -> tuple[tuple[str, str], ...]:
    # A record from before a key was added lacks it, and null leaves it alone: both say the same.
    kept = [
        (key, text)
        for key, text in variant.settings.items()
        if (key == BATCH_SIZE or key.startswith(_DATA)) and key != _NAME and text != _UNSET
    ]
    return tuple(sorted(kept))


def _budget(variant: Variant) -> Budget | None:
    """Return the budget that the completed runs of a variant tell; None where they tell none."""
    counts = [
        run.gradient_evaluations
        for run in variant.runs
        if run.status == "completed" and run.gradient_evaluations is not None
    ]
    if not counts:
        return None
    gradients, runs = Counter(counts).most_common(1)[0]
    if 2 * runs > len(counts):
        return Budget(gradients, "")
    return Budget(None, variant.settings.get(EPOCHS, ""), varies=True)
