"""Draw ``trials.png``: the value over every parameter, and the importance of each."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import Study
from optuna.trial import TrialState

from homotopy_bench.core.files import write_atomically

ENOUGH = 10
"""Fewest trials from which an importance is estimated."""


def draw(study: Study, objective: str, file: Path) -> None:
    """Draw the first objective, named so on the axis, over each parameter, and the parameters' importances.

    The importance is that of PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255): how much a parameter's distribution
    among the best tenth of the trials differs from that among all. It is left out below 10 trials.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    distributions = {key: one for trial in trials for key, one in trial.distributions.items()}
    importances = _importances(study, len(trials))
    panels = len(distributions) + bool(importances)
    figure = Figure(figsize=(3.2 * max(panels, 1), 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, max(panels, 1), squeeze=False)[0]
    for axis, (key, distribution) in zip(axes, distributions.items(), strict=False):
        having = [trial for trial in trials if key in trial.params]
        colours = [trial.number for trial in having]
        axis.scatter([trial.params[key] for trial in having], [trial.values[0] for trial in having], c=colours, s=14)
        axis.set_xlabel(key)
        if not isinstance(distribution, CategoricalDistribution) and getattr(distribution, "log", False):
            axis.set_xscale("log")
    axes[0].set_ylabel(objective)
    if importances:
        axes[-1].barh(list(importances), list(importances.values()))
        axes[-1].set_xlabel("importance")
    content = io.BytesIO()
    figure.savefig(content, dpi=120)
    write_atomically(file, content.getvalue())


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
