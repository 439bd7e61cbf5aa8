"""The picture of a study: trials in the colour of their method, whole numbers for what is counted, nothing cut."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.method_colours import COLOURS, OTHERS, method_colour
from homotopy_bench.sweeps.studies.picture import draw, draw_trials
from tests.pictures import assert_in_view, assert_nothing_is_cut, assert_whole, drawn

SPACE: dict[str, Any] = {
    "method": CategoricalDistribution(sorted(COLOURS)),
    "optimizer.lr": FloatDistribution(1e-4, 1e-1, log=True),
    "model.depth": IntDistribution(2, 4),
    "a.long.section.of.keys.with.a.long_name_at_its_end": FloatDistribution(0.0, 1.0),
    "model.activation": CategoricalDistribution(["relu", "a very long value of a choice", None]),
}


def study_of(values: list[float], direction: Literal["minimize", "maximize"] = "maximize") -> optuna.Study:
    draws = random.Random(0)
    study = optuna.create_study(direction=direction)
    for number, value in enumerate(values):
        params: dict[str, Any] = {
            "method": sorted(COLOURS)[number % len(COLOURS)],
            "optimizer.lr": draws.uniform(1e-4, 1e-1),
            "model.depth": draws.randint(2, 4),
            "a.long.section.of.keys.with.a.long_name_at_its_end": draws.random(),
            "model.activation": draws.choice(SPACE["model.activation"].choices),
        }
        study.add_trial(optuna.trial.create_trial(params=params, distributions=SPACE, value=value))
    return study


def methods_of(study: optuna.Study) -> dict[int, str]:
    return {trial.number: trial.params["method"] for trial in study.trials}


def labelled(study: optuna.Study) -> dict[str, Axes]:
    figure = drawn(draw_trials(study, "val_acc", methods_of(study)))
    assert_nothing_is_cut(figure)
    return {axes.get_xlabel(): axes for axes in figure.axes}


@pytest.mark.parametrize(
    "values", [[0.6 + 0.0001 * n for n in range(24)], [0.5], [0.5] * 12], ids=["many", "one", "equal"]
)
def test_whatever_a_study_has_is_in_view_and_nothing_is_cut(values: list[float]) -> None:
    found = labelled(study_of(values))
    for key in ("trial", "model.depth"):
        assert_whole(found[key])
    assert found["optimizer.lr"].get_xscale() == "log"
    for key, axes in found.items():
        assert len(key) <= 32
        if key != "importance":
            assert_in_view(axes)
    assert ("importance" in found) == (len(values) >= 10)


def test_a_trial_has_the_colour_of_its_method_in_every_panel() -> None:
    study = study_of([0.6 + 0.01 * n for n in range(12)])
    for key, axes in labelled(study).items():
        if key != "importance":
            points: Any = axes.collections[0]
            drawn_as = [to_hex(colour) for colour in points.get_facecolors()]
            assert drawn_as == [method_colour(trial.params["method"]) for trial in study.trials]


def test_the_best_value_so_far_follows_the_direction() -> None:
    best: dict[Literal["minimize", "maximize"], list[float]] = {
        "maximize": [0.5, 0.7, 0.7],
        "minimize": [0.5, 0.5, 0.5],
    }
    for direction, values in best.items():
        (line,) = labelled(study_of([0.5, 0.7, 0.6], direction))["trial"].get_lines()
        assert np.asarray(line.get_ydata()).tolist() == values


def test_a_study_without_a_trial_is_a_picture(tmp_path: Path) -> None:
    draw(optuna.create_study(), "val_acc", {}, tmp_path / "trials.png")
    assert (tmp_path / "trials.png").read_bytes().startswith(b"\x89PNG")


def test_methods_of_the_package_have_colours_of_their_own() -> None:
    assert sorted(COLOURS) == choices_of("method")
    assert len({*COLOURS.values(), *OTHERS}) == len(COLOURS) + len(OTHERS)
