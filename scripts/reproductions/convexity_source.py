"""The four experiments of convexity annealing with the settings of their source (003), which published no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from matplotlib.figure import Figure

from reproductions.ledger import Training
from reproductions.search import Contender
from reproductions.source_study import PERCENT, Protocol, SourceStudy

EXPERIMENTS = ("relu", "scheduled", "shared", "per_neuron")

FAST = ("dataset.subset=3000", "dataset.test_subset=2000", "training.epochs=20")
HIGH = ("1e-2", "3e-2")


def _rows(*more: str) -> dict[str, tuple[Contender, ...]]:
    own = {name: (f"experiment=convexity_annealing_{name}", *more) for name in EXPERIMENTS}
    return {
        "The four experiments, rate 1e-3": tuple(Contender(name, words, ()) for name, words in own.items()),
        "Higher rates": tuple(
            Contender(f"{name}_{rate}", (*own[name], f"optimizer.lr={rate}"), ())
            for rate in HIGH
            for name in ("relu", "scheduled")
        ),
    }


ABOUT = """Three convolutions of 16 channels on MNIST, Adam at 1e-3/(epoch + 1), batches of 32:
`experiment=convexity_annealing_*`, whose files say what differs from the source. *relu*: theta = 0. *scheduled*:
theta falls from pi/4 to 0. *shared*, *per neuron*: a trained angle for all layers, or for each channel, below the
scheduled one. The source published no figures.

The picture is the Youden plot that the source wished for: every run by its accuracies on two samples, validation
and test; lines at the medians. Runs that lie apart along the diagonal are better or worse networks; across it is
the noise of the two samples."""


def draw(kept: Mapping[str, Sequence[Training]]) -> Figure:
    """Return the Youden plot: test over validation accuracy of every run, a colour an experiment."""
    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    axes = figure.subplots()
    shown = {name: runs for name, runs in kept.items() if name in EXPERIMENTS}
    for index, (name, runs) in enumerate(shown.items()):
        x = [PERCENT * one.val_acc for one in runs]
        y = [PERCENT * (one.test_acc or 0.0) for one in runs]
        axes.scatter(x, y, color=f"C{index}", label=name.replace("_", " "))
        axes.scatter([sum(x) / len(x)], [sum(y) / len(y)], color=f"C{index}", marker="+", s=160)
    everything = [one for runs in shown.values() for one in runs]
    if everything:
        axes.axvline(median(PERCENT * one.val_acc for one in everything), color="0.6", linewidth=0.8)
        axes.axhline(median(PERCENT * (one.test_acc or 0.0) for one in everything), color="0.6", linewidth=0.8)
        axes.legend(title="+ mean", fontsize=9)
    axes.set(xlabel="validation accuracy [%]", ylabel="test accuracy [%]", title="Every run on two samples")
    axes.grid(alpha=0.25)
    return figure


STUDY = SourceStudy(
    name="convexity_source",
    title="The four experiments of convexity annealing",
    full=Protocol(_rows(), 5, f"All of MNIST, 100 epochs. {ABOUT}"),
    fast=Protocol(_rows(*FAST), 5, f"3000 images of MNIST, 20 epochs, 2000 test images. {ABOUT}"),
    draw=draw,
)
