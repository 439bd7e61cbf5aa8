"""Change one choice of identity homotopy at a time, and tune the rate again: what carries its accuracy?

The default is the circular path from an orthogonal start, all layers together, t linear. MNIST-1D, 32 layers of 64,
100 epochs; weight decay, length of the path and warm-up of the rate are those that the study of baselines chose for
it. `constant` is t = 1 throughout: the plain network at the rates of the homotopy, without a path.
"""

from __future__ import annotations

from collections.abc import Mapping

from reproductions.search import Budget, Contender
from reproductions.space import Range
from reproductions.study import Study

SPACE = (Range("optimizer.lr", 1e-3, 2e-2, logarithmic=True),)

METHOD = "method=identity_homotopy"
LENGTH = "continuation.warmup_fraction"
SHARED = ("optimizer.weight_decay=1.39", "lr_schedule.warmup_fraction=0.0782")
USUAL = f"{LENGTH}=0.697"
DEFAULT = (METHOD, "method.path=circular", USUAL)

CHANGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Path": {
        "circular": DEFAULT,
        **{path: (METHOD, f"method.path={path}", USUAL) for path in ("linear", "residual", "preactivation")},
        "decay_centre": ("method=decay_centre", USUAL),
    },
    "Order of the layers": {order: (*DEFAULT, f"method.order={order}") for order in ("shallow_first", "deep_first")},
    "Start": {
        **{
            init: (*DEFAULT, f"model.init={init}")
            for init in ("kaiming", "looks_linear", "identity", "mean_preserving")
        },
        "dirac": (*DEFAULT, "model.block=dirac"),
    },
    "Continuation": {
        "adaptive": (METHOD, "method.path=circular", "continuation=adaptive"),
        "cosine": (*DEFAULT, "continuation=cosine"),
        "stepwise": (*DEFAULT, "continuation=stepwise"),
        "shuffled": (*DEFAULT, "continuation=shuffled"),
        "constant": (METHOD, "method.path=circular", "continuation=constant"),
    },
    "Length of the path": {
        f"length_{length}": (METHOD, "method.path=circular", f"{LENGTH}={length}") for length in ("0.25", "0.5", "0.95")
    },
    "For every row alike": {
        "weight_average": (*DEFAULT, "training.weight_average=0.99"),
        "shifted": (*DEFAULT, "dataset.shift=2"),
        "noisy": (*DEFAULT, "dataset.noise=0.05"),
    },
}
"""What is changed -> row -> overrides."""

CONTENDERS = {
    change: tuple(Contender(name, (*overrides, *SHARED), SPACE) for name, overrides in rows.items())
    for change, rows in CHANGES.items()
}

STUDY = Study(
    "Ablation of identity homotopy, one choice at a time",
    CONTENDERS,
    Budget(settings=6, finalists=2, seeds=2),
    seeds=10,
    reference="circular",
)
