"""Sort runs into variants, and name the variants.

Two runs are of the same variant when their configurations agree in every key outside :data:`IGNORED`. A
variant is labelled by the keys that tell it from the other variants of its data set, model and method:
those that a user set, then as few others as separate them all. Example: of the variants

    model.init=kaiming    optimizer.name=sgd   optimizer.momentum=0.9
    model.init=orthogonal optimizer.name=adam  optimizer.betas=[0.9,0.999]

made with ``model.init=... optimizer=...`` the labels hold ``model.init`` and ``optimizer.name``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from homotopy_bench.config.schema import Training
from homotopy_bench.core.options import option_class
from homotopy_bench.report.replays import name_sources
from homotopy_bench.report.runs import Run, Unusable
from homotopy_bench.tracking.record import FORKS

IGNORED = (
    "seed",
    "paths",
    "logger",
    "hydra",
    "hardware.threads",
    "hardware.index",
    "hardware.devices",
    "hardware.deterministic",
    "hardware.channels_last",
    "training.checkpoint_every",
    "training.snapshots",
    "landscape",
)
"""Configuration keys, with everything below them, that make no variant of their own: the seed, where files go, which or
how many of equal processors work and in what order they add, and what is kept or measured beside the training."""

_IGNORED = tuple(f"{name}." for name in IGNORED)

FORK = "fork"
"""Key of the snapshot that a child of a run began with."""

FILE, CONTENT, UNKNOWN = "dataset.file", "dataset.sha256", "null"
"""Keys of a file of data and of the hash of its content, which is what counts, and the JSON text of an unknown one."""

ABSENT = "absent"
"""How a key that a configuration lacks is shown."""


@dataclass(frozen=True)
class Variant:
    """Runs that differ in nothing but the seed.

    Attributes:
        dataset: Name of the data set.
        model: Name of the model.
        method: Name of the method.
        settings: Dotted key to value as JSON text, without :data:`IGNORED`.
        runs: One run per seed, sorted by seed.
    """

    dataset: str
    model: str
    method: str
    settings: Mapping[str, str]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Naming:
    """State how the variants of one method are told apart.

    Attributes:
        keys: The keys of the labels, sorted.
        also_differ: Key to its distinct values, for keys that differ but follow from ``keys``.
    """

    keys: tuple[str, ...]
    also_differ: Mapping[str, tuple[str, ...]]


def flatten(config: Mapping[str, object]) -> dict[str, str]:
    """Return a nested configuration as dotted keys and JSON texts, so that equal settings are equal texts.

    1 and 1.0 are the same value, and an empty mapping is nothing.

    Example:
        >>> flatten({"model": {"name": "mlp", "width": 64.0}, "lr": [0.1, 1e-3]})
        {'model.name': '"mlp"', 'model.width': '64', 'lr': '[0.1, 0.001]'}
    """
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{rest}": text for rest, text in flatten(value).items()}
        else:
            flat[str(key)] = canonical(value)
    return flat


def canonical(value: object) -> str:
    """Return a value as JSON text in one way only; what JSON cannot hold by its ``str``.

    Example:
        >>> canonical(2.0), canonical(True), canonical("2")
        ('2', 'true', '"2"')
    """
    return json.dumps(_merge_numbers(value), sort_keys=True, default=str)


def is_ignored(key: str) -> bool:
    """Return whether a dotted key makes no variant of its own, as one of :data:`IGNORED` or below it."""
    return f"{key}.".startswith(_IGNORED)


def shown(text: str | None) -> str:
    """Return a JSON text of :func:`flatten` as on the command line: strings without quotes; None is :data:`ABSENT`.

    Example:
        >>> shown('"kaiming"'), shown("0.006"), shown(None)
        ('kaiming', '0.006', 'absent')
    """
    if text is None:
        return ABSENT
    return str(json.loads(text)) if text.startswith('"') else text


def group_runs(runs: Iterable[Run]) -> tuple[list[Variant], list[Unusable]]:
    """Sort runs into variants.

    Of several runs with the same variant and seed the one whose ``summary.json`` was written last is used (of
    equally old ones the last path); the others are returned as duplicates.

    Returns:
        The variants in the order of data set, model, method and settings, and the duplicates.
    """
    groups: dict[tuple[str, str, str, tuple[tuple[str, str], ...]], list[Run]] = {}
    read = [(run, {key: text for key, text in flatten(run.config).items() if not is_ignored(key)}) for run in runs]
    _fill_in_newer(read)
    for run, settings in read:
        snapshot = run.path.resolve().parent
        if snapshot.parent.name == FORKS:  # children of several snapshots have one configuration
            settings[FORK] = canonical(snapshot.name)
    files = _names_of_files([settings for _, settings in read])
    for _, settings in read:
        if (content := settings.get(CONTENT)) in files:
            settings[FILE] = files[content]
    name_sources(read)
    for run, settings in read:
        groups.setdefault((run.dataset, run.model, run.method, tuple(sorted(settings.items()))), []).append(run)
    variants, duplicates = [], []
    for (dataset, model, method, settings_items), members in sorted(groups.items(), key=lambda item: item[0]):
        newest = {run.seed: run for run in sorted(members, key=lambda run: (run.modified, str(run.path)))}
        kept = tuple(newest[seed] for seed in sorted(newest))
        variants.append(Variant(dataset, model, method, dict(settings_items), kept))
        duplicates += [_duplicate(run, newest[run.seed]) for run in members if run is not newest[run.seed]]
    return variants, duplicates


def _fill_in_newer(read: Sequence[tuple[Run, dict[str, str]]]) -> None:
    """Give the settings of older runs the values of keys that were added later, where other runs have these keys."""
    present = {key for _, settings in read for key in settings}
    for run, settings in read:
        for group, section in run.config.items():
            name = section.get("name") if isinstance(section, Mapping) else None
            for key, text in _newer(group, str(name)).items():
                if key in present:
                    settings.setdefault(key, text)


@cache
def _newer(group: str, name: str) -> dict[str, str]:
    """Return key -> JSON text of what a choice had before the key was added."""
    try:
        newer = Training.newer if group == "training" else option_class(group, name).newer
    except KeyError:  # of another version, or from outside the package
        return {}
    return {f"{group}.{key}": canonical(value) for key, value in newer.items()}


def _names_of_files(runs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return content -> name of every file of data that settings tell; of several names of one content the first."""
    named: dict[str, str] = {}
    for settings in runs:
        content, file = settings.get(CONTENT, UNKNOWN), settings.get(FILE, UNKNOWN)
        if content != UNKNOWN:
            named[content] = min(named.get(content, file), file)
    return named


