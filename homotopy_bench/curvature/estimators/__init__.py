"""Estimates of |H| that training can afford at a step, one per file; ``ESTIMATORS`` names them."""

from homotopy_bench.curvature.estimators.base import Estimator, Local
from homotopy_bench.curvature.estimators.gradient_proxy import GradientProxy
from homotopy_bench.curvature.estimators.hutchinson import Hutchinson
from homotopy_bench.curvature.estimators.power import Power
from homotopy_bench.curvature.estimators.secant import Secant

ESTIMATORS: dict[str, type[Estimator]] = {
    "power": Power,
    "hutchinson": Hutchinson,
    "gradient_proxy": GradientProxy,
    "secant": Secant,
}
"""Choice of ``lr_schedule.estimator`` -> its class."""

__all__ = ["ESTIMATORS", "Estimator", "GradientProxy", "Hutchinson", "Local", "Power", "Secant"]
