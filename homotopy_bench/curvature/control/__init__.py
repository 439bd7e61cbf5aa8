"""Closed-loop learning rates: rules that turn measured curvature into a rate, and the controller that feeds them."""

from homotopy_bench.curvature.control.base import Rule
from homotopy_bench.curvature.control.cap import Cap
from homotopy_bench.curvature.control.kappa import Kappa

FORMS: dict[str, type[Rule]] = {"cap": Cap, "kappa": Kappa}
"""Choice of ``lr_schedule.form`` -> the rule."""

__all__ = ["FORMS", "Cap", "Kappa", "Rule"]
