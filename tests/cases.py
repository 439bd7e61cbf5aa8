"""The table of cases: every method on every model on every data set, small enough to train in a test.

A new method, model or data set adds one row here and is then covered by every property that holds for all of them.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

ADAMW = ("optimizer=adamw", "continuation=linear")
"""What the other methods choose by themselves."""

METHODS: dict[str, tuple[str, ...]] = {
    "baseline": ("method=baseline",),
    "identity-linear": ("method=identity_homotopy", "method.path=linear"),
    "identity-residual": ("method=identity_homotopy", "method.path=residual"),
    "identity-circular": ("method=identity_homotopy", "method.path=circular"),
    "convexity-literal": ("method=convexity_annealing", "method.form=literal"),
    "convexity-preserving": ("method=convexity_annealing", "method.form=variance_preserving"),
    "convexity-shared": ("method=convexity_annealing", "method.theta=shared", "method.theta_penalty=0.01"),
    "convexity-per-neuron": ("method=convexity_annealing", "method.theta=per_neuron"),
    "hta": ("method=hta", *ADAMW),
    "l2-schedule": ("method=l2_schedule", *ADAMW),
    "curvature-lr": ("method=curvature_lr", "lr_schedule.dense_steps=4", "lr_schedule.every=3"),
}

MODELS: dict[str, tuple[str, ...]] = {
    "mlp-default": ("model=mlp", "model.depth=3", "model.width=8", "model.init=default"),
    "mlp-kaiming": ("model=mlp", "model.depth=4", "model.width=12", "model.init=kaiming"),
    "mlp-orthogonal": ("model=mlp", "model.depth=4", "model.width=12", "model.init=orthogonal"),
    "mlp-batchnorm": ("model=mlp", "model.depth=4", "model.width=12", "model.block=batchnorm"),
    "mlp-layernorm": ("model=mlp", "model.depth=4", "model.width=12", "model.block=layernorm"),
    "mlp-residual": ("model=mlp", "model.depth=4", "model.width=12", "model.block=residual"),
    "mlp-scaled-residual": ("model=mlp", "model.depth=4", "model.width=12", "model.block=scaled_residual"),
    "mlp-rezero": ("model=mlp", "model.depth=4", "model.width=12", "model.block=rezero"),
    "cnn": ("model=cnn", "model.depth=4", "model.width=6"),
    "cnn-image": ("model=cnn", "model.depth=4", "model.width=4"),
    "vgg11": ("model=vgg11", "model.width=0.0625"),
    "mlp-looks-linear": ("model=mlp", "model.depth=4", "model.width=12", "model.init=looks_linear"),
}

FEW = ("dataset.subset=80", "dataset.test_subset=40", "training.batch_size=12")
"""72 training images make 6 steps an epoch."""

DATASETS: dict[str, tuple[str, ...]] = {
    "mnist1d": ("dataset=mnist1d", "dataset.samples=500"),
    "mnist": ("dataset=mnist", *FEW),
    "cifar10": ("dataset=cifar10", *FEW),
}
"""Options of a data set come last: those of the images make fewer and smaller batches."""

IMAGES = ("cnn-image", "vgg11")
"""Models that take images only in these tests."""

FOLDERS = {"mnist": "mnist", "cifar10": "cifar-10-batches-bin"}
"""Folders of the real data sets, which tests do not download."""


def why_missing(dataset: str, root: Path) -> str | None:
    """Return why a data set cannot be used in a test; None where it can."""
    folder = FOLDERS.get(dataset)
    if folder is None or (root / folder).is_dir():
        return None
    return f"HOMOTOPY_BENCH_DATA names no folder with {folder}/"


PLAIN = ("mlp-default", "mlp-kaiming", "mlp-orthogonal", "mlp-looks-linear")
"""Models that the independent reference loop knows, with the methods baseline and identity homotopy."""

SMALL = ("training.epochs=5", "training.batch_size=32", "hardware.dtype=float64")
"""360 training samples make 11 steps an epoch, 55 in all."""

_SIGNALS = product(METHODS, [model for model in MODELS if model not in IMAGES], ["mnist1d"])
_PHOTOGRAPHS = ("baseline", "identity-circular", "convexity-preserving", "convexity-per-neuron")
_COMBINATIONS = (
    *_SIGNALS,
    *product(METHODS, ["cnn-image"], ["mnist"]),
    *product(_PHOTOGRAPHS, ["vgg11"], ["cifar10"]),
    ("identity-residual", "cnn-image", "cifar10"),
    ("identity-linear", "vgg11", "mnist"),
)

CASES: dict[str, tuple[str, ...]] = {
    "/".join(names): (*METHODS[names[0]], *MODELS[names[1]], *SMALL, *DATASETS[names[2]]) for names in _COMBINATIONS
}
"""Every method on every model of signals and on a convolutional network of images, and some on all others."""

DEFORMING = {name: case for name, case in CASES.items() if not name.startswith(("baseline/", "curvature-lr/"))}
"""The cases in which t changes the network."""

REFERENCED = {
    name: case
    for name, case in CASES.items()
    if name.split("/")[1] in PLAIN and name.startswith(("baseline", "identity"))
}
"""The cases that the independent reference loop covers."""
