"""Thirty ways to train 32 layers of 64 units on MNIST-1D, each at its best of equally many settings.

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
MULTIPLIERS = Range("method.rate", 1e-4, 1e-2, logarithmic=True)

PLAIN = "plain ReLU network"
OTHERS = "each row another network, normalised or residual"


def _baseline(name: str, *overrides: str) -> Contender:
    return Contender(name, ("method=baseline", *overrides), SHARED)


def _path(name: str, *overrides: str) -> Contender:
    return Contender(name, overrides, PATH)


def _identity(path: str) -> Contender:
    return _path(f"identity_{path}", "method=identity_homotopy", f"method.path={path}")


def _circular(start: str, override: str) -> Contender:
    return _path(f"identity_circular_{start}", "method=identity_homotopy", "method.path=circular", override)


def _convexity(form: str) -> Contender:
    return _path(f"convexity_{form}", "method=convexity_annealing", f"method.form={form}")


CONTENDERS = {
    PLAIN: (
        *(_baseline(f"plain_{init}", f"model.init={init}") for init in ("default", "kaiming", "orthogonal")),
        _baseline("plain_looks_linear", "model.init=looks_linear"),
        _baseline("plain_identity", "model.init=identity"),
        _baseline("plain_mean_preserving", "model.init=mean_preserving"),
        _baseline("dirac", "model.block=dirac"),
        _baseline("dirac_identity", "model.block=dirac", "model.init=identity"),
        _baseline("dirac_normalized", "model.block=dirac_normalized"),
        *(_identity(path) for path in ("linear", "residual", "circular", "preactivation")),
        Contender("identity_adaptive", ("method=identity_homotopy", "continuation=adaptive"), SHARED),
        *(_circular(init, f"model.init={init}") for init in ("kaiming", "looks_linear")),
        _circular("dirac", "model.block=dirac"),
        *(_convexity(form) for form in ("literal", "variance_preserving")),
        _path(
            "convexity_literal_looks_linear",
            "method=convexity_annealing",
            "method.form=literal",
            "model.init=looks_linear",
        ),
        _path("tailored_activation", "method=tailored_activation"),
        _path("decay_centre", "method=decay_centre"),
        _path("decay_centre_identity", "method=decay_centre", "model.init=identity"),
        Contender("skip_multipliers", ("method=skip_multipliers",), (*SHARED, MULTIPLIERS)),
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