def name_variants(variants: Sequence[Variant]) -> Naming:
    """Return the keys that label the variants of one data set, model and method.

    A key that the user set in any run (``overrides``) and that differs is in every label. Further keys,
    choices (``optimizer.name``) before their options and words (``model.init``) before numbers, are added while they
    separate variants that are still alike.
    """
    settings = [variant.settings for variant in variants]
    differing = [key for key in _all_keys(settings) if len({one.get(key) for one in settings}) > 1]
    words = {word for variant in variants for run in variant.runs for word in run.overrides}
    overridden = {word.lstrip("+~").partition("=")[0].partition("@")[0] for word in words}
    keys = [key for key in differing if overridden & {key, key.removesuffix(".name")}]
    added: list[str] = []
    texts = {key for key in differing if any((one.get(key) or "").startswith('"') for one in settings)}
    by_weight = sorted(differing, key=lambda key: (not key.endswith(".name"), key not in texts, key.count("."), key))
    for key in by_weight:
        if _separated(settings, [*keys, *added, key]) > _separated(settings, keys + added):
            added.append(key)
    # Options go before choices do: optimizer.momentum=absent would separate as well as optimizer.name=adam.
    for key in reversed([key for key in added if not key.endswith(".name")]):
        without = [other for other in added if other != key]
        if _separated(settings, keys + without) == len(settings):
            added = without
    chosen = sorted(keys + added)
    rest = [key for key in differing if key not in chosen and not _option_of_chosen(key, chosen, settings)]
    return Naming(
        keys=tuple(chosen),
        also_differ={key: tuple(dict.fromkeys(shown(one.get(key)) for one in settings)) for key in rest},
    )


def label_settings(variant: Variant, keys: Sequence[str]) -> dict[str, str]:
    """Return the settings, among ``keys``, of a variant's label, without options that its choices do not have."""
    return {
        key: shown(variant.settings.get(key))
        for key in keys
        if key in variant.settings or f"{key.partition('.')[0]}.name" not in keys
    }


def differing_settings(first: Variant, second: Variant, without: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the values of every key in which variants differ, without options of only one of two choices.

    Keys whose first part is in ``without`` are left out.
    """
    settings = [first.settings, second.settings]
    differing = [key for key in _all_keys(settings) if first.settings.get(key) != second.settings.get(key)]
    return {
        key: (shown(first.settings.get(key)), shown(second.settings.get(key)))
        for key in sorted(differing)
        if key.partition(".")[0] not in without and not _option_of_chosen(key, differing, settings)
    }


def _merge_numbers(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_merge_numbers(item) for item in value]
    return value


def _all_keys(settings: Iterable[Mapping[str, str]]) -> list[str]:
    return sorted({key for one in settings for key in one})


def _separated(settings: Sequence[Mapping[str, str]], keys: Sequence[str]) -> int:
    return len({tuple(one.get(key) for key in keys) for one in settings})


def _option_of_chosen(key: str, chosen: Iterable[str], settings: Sequence[Mapping[str, str]]) -> bool:
    # optimizer.betas is there or not according to optimizer.name: nothing that a reader must be told again.
    choice = f"{key.partition('.')[0]}.name"
    return choice != key and choice in chosen and any(key not in one for one in settings)


def _duplicate(run: Run, used: Run) -> Unusable:
    why = "its summary.json is newer" if used.modified > run.modified else "it is as old and last by path"
    ours, theirs = (f"{one.status} with {100 * one.test_acc:.2f} %" for one in (run, used))
    return Unusable(run.path, "duplicate", f"seed {run.seed}, {ours}; used instead is {used.path}, {theirs} ({why})")
