"""Grouping and naming: equal settings share a row, and labels tell rows apart."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homotopy_bench.report.runs import Run
from homotopy_bench.report.variants import (
    Variant,
    differing_settings,
    flatten,
    group_runs,
    label_settings,
    name_variants,
    shown,
)


def run(
    config: dict[str, Any],
    *,
    seed: int = 0,
    path: str = "run",
    modified: int = 0,
    overrides: tuple[str, ...] = (),
    acc: float = 0.5,
) -> Run:
    return Run(
        path=Path(path),
        status="completed",
        dataset="mnist1d",
        model="mlp",
        method="hta",
        seed=seed,
        overrides=overrides,
        config=config,
        test_acc=acc,
        modified=modified,
    )


def label(variants: list[Variant]) -> list[str]:
    naming = name_variants(variants)
    return [" ".join(f"{k}={v}" for k, v in label_settings(one, naming.keys).items()) for one in variants]


def variants_of(*configs: dict[str, Any], overrides: tuple[str, ...] = ()) -> list[Variant]:
    return group_runs(run(config, overrides=overrides) for config in configs)[0]


def test_what_does_not_change_the_method_does_not_split_a_row():
    config = {
        "seed": 0,
        "model": {"width": 64},
        "hardware": {"name": "cpu", "threads": 1},
        "paths": {"outputs": "a"},
    }
    other = {
        "seed": 1,
        "model": {"width": 64.0},
        "hardware": {"name": "cpu", "threads": 2},
        "paths": {"outputs": "b"},
    }
    other["logger"] = {"name": "wandb"}
    other["landscape"] = {"name": "final", "samples": 1000}
    variants, duplicates = group_runs([run(config), run(other, seed=1)])
    assert [[r.seed for r in variant.runs] for variant in variants] == [[0, 1]]
    assert not duplicates


def test_a_record_from_before_a_key_was_added_has_the_value_of_then():
    old: dict[str, Any] = {"dataset": {"name": "mnist1d"}, "training": {"epochs": 4}}
    new: dict[str, Any] = {
        "dataset": {"name": "mnist1d", "shift": 0, "noise": 0.0},
        "training": {"epochs": 4, "weight_average": 0.0, "data_order": None, "snapshots": [1]},
    }
    variants, _ = group_runs([run(old, seed=0), run(new, seed=1)])
    assert [len(one.runs) for one in variants] == [2]
    shifted = {**new, "dataset": {**new["dataset"], "shift": 4}}
    assert sorted(label(variants_of(old, shifted))) == ["dataset.shift=0", "dataset.shift=4"]
    foreign = {"dataset": {"name": "../rings"}, "training": None, "model": {"name": ["mlp"]}}
    assert len(variants_of(foreign)) == 1


def test_children_of_several_snapshots_are_told_apart():
    children = [run({}, path=f"r/forks/{snapshot}/order-1") for snapshot in ("epoch-0", "epoch-5")]
    variants, duplicates = group_runs(children)
    assert not duplicates
    assert sorted(label(variants)) == ["fork=epoch-0", "fork=epoch-5"]


def test_controls_are_told_apart_by_the_runs_whose_rates_they_replay():
    def control(of: str, seed: int) -> Run:
        return run({"seed": seed, "lr_schedule": {"name": "trace", "run": of}}, path=f"c-{of}", seed=seed)

    sources = [run({"seed": seed, "a": a}, path=f"{a}/{seed}", seed=seed) for a in "pq" for seed in (0, 1)]
    replays = [control(f"{a}/{seed}", seed) for a in "pq" for seed in (0, 1)]
    variants, duplicates = group_runs([*sources, *replays])
    assert not duplicates
    assert sorted(len(one.runs) for one in variants) == [2, 2, 2, 2]
    gone, duplicates = group_runs(replays)
    assert not duplicates
    assert [len(one.runs) for one in gone] == [2, 2]
    assert all(one.settings["lr_schedule.run"].startswith('"another ') for one in gone)
    partly, _ = group_runs([sources[0], *replays])  # those beside a known one are of its kind
    assert sorted(len(one.runs) for one in partly) == [1, 2, 2]
    again = [control(f"c-{a}/{seed}", seed) for a in "pq" for seed in (0, 1)]  # controls of controls
    variants, _ = group_runs([*sources, *replays, *again])
    assert sorted(len(one.runs) for one in variants) == [2] * 6
    odd = [run({"lr_schedule": {"run": of}}, path=str(seed), seed=seed) for seed, of in enumerate(("a\0b", "\ud800"))]
    assert len(group_runs(odd)[0]) == 1


@pytest.mark.parametrize(
    "change",
    [{"model": {"width": 65}}, {"hardware": {"dtype": "bfloat16"}}, {"seeds": 1}, {"pathsx": 2}, {"x": True}],
)
def test_every_other_key_splits_a_row(change):
    assert len(variants_of({"model": {"width": 64}, "x": 1}, {"model": {"width": 64}, "x": 1} | change)) == 2


def test_the_same_data_under_two_names_are_a_row():
    runs = [
        run({"dataset": {"file": name, "sha256": content}}, seed=seed)
        for seed, (name, content) in enumerate((("b", "1"), ("a", "1"), ("a", "2"), ("b", None), ("a", None)))
    ]
    variants, duplicates = group_runs(runs)
    assert not duplicates
    assert [[one.seed for one in variant.runs] for variant in variants] == [[0, 1], [2], [4], [3]]
    assert variants[0].settings["dataset.file"] == '"a"'


def test_text_and_number_are_different_values():
    assert len(variants_of({"x": "1"}, {"x": 1})) == 2


def test_a_single_variant_has_no_label():
    assert label(variants_of({"model": {"init": "kaiming"}})) == [""]


def test_a_label_holds_just_the_key_that_differs():
    configs = [{"model": {"init": init, "depth": 32}} for init in ("kaiming", "orthogonal")]
    assert label(variants_of(*configs)) == ["model.init=kaiming", "model.init=orthogonal"]


def test_a_word_says_more_than_a_number():
    configs = [{"lr": lr, "model": {"init": init}} for lr, init in ((0.1, "kaiming"), (0.2, "orthogonal"))]
    assert label(variants_of(*configs)) == ["model.init=kaiming", "model.init=orthogonal"]


def test_a_choice_stands_for_its_options():
    sgd = {"optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True}}
    adam = {"optimizer": {"name": "adam", "betas": [0.9, 0.999]}}
    variants = variants_of(sgd, adam)
    assert sorted(label(variants)) == ["optimizer.name=adam", "optimizer.name=sgd"]
    assert name_variants(variants).also_differ == {}


def test_a_value_that_follows_is_told_once_and_not_in_every_label():
    configs = [{"model": {"init": i}, "training": {"epochs": e}} for i, e in (("kaiming", 40), ("orthogonal", 80))]
    naming = name_variants(variants_of(*configs))
    assert naming.keys == ("model.init",)
    assert naming.also_differ == {"training.epochs": ("40", "80")}


def test_what_the_user_set_is_in_every_label_even_where_it_follows():
    configs = [{"model": {"init": i}, "training": {"epochs": e}} for i, e in (("kaiming", 40), ("orthogonal", 80))]
    naming = name_variants(variants_of(*configs, overrides=("model.init=kaiming", "+training.epochs=40")))
    assert naming.keys == ("model.init", "training.epochs")
    assert naming.also_differ == {}


def test_choosing_from_a_group_is_setting_its_name():
    configs: list[dict[str, Any]] = [
        {"lr_schedule": {"name": name}, "optimizer": {"lr": lr}} for name, lr in (("constant", 0.1), ("step", 0.2))
    ]
    assert name_variants(variants_of(*configs, overrides=("lr_schedule=step",))).keys == ("lr_schedule.name",)
    both = ("lr_schedule=step", "optimizer.lr=0.2")
    assert name_variants(variants_of(*configs, overrides=both)).keys == ("lr_schedule.name", "optimizer.lr")
    for config in configs:
        config["model"] = {"name": config["lr_schedule"]["name"]}
    both = ("lr_schedule=step", "model=step")
    assert name_variants(variants_of(*configs, overrides=both)).keys == ("lr_schedule.name", "model.name")


def test_an_option_that_a_choice_lacks_is_left_out_of_its_label():
    configs: list[dict[str, Any]] = [
        {"lr_schedule": {"name": "constant"}},
        *({"lr_schedule": {"name": "warmup_cosine", "warmup_fraction": w}} for w in (0.1, 0.5)),
    ]
    assert sorted(label(variants_of(*configs))) == [
        "lr_schedule.name=constant",
        "lr_schedule.name=warmup_cosine lr_schedule.warmup_fraction=0.1",
        "lr_schedule.name=warmup_cosine lr_schedule.warmup_fraction=0.5",
    ]


def test_a_key_that_an_older_record_lacks_is_shown_as_absent():
    assert sorted(label(variants_of({"model": {}}, {"model": {"norm": "batch"}}))) == [
        "model.norm=absent",
        "model.norm=batch",
    ]


values = st.sampled_from([None, True, 0, 1, 0.5, "a", "b", [1, 2]])
configs = st.dictionaries(
    st.sampled_from(["model", "optimizer"]),
    st.dictionaries(st.sampled_from(["name", "lr", "init", "depth"]), values, max_size=4),
    max_size=2,
)


@given(
    st.lists(configs, min_size=1, max_size=6),
    st.sets(st.sampled_from(["model", "optimizer.lr", "model.init"])),
)
def test_labels_tell_all_variants_apart_and_no_difference_is_hidden(configs, overridden):
    variants = variants_of(*configs, overrides=tuple(f"{key}=x" for key in overridden))
    naming = name_variants(variants)
    parts = [tuple(one.settings.get(key) for key in naming.keys) for one in variants]
    assert len(set(parts)) == len(variants)
    differing = {
        key
        for one, other in itertools.combinations(variants, 2)
        for key in one.settings.keys() | other.settings.keys()
        if one.settings.get(key) != other.settings.get(key)
    }
    assert set(naming.keys) <= differing
    hidden = differing - set(naming.keys) - set(naming.also_differ)
    for key in hidden:
        assert f"{key.split('.')[0]}.name" in naming.keys
        assert any(key not in one.settings for one in variants)


@given(st.lists(configs, min_size=1, max_size=6), st.randoms())
def test_naming_does_not_depend_on_the_order_of_runs(configs, random):
    names = sorted(label(variants_of(*configs)))
    random.shuffle(configs)
    assert sorted(label(variants_of(*configs))) == names


@given(configs)
def test_flattening_keeps_every_leaf(config):
    assert len(flatten(config)) == sum(map(len, config.values()))


def test_values_are_shown_as_they_are_typed():
    flat = flatten({"a": "x", "b": 1e-3, "c": None, "d": True, "e": [1.0, "y"]})
    assert [shown(text) for text in flat.values()] == ["x", "0.001", "null", "true", '[1, "y"]']


def test_of_equal_seeds_the_newest_is_used_and_the_others_are_listed():
    runs = [
        run({}, path="old", modified=1, acc=0.7),
        run({}, path="new", modified=3, acc=0.6),
        run({}, path="middle", modified=2, acc=0.8),
        run({}, path="other", seed=1),
    ]
    (variant,), duplicates = group_runs(runs)
    assert [str(r.path) for r in variant.runs] == ["new", "other"]
    assert [str(one.path) for one in duplicates] == ["old", "middle"]
    for one in duplicates:
        assert one.kind == "duplicate"
        assert "used instead is new" in one.reason
        assert "60.00 %" in one.reason
    assert "70.00 %" in duplicates[0].reason


def test_of_equally_old_duplicates_the_choice_does_not_depend_on_the_order():
    runs = [run({}, path="a"), run({}, path="b")]
    for order in (runs, runs[::-1]):
        (variant,), (duplicate,) = group_runs(order)
        assert (str(variant.runs[0].path), str(duplicate.path)) == ("b", "a")


def test_a_difference_in_choice_hides_the_options_that_only_one_has():
    def variant(**settings: str) -> Variant:
        return Variant("d", "m", "x", {key.replace("__", "."): value for key, value in settings.items()}, ())

    first = variant(optimizer__name='"sgd"', optimizer__lr="0.1", optimizer__momentum="0.9", method__name='"hta"')
    second = variant(optimizer__name='"adam"', optimizer__lr="0.2", method__name='"baseline"')
    assert differing_settings(first, second, without={"method"}) == {
        "optimizer.lr": ("0.1", "0.2"),
        "optimizer.name": ("sgd", "adam"),
    }
