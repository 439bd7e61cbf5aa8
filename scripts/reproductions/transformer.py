"""Where warm-up matters: transformers with normalisation after and before, four rules, base rates from 3e-4 to 1e-2.

The claim tested is that a rate measured by curvature makes its own warm-up. A decoder on Shakespeare and a vision
transformer on digits are trained with AdamW at a constant rate from the first step, with a linear warm-up, and with the
two forms of ``lr_schedule=curvature`` over the constant rate. A second part asks whether a decoder can do without
skips: faded by identity homotopy, absent from the start, or kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from homotopy_bench.core import statistics
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered
from homotopy_bench.tracking.record import read_metrics
from reproductions.trained import Row, trained

RATES = ("3e-4", "1e-3", "3e-3", "1e-2")
NORMS = ("post", "pre")
SEEDS, SKIPLESS_SEEDS = 3, 5

FLAT = "lr_schedule@lr_schedule.base=constant"
RULES: dict[str, tuple[str, ...]] = {
    "no warm-up": (),
    "linear warm-up": ("lr_schedule=linear_warmup", "lr_schedule.warmup_fraction=0.2"),
    "cap": ("method=curvature_lr", "lr_schedule=curvature", FLAT, "lr_schedule.form=cap"),
    "kappa": ("method=curvature_lr", "lr_schedule=curvature", FLAT, "lr_schedule.form=kappa"),
}
"""Name -> what is added to an experiment with a constant rate."""

NETWORKS = {"decoder": "a decoder on Shakespeare", "vit": "a vision transformer on digits"}

SKIPLESS: dict[str, tuple[str, ...]] = {
    "usual block": ("method=baseline", "continuation=constant", "model.skip=true"),
    "skipless from the start": ("method=baseline", "continuation=constant"),
    "skip fades": ("method.path=fading", "continuation.warmup_fraction=0.6"),
    "skip fades, branches grow": ("method.path=circular", "continuation.warmup_fraction=0.6"),
}
SKIPLESS_RATES = ("1e-3", "3e-3")

NEAR = 0.05
"""Nats by which losses may differ and still count as equal, where their spread over seeds is smaller."""

Key = tuple[str, str, str, str]
"""Network, place of the normalisation, rule, base rate."""


@dataclass(frozen=True)
class Finished:
    """One run by its record."""

    folder: Path

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The content of ``summary.json``; empty where the run failed."""
        file = self.folder / "summary.json"
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return content

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of ``metrics.jsonl``."""
        return list(read_metrics(self.folder / "metrics.jsonl"))

    @property
    def loss(self) -> float:
        """Validation loss of the target network after the last step, in nats; infinite where there is none."""
        loss = (self.summary.get("final") or {}).get("val_loss")
        return math.inf if loss is None else float(loss)

    @property
    def diverged(self) -> bool:
        """Whether the loss ceased to be finite."""
        return not math.isfinite(self.loss) or bool(self.summary.get("status") == "diverged")

    @property
    def spikes(self) -> int:
        """Number of loss spikes."""
        return int(self.summary["stability"]["loss_spikes"])


Runs = Mapping[Any, Sequence[Finished]]


def rows() -> dict[str, Row]:
    """Return the runs of the study by name."""
    warm = {
        "/".join(key): Row(
            (
                f"experiment=transformer_warmup_{key[0]}",
                f"model.norm={key[1]}",
                *RULES[key[2]],
                f"optimizer.lr={key[3]}",
            ),
            SEEDS,
        )
        for key in _keys()
    }
    skipless = {
        f"skipless/{name}/{rate}": Row(
            ("experiment=transformer_skipless", *own, f"optimizer.lr={rate}"), SKIPLESS_SEEDS
        )
        for name, own in SKIPLESS.items()
        for rate in SKIPLESS_RATES
    }
    return {**warm, **skipless}


def run(folder: Path, command: str, markdown: Path | None, only: str | None, overrides: Sequence[str]) -> str:
    """Return the page, after training whatever is missing; its picture is written beside it.

    Args:
        folder: Where the runs are kept.
        command: What made the page.
        markdown: Where the page will be; None for the folder.
        only: Beginning of the names of the rows to train, for a part of the study and its losses; None for all.
        overrides: For every training.

    Raises:
        SystemExit: If no row has such a name.
    """
    chosen = {name: row for name, row in rows().items() if name.startswith(only or "")}
    if not chosen:
        raise SystemExit(f"--row={only}: accepted: the beginning of one of {', '.join(rows())}")
    found = trained(chosen, folder / "runs", overrides)
    runs = {name: [Finished(one) for one in of_row] for name, of_row in found.items()}
    if only is not None:
        return "\n".join(f"{name}: {_cell(of_row)}, {_troubles(of_row)}" for name, of_row in runs.items())
    picture = (markdown or folder / "table.md").with_suffix(".png")
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(picture, draw(runs))
    return "\n".join(_lines(runs, picture.name, command)) + "\n"


def _keys() -> Iterator[Key]:
    for network in NETWORKS:
        for norm in NORMS:
            for rule in RULES:
                for rate in RATES:
                    yield network, norm, rule, rate


def _lines(runs: Runs, picture: str, command: str) -> Iterator[str]:
    yield from ("# Transformers: where warm-up matters", "")
    yield (
        "A decoder of 12 blocks of 64 on 270 kB of Shakespeare (contexts of 64 bytes, batch 16, 1250 steps) and a "
        "vision transformer of the same size on 6000 digits of MNIST (batch 64, 840 steps), Glorot initialisation, "
        "AdamW, no clipping. *post*: y = norm(x + f(x)); *pre*: y = x + f(norm(x)). *No warm-up*: a constant rate "
        "from the first step; *linear warm-up*: over a fifth of the training; *cap* and *kappa*: the two forms of "
        f"`lr_schedule=curvature` over the constant rate. {SEEDS} seeds."
    )
    for network, words in NETWORKS.items():
        yield from ("", f"## {words[0].upper()}{words[1:]}", "")
        yield "Validation loss of the last network in nats, mean +- standard deviation of runs that did not diverge."
        yield from ("", "| norm | rule | " + " | ".join(RATES) + " |", "|---|---|" + "---:|" * len(RATES))
        for norm in NORMS:
            for rule in RULES:
                cells = [_cell(runs["/".join((network, norm, rule, rate))]) for rate in RATES]
                yield f"| {norm} | {rule} | {' | '.join(cells)} |"
        yield from ("", "Loss spikes per run, and runs that diverged.", "")
        yield from ("| norm | rule | " + " | ".join(RATES) + " |", "|---|---|" + "---:|" * len(RATES))
        for norm in NORMS:
            for rule in RULES:
                cells = [_troubles(runs["/".join((network, norm, rule, rate))]) for rate in RATES]
                yield f"| {norm} | {rule} | {' | '.join(cells)} |"
        yield from ("", *_verdicts(runs, network))
    yield from ("", f"![losses and rates over steps]({picture})", "", "## Without skips", "")
    yield (
        "A decoder of 6 blocks of 64, normalised before its branches, 2500 steps with warm-up, cosine and clipping; "
        f"the skips fade over the first 60 % of the steps. {SKIPLESS_SEEDS} seeds."
    )
    yield from ("", "| network | " + " | ".join(SKIPLESS_RATES) + " |", "|---|" + "---:|" * len(SKIPLESS_RATES))
    for name in SKIPLESS:
        yield f"| {name} | " + " | ".join(_cell(runs[f"skipless/{name}/{rate}"]) for rate in SKIPLESS_RATES) + " |"
    yield from ("", *_skipless_verdicts(runs))
    first = next(iter(runs.values()))[0].summary
    versions = ", ".join(
        f"{key} {value}" for key, value in first["environment"].items() if isinstance(value, str | int)
    )
    yield from ("", "## Made by", "", f"    {command}", "", f"Code {first['code_version']}; {versions}.")


def _best(runs: Runs, network: str, norm: str, rule: str) -> tuple[float, float, str]:
    """Return mean loss, its spread and the base rate at which the mean over all seeds is lowest."""
    means = []
    for rate in RATES:
        losses = [one.loss for one in runs["/".join((network, norm, rule, rate))]]
        means.append(
            (
                fmean(losses),
                statistics.standard_deviation(losses) or 0.0 if all(map(math.isfinite, losses)) else 0.0,
                rate,
            )
        )
    return min(means)


def _verdicts(runs: Runs, network: str) -> Iterator[str]:
    """Yield what the losses say of each rule, against linear warm-up at its best base rate."""
    for norm in NORMS:
        goal, spread, at = _best(runs, network, norm, "linear warm-up")
        bound = goal + max(NEAR, 2.0 * spread)
        for rule in RULES:
            means = {rate: fmean(one.loss for one in runs["/".join((network, norm, rule, rate))]) for rate in RATES}
            reached = [rate for rate, mean in means.items() if mean <= bound]
            held = f"at {', '.join(reached)}" if reached else "at no base rate"
            yield (
                f"- {norm}, {rule}: best mean {min(means.values()):.3f}; within {bound - goal:.3f} nats of linear "
                f"warm-up ({goal:.3f} at {at}) {held}."
            )


def _skipless_verdicts(runs: Runs) -> Iterator[str]:
    """Yield the paired differences to the skipless network and to the usual block, each at its best rate."""
    best = {
        name: min(
            (runs[f"skipless/{name}/{rate}"] for rate in SKIPLESS_RATES), key=lambda own: fmean(o.loss for o in own)
        )
        for name in SKIPLESS
    }
    for name in list(SKIPLESS)[2:]:
        for other in list(SKIPLESS)[:2]:
            pairs = [ours.loss - theirs.loss for ours, theirs in zip(best[name], best[other], strict=True)]
            spread = statistics.standard_deviation(pairs)
            shown = "" if spread is None else f" +- {spread:.3f}"
            mean = f"{fmean(pairs):+.3f}{shown} nats over {len(pairs)} pairs"
            yield f"- {name} less {other}, both at their best rate: {mean}."


def _cell(runs: Sequence[Finished]) -> str:
    losses = [one.loss for one in runs if not one.diverged]
    if not losses:
        return "none"
    spread = statistics.standard_deviation(losses)
    return f"{fmean(losses):.3f}" + ("" if spread is None else f" +- {spread:.3f}")


def _troubles(runs: Sequence[Finished]) -> str:
    diverged = sum(one.diverged for one in runs)
    spikes = fmean(one.spikes for one in runs)
    return f"{spikes:.1f} spikes" + (f", {diverged} diverged" if diverged else "")


def draw(runs: Runs) -> bytes:
    """Return a picture of training loss and learning rate over epochs at one base rate, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 10.0), layout="constrained")
    panels = figure.subplots(2 * len(NETWORKS), len(NORMS), sharex="row")
    for row, network in enumerate(NETWORKS):
        for column, norm in enumerate(NORMS):
            losses, rates = panels[2 * row][column], panels[2 * row + 1][column]
            for index, rule in enumerate(RULES):
                for rate, style in zip(RATES[1:3], ("-", ":"), strict=True):
                    one = runs["/".join((network, norm, rule, rate))][0]
                    epochs = [line["epoch"] for line in one.lines]
                    own = {"color": f"C{index}", "linestyle": style, "marker": "."}
                    values = [math.nan if line["train_loss"] is None else line["train_loss"] for line in one.lines]
                    losses.plot(epochs, values, label=f"{rule}, {rate}", **own)
                    rates.plot(epochs, [line["lr"] for line in one.lines], **own)
            losses.set(title=f"{network}, {norm}", ylabel="training loss [nats]")
            rates.set(yscale="log", xlabel="epoch", ylabel="learning rate")
            for axes in (losses, rates):
                axes.grid(alpha=0.25)
    panels[0][1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return rendered(figure, dpi=100)
