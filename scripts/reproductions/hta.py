"""HTA on MNIST-1D against what it must beat: SGD, SGD with as many gradients, and SGD with weight decay L(t).

HTA and the weight decay L(t) spend 24 of 100 epochs on the levels of L; with two gradients a step there, HTA takes as
many gradients as SGD does in 124 epochs.
"""

from __future__ import annotations

from reproductions.search import Budget, Contender
from reproductions.space import Range
from reproductions.study import Study

SPACE = (
    Range("optimizer.lr", 0.01, 0.5, logarithmic=True),
    Range("lr_schedule.warmup_fraction", 0.05, 0.3),
)

MODELS = {
    "mlp": ("model=mlp", "model.depth=6", "model.width=64"),
    "cnn": ("model=cnn", "model.depth=3", "model.width=16"),
}

METHODS = {
    "hta": ("method=hta", "training.epochs=100"),
    "sgd": ("method=baseline", "optimizer=sgd", "training.epochs=100"),
    "sgd_equal_gradients": ("method=baseline", "optimizer=sgd", "training.epochs=124"),
    "sgd_weight_decay_L": ("method=l2_schedule", "training.epochs=100"),
}

CONTENDERS = {
    f"{model} on MNIST-1D": tuple(
        Contender(f"{model}_{name}", (*network, *overrides), SPACE) for name, overrides in METHODS.items()
    )
    for model, network in MODELS.items()
}

STUDY = Study(
    "HTA and its controls at equal tuning budget", CONTENDERS, Budget(settings=24, finalists=4, seeds=2), seeds=10
)
