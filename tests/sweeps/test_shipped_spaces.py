"""Every space of conf/sweep: its edges are settings that can be trained, for each method that it is made for."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from homotopy_bench.core.conf_files import choices_of, conf_dir
from homotopy_bench.sweeps.studies.composition import Composition
from homotopy_bench.sweeps.studies.space import read_space

HOMOTOPY = ("optimizer.lr", "continuation.warmup_fraction")
PLAIN = ("optimizer.lr", "lr_schedule.warmup_fraction")

# The space, the method, and what is searched at its first edge.
SEARCHED = (
    ("lr", "baseline", ("optimizer.lr",)),
    ("lr", "identity_homotopy", ("optimizer.lr",)),
    ("lr_warmup", "identity_homotopy", HOMOTOPY),
    ("lr_warmup", "convexity_annealing", HOMOTOPY),
    ("lr_warmup", "baseline", PLAIN),
    ("lr_warmup", "identity_homotopy continuation=constant", PLAIN),
    ("lr_warmup", "identity_homotopy continuation=adaptive", ("optimizer.lr",)),
    (
        "hta",
        "hta",
        ("optimizer.lr", "method.epochs_per_level", "method.anchor", "method.coupling", "method.split"),
    ),
    ("curvature", "curvature_lr", ("optimizer.lr", "lr_schedule.form", "lr_schedule.stability")),
)


@pytest.mark.parametrize(("name", "method", "keys"), SEARCHED, ids=[f"{one[0]} {one[1]}" for one in SEARCHED])
def test_the_edges_of_a_space_are_settings(name: str, method: str, keys: tuple[str, ...]) -> None:
    overrides = [f"sweep={name}", *f"method={method}".split()]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        master = compose("config", overrides=overrides, return_hydra_config=True)
        params = OmegaConf.to_container(master.hydra.sweeper.params)
        assert isinstance(params, dict)
        loader = GlobalHydra.instance().config_loader()
        space = read_space({str(key): value for key, value in params.items()}, overrides, loader)
        composition = Composition(loader, master)
        trials = space.examples(composition.lookup)
        configs = [composition.config(trial) for trial in trials]
    searched = [override.partition("=")[0] for override in trials[0][len(overrides) :]]
    assert tuple(searched) == keys
    assert len({config.hash() for config in configs}) == len(configs) >= 2


def test_a_condition_holds_for_numbers_and_switches_as_for_choices() -> None:
    params = {
        "model.depth": "choice(2,4,32)",
        "dataset.standardize": "choice(true,false)",
        "optimizer.lr": {"values": "interval(1e-4,1e-3)", "when": "model.depth=2,4.0"},
        "training.epochs": {"values": "range(10,30,10)", "when": "dataset.standardize=true"},
        "model.width": {"values": "range(8,16,4)", "when": "optimizer.eps=0.00000001"},
        "training.batch_size": {"values": "range(8,16,4)", "when": "training.clip_norm=null"},
    }
    arguments = ["optimizer.eps=1e-8", "training.clip_norm=null"]
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        master = compose("config", overrides=arguments, return_hydra_config=True)
        composition = Composition(GlobalHydra.instance().config_loader(), master)
        trials = read_space(params, arguments).examples(composition.lookup)
    always = [*params][:2], [*params][4:]
    own = {"2": ["optimizer.lr"], "4": ["optimizer.lr"], "32": []}
    for index, trial in enumerate(trials[:3]):  # the edges of the conditions follow
        depth, standardized = ("2", "4", "32")[index % 3], index % 2 == 0
        expected = [*always[0], *own[depth], *["training.epochs"] * standardized, *always[1]]
        assert [one.partition("=")[0] for one in trial[len(arguments) :]] == expected, trial


def test_every_space_is_among_them() -> None:
    assert {name for name, _, _ in SEARCHED} == set(choices_of("sweep"))
