"""Name the runs of the two studies of the landscape."""

from __future__ import annotations

from reproductions.trained import Row

LEVELS = "[0.0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0]"
"""Values of t at which homotopies keep their state."""

_ORTHOGONAL = (
    "method=baseline",
    "model.init=orthogonal",
    "optimizer.lr=0.015",
    "optimizer.weight_decay=0.0343",
    "lr_schedule.warmup_fraction=0.0871",
)
_LOOKS_LINEAR = (
    "method=baseline",
    "model.init=looks_linear",
    "optimizer.lr=0.00281",
    "optimizer.weight_decay=0.0285",
    "lr_schedule.warmup_fraction=0.22",
)
_SCALED = (
    "method=baseline",
    "model.block=scaled_residual",
    "optimizer.lr=0.0124",
    "optimizer.weight_decay=0.392",
    "lr_schedule.warmup_fraction=0.128",
)
_KEPT = f"training.snapshots={LEVELS}"

DEEP: dict[str, Row] = {
    "plain_orthogonal": Row((*_ORTHOGONAL, _KEPT), 10),
    "plain_looks_linear": Row((*_LOOKS_LINEAR, _KEPT), 10),
    "identity_linear": Row(
        (
            "method=identity_homotopy",
            "method.path=linear",
            "optimizer.lr=0.00916",
            "optimizer.weight_decay=0.184",
            "lr_schedule.warmup_fraction=0.189",
            "continuation.warmup_fraction=0.781",
            _KEPT,
        ),
        10,
    ),
    "identity_adaptive": Row(
        (
            "method=identity_homotopy",
            "continuation=adaptive",
            "optimizer.lr=0.0124",
            "optimizer.weight_decay=0.392",
            "lr_schedule.warmup_fraction=0.128",
            _KEPT,
        ),
        10,
    ),
    "convexity_literal": Row(
        (
            "method=convexity_annealing",
            "method.form=literal",
            "optimizer.lr=0.00527",
            "optimizer.weight_decay=0.112",
            "lr_schedule.warmup_fraction=0.293",
            "continuation.warmup_fraction=0.847",
            _KEPT,
        ),
        10,
    ),
    "hta": Row(
        (
            "method=hta",
            "optimizer=adamw",
            "continuation=linear",
            "optimizer.lr=2e-3",
            "optimizer.weight_decay=0.02",
        ),
        10,
    ),
    "scaled_residual": Row(_SCALED, 10),
    "plain_orthogonal_order": Row(_ORTHOGONAL, 10, other_order=True),
    "plain_looks_linear_order": Row(_LOOKS_LINEAR, 10, other_order=True),
    "scaled_residual_order": Row(_SCALED, 10, other_order=True),
}
"""32 layers of 64 units on MNIST-1D, each with the settings that the search of code 0.1.0 found; those of HTA are the
best of four tried by hand. A row ``..._order`` has the starts of the row without it and other orders of the data."""

_SHALLOW = (
    "dataset=mnist",
    "model.depth=2",
    "model.width=128",
    "optimizer=adamw",
    "optimizer.lr=1e-3",
    "optimizer.weight_decay=0.01",
    "training.epochs=20",
)


def _shallow(*overrides: str, other_order: bool = False) -> Row:
    return Row((*overrides, *_SHALLOW), 5, other_order)


SHALLOW: dict[str, Row] = {
    "plain_orthogonal": _shallow("method=baseline", "model.init=orthogonal"),
    "plain_looks_linear": _shallow("method=baseline", "model.init=looks_linear"),
    "identity_linear": _shallow("method=identity_homotopy", "method.path=linear"),
    "identity_adaptive": _shallow("method=identity_homotopy", "continuation=adaptive"),
    "convexity_literal": _shallow("method=convexity_annealing", "method.form=literal"),
    "hta": _shallow("method=hta", "continuation=linear"),
    "scaled_residual": _shallow("method=baseline", "model.block=scaled_residual"),
    "plain_orthogonal_order": _shallow("method=baseline", "model.init=orthogonal", other_order=True),
    "plain_looks_linear_order": _shallow("method=baseline", "model.init=looks_linear", other_order=True),
    "scaled_residual_order": _shallow("method=baseline", "model.block=scaled_residual", other_order=True),
}
"""Two layers of 128 units on all of MNIST, all with one setting."""

_SOURCE = (
    "dataset=mnist",
    "dataset.protocol=source",
    "dataset.subset=6000",
    "dataset.test_subset=1200",
    "method=baseline",
    "model.depth=2",
    "model.init=default",
    "training.batch_size=128",
    "training.epochs=50",
    "training.clip_norm=null",
    "lr_schedule.warmup_fraction=0.0",
    "training.eval_every=5",
    "training.checkpoint_every=25",
)
_ADAMW = ("optimizer=adamw", "optimizer.lr=5e-4", "optimizer.weight_decay=5e-4", "lr_schedule.final_fraction=0.02")

SOURCE: dict[str, Row] = {
    "adamw_512": Row((*_SOURCE, *_ADAMW, "model.width=512"), 5),
    "adamw_1024": Row((*_SOURCE, *_ADAMW, "model.width=1024"), 5),
    "adam_1024": Row(
        (
            *_SOURCE,
            "optimizer=adam",
            "optimizer.lr=5e-4",
            "optimizer.weight_decay=5e-4",
            "lr_schedule.final_fraction=0.02",
            "model.width=1024",
        ),
        5,
    ),
    "sgd_1024": Row(
        (
            *_SOURCE,
            "optimizer=sgd",
            "optimizer.lr=1e-3",
            "optimizer.momentum=0.85",
            "optimizer.weight_decay=5e-4",
            "lr_schedule.final_fraction=0.01",
            "model.width=1024",
        ),
        5,
    ),
    "narrow_sharp": Row(
        (
            *_SOURCE,
            "optimizer=adamw",
            "optimizer.lr=1e-2",
            "optimizer.weight_decay=5e-4",
            "lr_schedule.final_fraction=0.001",
            "training.batch_size=1000",
            "model.width=128",
        ),
        5,
    ),
    "adamw_4096": Row((*_SOURCE, *_ADAMW, "model.width=4096"), 3),
}
"""784-W-W-10 on 6000 images of MNIST, cosine to 1e-5; the optimisers of the source, and its narrow setting: at most 512
units, a high rate, a large batch."""
