"""Draw ``trials.png``: the value over the trials and over every parameter, and the importance of each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.method_colours import method_colour
from homotopy_bench.core.pictures import fit_y, plain_label, rendered, whole_x

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENOUGH = 10
"""Fewest trials from which an importance is estimated."""

COLUMNS = 4
"""Most panels beside each other."""

PANEL = (3.2, 2.8)
"""Width and height of a panel, in inches."""

LONGEST_KEY, LONGEST_VALUE = 32, 14
"""Most characters of a key, and of a value that is a text."""

LEAST = 1e-3
"""Smallest range of values that is drawn over the whole height."""


def draw(study: Study, objective: str, methods: Mapping[int, str], file: Path) -> None:
    """Write the picture of a study.

    Args:
        study: The study.
        objective: Name of its first objective, which is drawn.
        methods: Number of a trial -> its method, which gives it its colour.
        file: PNG file to write.
    """
    write_atomically(file, rendered(draw_trials(study, objective, methods), dpi=120))


def draw_trials(study: Study, objective: str, methods: Mapping[int, str]) -> Figure:
    """Return the picture of a study: its first objective over trials and parameters, and the parameters' importances.

    The importance is that of PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255): how much a parameter's distribution
    among the best tenth of the trials differs from that among all. It is left out below 10 trials.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    distributions = {key: one for trial in trials for key, one in trial.distributions.items()}
    importances = _importances(study, len(trials))
    count = 1 + len(distributions) + bool(importances)
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    _draw_order(panels[0], trials, study.directions[0] == StudyDirection.MAXIMIZE)
    for axes, (key, distribution) in zip(panels[1:], distributions.items(), strict=False):
        _draw_parameter(axes, key, distribution, [trial for trial in trials if key in trial.params], methods)
    _scatter(panels[0], trials, [trial.number for trial in trials], methods)
    whole_x(panels[0])
    for index, axes in enumerate(panels[: 1 + len(distributions)]):
        fit_y(axes, [trial.values[0] for trial in trials], LEAST)
        if index % columns == 0:
            axes.set_ylabel(plain_label(objective, LONGEST_KEY), fontsize=9)
    if importances:
        _draw_importances(panels[count - 1], importances)
    for axes in panels[:count]:
        axes.tick_params(labelsize=8)
    for axes in panels[count:]:
        axes.remove()
    named = dict.fromkeys(methods[trial.number] for trial in trials if trial.number in methods)
    if len(named) > 1:
        shown = {name: plain_label(name, LONGEST_KEY) for name in named}
        handles = [panels[0].scatter([], [], color=method_colour(name), s=14, label=shown[name]) for name in named]
        figure.legend(handles=handles, fontsize=8, loc="outside lower center", ncols=columns)
    return figure


def _draw_order(axes: Axes, trials: list[FrozenTrial], maximized: bool) -> None:
    """Draw the best value so far over the number of the trial."""
    better, so_far = (max, -math.inf) if maximized else (min, math.inf)
    best = [so_far := better(so_far, trial.values[0]) for trial in trials]
    axes.step([trial.number for trial in trials], best, where="post", color="#888888", linewidth=1.0)
    axes.set_title("line: best so far", fontsize=8)
    axes.set_xlabel("trial", fontsize=9)


def _draw_parameter(
    axes: Axes, key: str, distribution: BaseDistribution, trials: list[FrozenTrial], methods: Mapping[int, str]
) -> None:
    """Draw the value over a parameter."""
    if isinstance(distribution, CategoricalDistribution):
        places = {choice: place for place, choice in enumerate(distribution.choices)}
        _scatter(axes, trials, [places[trial.params[key]] for trial in trials], methods)
        labels = [plain_label(str(choice), LONGEST_VALUE) for choice in places]
        axes.set_xticks(list(places.values()), labels, rotation=30, ha="right")
    else:
        _scatter(axes, trials, [trial.params[key] for trial in trials], methods)
        if getattr(distribution, "log", False):
            axes.set_xscale("log")
        elif isinstance(distribution, IntDistribution):
            whole_x(axes)
    axes.set_xlabel(plain_label(key, LONGEST_KEY), fontsize=9)


def _draw_importances(axes: Axes, importances: Mapping[str, float]) -> None:
    """Draw a bar per parameter; the keys stand on the bars, where they take no width from the other panels."""
    axes.barh(range(len(importances)), list(importances.values()), color="#cccccc")
    for place, key in enumerate(importances):
        axes.annotate(
            plain_label(key, LONGEST_KEY),
            (0.0, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks([])
    axes.set_xlabel("importance", fontsize=9)


def _scatter(axes: Axes, trials: list[FrozenTrial], x: list[float], methods: Mapping[int, str]) -> None:
    """Draw a point per trial in the colour of its method."""
    colours = [method_colour(methods.get(trial.number, "")) for trial in trials]
    axes.scatter(x, [trial.values[0] for trial in trials], c=colours, s=14, zorder=3)
    axes.grid(alpha=0.25)


def _importances(study: Study, completed: int) -> dict[str, float]:
    if completed < ENOUGH:
        return {}
    with warnings.catch_warnings(action="ignore"):  # Optuna marks it as experimental
        try:
            evaluator = PedAnovaImportanceEvaluator()
            return get_param_importances(
                study, evaluator=evaluator, target=lambda trial: trial.values[0] if trial.values else 0.0
            )
        except (ValueError, RuntimeError):  # parameters that no trials share, values that are all equal
            return {}
