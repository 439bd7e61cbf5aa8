"""Divide variants by protocol: rows are compared and ranked where they had the same data and the same budget.

Equal must be every setting of the data set (its size, its splits, the share held out for validation), the batch size,
and the number of gradients that a run paid for. Where every row takes one gradient a step, an equal number of
gradients is an equal number of epochs. A method that takes more of them a step has its fair control in a baseline that
trains for more epochs: these two are equal here, and the note on what else differs names the epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homotopy_bench.report.variants import Variant, shown

EPOCHS = "training.epochs"
BATCH_SIZE = "training.batch_size"
GRADIENTS = "gradients"

_DATA = "dataset."
_NAME = "dataset.name"
_UNSET = "null"


@dataclass(frozen=True, order=True)
class Protocol:
    """State what the rows of a section have in common.

    Attributes:
        settings: Key and JSON text of the batch size and of every setting of the data set that is not null, sorted.
        gradients: Minibatch gradients of a run; -1 where no record tells.
        epochs: JSON text of the epochs, where gradients are not known; otherwise empty.
    """

    settings: tuple[tuple[str, str], ...]
    gradients: float
    epochs: str


def by_protocol(variants: Sequence[Variant]) -> dict[Protocol, list[Variant]]:
    """Return the variants of one data set and model by protocol, largest budget first; their order stays.

    The budget of a variant is the most gradients of a run that came to its end, for a diverged one stopped early. Where
    no run tells, it is the smallest budget of those with equal epochs.
    """
    groups: dict[Protocol, list[Variant]] = {}
    for variant in variants:
        groups.setdefault(_protocol(variant, variants), []).append(variant)
    return dict(sorted(groups.items(), key=lambda item: (item[0].settings, -item[0].gradients, item[0].epochs)))


def describe(protocol: Protocol, variants: Sequence[Variant]) -> dict[str, str]:
    """Return a protocol as key -> value, with the epochs where all of its variants have the same."""
    described = {key: shown(text) for key, text in protocol.settings}
    epochs = {variant.settings.get(EPOCHS) for variant in variants}
    if len(epochs) == 1 and None not in epochs:
        described[EPOCHS] = shown(next(iter(epochs)))
    if protocol.gradients >= 0:
        described[GRADIENTS] = f"{protocol.gradients:.0f}"
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
    epochs = variant.settings.get(EPOCHS, "")
    gradients = _gradients(variant)
    if gradients is None:
        alike = [one for one in others if one.settings.get(EPOCHS, "") == epochs and _settings(one) == settings]
        gradients = min((known for one in alike if (known := _gradients(one)) is not None), default=None)
    return Protocol(settings, -1.0, epochs) if gradients is None else Protocol(settings, gradients, "")


def _settings(variant: Variant) -> tuple[tuple[str, str], ...]:
    # A record from before a key was added lacks it, and null leaves it alone: both say the same.
    kept = [
        (key, text)
        for key, text in variant.settings.items()
        if (key == BATCH_SIZE or key.startswith(_DATA)) and key != _NAME and text != _UNSET
    ]
    return tuple(sorted(kept))


def _gradients(variant: Variant) -> float | None:
    known = [run.gradient_evaluations for run in variant.runs if run.status == "completed"]
    return max((one for one in known if one is not None), default=None)
