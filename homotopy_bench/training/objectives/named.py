"""Find an objective by the name that data give it."""

from __future__ import annotations

from homotopy_bench.core.objective_names import ObjectiveName
from homotopy_bench.training.objectives.base import Objective
from homotopy_bench.training.objectives.classification import Classification
from homotopy_bench.training.objectives.next_token import NextToken

OBJECTIVES: dict[ObjectiveName, type[Objective]] = {"classification": Classification, "next_token": NextToken}


def objective_of(name: ObjectiveName, classes: int) -> Objective:
    """Return the objective of a name, on so many classes."""
    return OBJECTIVES[name](classes)
