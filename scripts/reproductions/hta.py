"""HTA on MNIST-1D against what it must beat: SGD, SGD with as many gradients, and SGD with weight decay L(t).

HTA at its published levels and the weight decay L(t) spend 24 of 100 epochs on the levels of L; with two gradients a
step there, HTA takes as many gradients as SGD does in 124 epochs. Where its levels are searched too, it has up to 48
epochs of them, and as many gradients as SGD in 106 to 148.
"""

from __future__ import annotations

from reproductions.search import Budget, Contender
from reproductions.space import Axis, Choice, Range
from reproductions.study import Study

SPACE = (
    Range("optimizer.lr", 0.01, 0.5, logarithmic=True),
    Range("optimizer.weight_decay", 1e-5, 1e-2, logarithmic=True),
    Range("lr_schedule.warmup_fraction", 0.05, 0.3),
)

LEVELS = (
    Choice(
        "method.L",
        ("[1,0.1]", "[1,0.001]", "[0.1,0.01]", "[0.1,0.001]", "[0.01,0.005]", "[0.01,0.0001]", "[0.001,0.0001]",
         "[0.0001,0.00001]"),
    ),
    Choice("method.split", ("layers", "channels", "random")),
    Choice("method.reference", ("zero", "initial", "random")),
    Choice("method.epochs_per_level", ("1", "2", "4", "8")),
)  # fmt: skip
"""What the publication fixes: six levels between two ends, what is anchored where, and for how long."""

MODELS = {
    "mlp": ("model=mlp", "model.depth=6", "model.width=64"),
    "cnn": ("model=cnn", "model.depth=3", "model.width=16"),
}

METHODS: dict[str, tuple[tuple[str, ...], tuple[Axis, ...]]] = {
    "hta": (("method=hta", "training.epochs=100"), SPACE),
    "hta_levels": (
        ("method=hta", "method.spacing=geometric", "method.levels=6", "training.epochs=100"),
        (*SPACE, *LEVELS),
    ),
    "sgd": (("method=baseline", "optimizer=sgd", "training.epochs=100"), SPACE),
    "sgd_equal_gradients": (("method=baseline", "optimizer=sgd", "training.epochs=124"), SPACE),
    "sgd_weight_decay_L": (("method=l2_schedule", "training.epochs=100"), SPACE),
}
"""Name -> overrides, and what is searched."""

CONTENDERS = {
    f"{model} on MNIST-1D": tuple(
        Contender(f"{model}_{name}", (*network, *overrides), space) for name, (overrides, space) in METHODS.items()
    )
    for model, network in MODELS.items()
}

STUDY = Study(
    "HTA and its controls at equal tuning budget", CONTENDERS, Budget(settings=48, finalists=4, seeds=2), seeds=10
)
