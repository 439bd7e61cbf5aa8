"""A moving centre of weight decay: at t = 0 it is the decay of V in W = I + V, which is written in another way."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from homotopy_bench.core.errors import InputError
from homotopy_bench.models.dirac import delta
from tests.composing import compose
from tests.training_runs import trained

SHARED = ("dataset.samples=500", "training.batch_size=32", "training.epochs=5", "hardware.dtype=float64")
RATES = ("optimizer=adamw", "optimizer.lr=5e-3", "optimizer.weight_decay=2.0", "lr_schedule=constant")
MODELS = {
    "mlp": ("model.depth=4", "model.width=12"),
    "cnn": ("model=cnn", "model.depth=3", "model.width=6"),
}


@pytest.mark.parametrize("model", MODELS)
def test_at_t_0_weights_decay_to_the_identity_as_those_of_dirac_layers_do(model: str) -> None:
    shared = (*MODELS[model], "model.init=identity", *SHARED, *RATES)
    members = [(*shared, f"seed={seed}") for seed in (1, 2)]
    centre = ("method=decay_centre", "continuation=jump", "continuation.warmup_fraction=1.0")
    pulled = trained(*((*centre, *member) for member in members), steps=40)
    dirac = trained(*(("method=baseline", "model.block=dirac", *member) for member in members), steps=40)
    moved = False
    for name, ours in pulled.ensemble.parameters.items():
        theirs: Any = dirac.ensemble.parameters[name].detach()
        if name.endswith("weight") and ours.dim() > 3 - (model == "mlp") and ours.shape[1] == ours.shape[2]:
            theirs = theirs + delta(theirs.shape[1:], theirs)
            moved = moved or not torch.allclose(theirs, delta(theirs.shape[1:], theirs).expand_as(theirs), atol=1e-3)
        torch.testing.assert_close(ours.detach(), theirs, rtol=1e-9, atol=1e-9)
    assert moved


def test_the_strength_is_that_of_weight_decay_unless_given() -> None:
    method: Any = compose("method=decay_centre", "optimizer.weight_decay=0.7").method
    assert method.strength == 0.7


@pytest.mark.parametrize(
    "change",
    [
        "optimizer=adam",
        "optimizer=natural_gradient",
        "optimizer=lbfgs",
        "lr_schedule=curvature lr_schedule.scope=per_layer",
    ],
)
def test_what_decays_otherwise_is_refused(change: str) -> None:
    with pytest.raises(InputError, match=r"accepted: (adamw, sgd|global)$"):
        compose("method=decay_centre", *change.split())
