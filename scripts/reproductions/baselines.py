"""Twenty ways to train 32 layers of 64 units on MNIST-1D, each at its best of equally many settings.

The rows of one *target* are the same network at t = 1 and can be compared; a normalised or residual network is
another target.
"""

from __future__ import annotations

from reproductions.search import Budget, Contender
from reproductions.space import Range
from reproductions.study import Study

SHARED = (
    Range("optimizer.lr", 5e-4, 3e-2, logarithmic=True),
    Range("optimizer.weight_decay", 0.005, 3.0, logarithmic=True),
    Range("lr_schedule.warmup_fraction", 0.05, 0.3),
)
PATH = (*SHARED, Range("continuation.warmup_fraction", 0.3, 0.95))

PLAIN = "plain ReLU network"
OTHERS = "each row another network, normalised or residual"


def _baseline(name: str, *overrides: str) -> Contender:
    return Contender(name, ("method=baseline", *overrides), SHARED)


def _identity(path: str) -> Contender:
    return Contender(f"identity_{path}", ("method=identity_homotopy", f"method.path={path}"), PATH)


def _convexity(form: str) -> Contender:
    return Contender(f"convexity_{form}", ("method=convexity_annealing", f"method.form={form}"), PATH)


CONTENDERS = {
    PLAIN: (
        *(_baseline(f"plain_{init}", f"model.init={init}") for init in ("default", "kaiming", "orthogonal")),
        _baseline("plain_looks_linear", "model.init=looks_linear"),
        _baseline("plain_identity", "model.init=identity"),
        _baseline("dirac", "model.block=dirac"),
        _baseline("dirac_identity", "model.block=dirac", "model.init=identity"),
        _baseline("dirac_normalized", "model.block=dirac_normalized"),
        *(_identity(path) for path in ("linear", "residual", "circular")),
        Contender("identity_adaptive", ("method=identity_homotopy", "continuation=adaptive"), SHARED),
        *(_convexity(form) for form in ("literal", "variance_preserving")),
    ),
    OTHERS: (
        *(
            _baseline(block, f"model.block={block}")
            for block in ("batchnorm", "layernorm", "residual", "scaled_residual", "rezero")
        ),
        _baseline("small_residual", "model.block=small_residual"),
    ),
}

STUDY = Study(
    "Strong baselines and homotopies at equal tuning budget",
    CONTENDERS,
    Budget(settings=48, finalists=4, seeds=4),
    seeds=20,
)
"""64 trainings a row, and 20 reporting runs."""
