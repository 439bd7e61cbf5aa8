"""Where a homotopy pays and where not: MNIST-1D by networks of 8 to 128 layers of 64, the rate tuned at each depth.

Everything else is as in the study of baselines: 100 epochs, batch 128, AdamW, warm-up over a fifth of the steps and
cosine decay, clipping at 1. Weight decay and the length of the path are the same at every depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reproductions.depth_picture import draw
from reproductions.search import Budget, Contender
from reproductions.space import Range
from reproductions.study import Study

DEPTHS = (8, 16, 32, 64, 128)
SPACE = (Range("optimizer.lr", 3e-4, 2e-2, logarithmic=True),)
SHARED = ("lr_schedule.warmup_fraction=0.2",)
DECAY = "optimizer.weight_decay"

HOMOTOPIES: Mapping[str, tuple[str, ...]] = {
    "identity_circular": (
        "method=identity_homotopy",
        "method.path=circular",
        "continuation.warmup_fraction=0.75",
        f"{DECAY}=0.8",
    ),
    "convexity_literal": (
        "method=convexity_annealing",
        "method.form=literal",
        "continuation.warmup_fraction=0.75",
        f"{DECAY}=0.1",
    ),
}
PLAIN: Mapping[str, tuple[str, ...]] = {
    "plain_orthogonal": ("method=baseline", "model.init=orthogonal", f"{DECAY}=0.1"),
    "plain_looks_linear": ("method=baseline", "model.init=looks_linear", f"{DECAY}=0.1"),
    "plain_dirac": ("method=baseline", "model.block=dirac", f"{DECAY}=0.8"),
    **HOMOTOPIES,
}
"""Name -> how a plain network of any depth is trained: without a path, and by two homotopies."""

SKIPS: Mapping[str, tuple[str, ...]] = {"residual": ("method=baseline", "model.block=residual", f"{DECAY}=0.2")}
"""The same, of a network that keeps its skips."""


def at_depths(
    target: str, depths: Sequence[int], rows: Mapping[str, Sequence[str]], shared: Sequence[str]
) -> dict[str, tuple[Contender, ...]]:
    """Return the contenders of every depth by target; each searches its own rate.

    Args:
        target: What the networks are, after their number of layers.
        depths: Numbers of layers.
        rows: Name -> overrides of a network of any depth.
        shared: Overrides of all rows.
    """
    return {
        f"{depth} {target}": tuple(
            Contender(f"{name}_{depth}", (*overrides, *shared, f"model.depth={depth}"), SPACE)
            for name, overrides in rows.items()
        )
        for depth in depths
    }


STUDY = Study(
    "Depth: where a homotopy pays",
    at_depths("layers of 64", DEPTHS, PLAIN, SHARED) | at_depths("layers of 64, with skips", DEPTHS, SKIPS, SHARED),
    Budget(settings=6, finalists=2, seeds=2),
    seeds=5,
    draw=draw,
)
