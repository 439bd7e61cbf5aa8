"""Where warm-up matters: transformers with normalisation after and before, four rules, base rates from 3e-4 to 1e-2.

The claim tested is that a rate measured by curvature makes its own warm-up. A decoder on Shakespeare and a vision
transformer on digits are trained with AdamW at a constant rate from the first step, with a linear warm-up, and with the
two forms of ``lr_schedule=curvature`` over the constant rate. A second part asks whether a decoder can do without
skips: faded by identity homotopy, absent from the start, or kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from homotopy_bench.core import statistics
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered
from reproductions.ledger import Ledger, Training, made_by
from reproductions.plan import Plan, Refused
from reproductions.source_study import lines_of
from reproductions.study import Trainings, processes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "transformer"

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

WHOLE = Plan(Path())
"""The study as it is."""

Row = dict[str, tuple[str, ...]]
"""Base rate -> overrides."""

Runs = Mapping[str, Mapping[str, Sequence[Training]]]
"""Row -> base rate -> the runs by seed; empty where they have not been trained."""


def rows() -> dict[str, Row]:
    """Return the rows of the study by name."""
    warm = {
        f"{network}/{norm}/{rule}": {
            rate: (f"experiment=transformer_warmup_{network}", f"model.norm={norm}", *own, f"optimizer.lr={rate}")
            for rate in RATES
        }
        for network in NETWORKS
        for norm in NORMS
        for rule, own in RULES.items()
    }
    skipless = {
        f"skipless/{name}": {
            rate: ("experiment=transformer_skipless", *own, f"optimizer.lr={rate}") for rate in SKIPLESS_RATES
        }
        for name, own in SKIPLESS.items()
    }
    return {**warm, **skipless}


def seeds_of(name: str) -> int:
    """Return the number of runs of a row at each base rate."""
    return SKIPLESS_SEEDS if name.startswith("skipless") else SEEDS


def figures(folder: Path, summary: Mapping[str, Any]) -> Mapping[str, float]:
    """Return what is kept of a run: loss, spikes, largest gradient norm, and loss and rate by epoch.

    What is not finite is left out.
    """
    lines = lines_of(folder)
    losses = {f"train_loss_{line['epoch']}": line["train_loss"] for line in lines}
    rates = {f"lr_{line['epoch']}": line["lr"] for line in lines}
    own = {
        "val_loss": summary["final"]["val_loss"],
        "test_loss": summary["final"]["test_loss_target"],
        "loss_spikes": summary["stability"]["loss_spikes"],
        "max_grad_norm": summary["stability"]["max_grad_norm"],
    }
    return {name: value for name, value in {**own, **losses, **rates}.items() if value is not None}


def measure(plan: Plan, page: Path) -> str:
    """Train what is missing of the study, and write its page from what its CSV has.

    Args:
        plan: How much of it; ``only`` are beginnings of names of rows.
        page: File of the page; the CSV and the picture lie beside it.

    Returns:
        The page.

    Raises:
        Refused: If no row has such a name, or an override sets what rows set themselves.
    """
    for start in plan.only or ():
        if not any(name.startswith(start) for name in rows()):
            raise Refused(f"--only {start}: accepted: the beginning of {', '.join(rows())}")
    plan.refuse_overrides({word.partition("=")[0] for row in rows().values() for own in row.values() for word in own})
    chosen = {name: row for name, row in rows().items() if name.startswith(tuple(plan.only or ("",)))}
    ledger = Ledger(page.with_suffix(".csv"))

    def train(name: str) -> None:
        asked = [
            (" ".join((*overrides, *plan.overrides)), seed)
            for overrides in chosen[name].values()
            for seed in range(plan.seeds or seeds_of(name))
        ]
        trainings.of(name, "report", asked)
        print(name, flush=True)

    try:
        with processes(plan.processes) as own, ThreadPoolExecutor(plan.processes) as at_work:
            trainings = Trainings(ledger, plan.outputs / NAME, own, figures)
            list(at_work.map(train, chosen))
    finally:
        text = write_page(ledger, page, plan)
    return text


def write_page(ledger: Ledger, page: Path, plan: Plan = WHOLE) -> str:
    """Write the page and the picture of what a ledger has.

    Args:
        ledger: The trainings.
        page: File of the page.
        plan: What was asked for: overrides of every training.

    Returns:
        The page.
    """
    runs = runs_of(ledger, plan)
    picture = page.with_suffix(".png")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(picture, rendered(draw(runs)))
    text = "\n".join(_lines(runs, picture.name, plan.command(NAME, page))) + "\n"
    write_atomically(page, text.encode())
    return text


def runs_of(ledger: Ledger, plan: Plan = WHOLE) -> Runs:
    """Return the runs that a ledger has of every row, by base rate.

    Args:
        ledger: The trainings.
        plan: What was asked for: overrides of every training.
    """
    return {
        name: {
            rate: [one for one in ledger.reports(name) if one.overrides == " ".join((*own, *plan.overrides))]
            for rate, own in row.items()
        }
        for name, row in rows().items()
    }


def behind_warm_up(runs: Runs, network: str, norm: str, rule: str) -> list[float]:
    """Return by how many nats a rule is behind linear warm-up, each at its best base rate, by seed.

    Args:
        runs: The runs.
        network: A key of :data:`NETWORKS`.
        norm: Where layers are normalised.
        rule: A key of :data:`RULES`.

    Returns:
        The differences of pairs that did not diverge; none where something is not measured.
    """
    goal, row = runs[f"{network}/{norm}/linear warm-up"], runs[f"{network}/{norm}/{rule}"]
    at, own = _best(goal, SEEDS), _best(row, SEEDS)
    return [] if at is None or own is None else _finite_pairs(row[own], goal[at])


def loss_of(run: Training, split: str = "test") -> float:
    """Return the loss after the last step, in nats; infinite where a loss of the run ceased to be finite.

    Args:
        run: The run.
        split: ``val``, by which base rates are chosen, or ``test``, which is reported.
    """
    loss = run.figure(f"{split}_loss")
    return math.inf if loss is None or run.status == "diverged" else loss


def diverged(run: Training) -> bool:
    """Return whether a loss ceased to be finite."""
    return not math.isfinite(loss_of(run))


def _lines(runs: Runs, picture: str, command: str) -> Iterator[str]:
    yield from ("# Transformers: where warm-up matters", "")
    yield (
        "A decoder of 12 blocks of 64 on 270 kB of Shakespeare (contexts of 64 bytes, batch 16, 1260 steps) and a "
        "vision transformer of the same size on 6000 digits of MNIST (batch 64, 840 steps), Glorot initialisation, "
        "AdamW, no clipping. *post*: y = norm(x + f(x)); *pre*: y = x + f(norm(x)). *No warm-up*: a constant rate "
        "from the first step; *linear warm-up*: over a fifth of the training; *cap* and *kappa*: the two forms of "
        f"`lr_schedule=curvature` over the constant rate. {SEEDS} seeds."
    )
    waiting = [name for name, row in runs.items() if any(len(own) < seeds_of(name) for own in row.values())]
    if waiting:
        yield from ("", f"Not measured yet, or in part: {', '.join(waiting)}.")
    for network, words in NETWORKS.items():
        measured = {key: row for key, row in _warm(runs, network).items() if any(row.values())}
        if not measured:
            continue
        yield from ("", f"## {words[0].upper()}{words[1:]}", "")
        yield "Test loss of the last network in nats, mean +- standard deviation of runs that did not diverge."
        yield from ("", "| norm | rule | " + " | ".join(RATES) + " |", "|---|---|" + "---:|" * len(RATES))
        for (norm, rule), row in measured.items():
            yield f"| {norm} | {rule} | {' | '.join(map(_cell, row.values()))} |"
        yield from ("", "Loss spikes per run, and runs that diverged.", "")
        yield from ("| norm | rule | " + " | ".join(RATES) + " |", "|---|---|" + "---:|" * len(RATES))
        for (norm, rule), row in measured.items():
            yield f"| {norm} | {rule} | {' | '.join(map(_troubles, row.values()))} |"
        yield from ("", *_verdicts(measured))
    yield from ("", f"![losses and rates over epochs]({picture})")
    skipless = {name: row for name in SKIPLESS if any((row := runs[f"skipless/{name}"]).values())}
    if skipless:
        yield from ("", "## Without skips", "")
        yield (
            "A decoder of 6 blocks of 64, normalised before its branches, 2520 steps with warm-up, cosine and "
            f"clipping; the skips fade over the first 60 % of the steps. {SKIPLESS_SEEDS} seeds. Test loss in nats."
        )
        yield from ("", "| network | " + " | ".join(SKIPLESS_RATES) + " |", "|---|" + "---:|" * len(SKIPLESS_RATES))
        for name, row in skipless.items():
            yield f"| {name} | {' | '.join(map(_cell, row.values()))} |"
        yield from ("", *_skipless_verdicts(skipless))
    yield from made_by(command, [one for row in runs.values() for own in row.values() for one in own])


def _warm(runs: Runs, network: str) -> dict[tuple[str, str], Mapping[str, Sequence[Training]]]:
    return {(norm, rule): runs[f"{network}/{norm}/{rule}"] for norm in NORMS for rule in RULES}


def _means(row: Mapping[str, Sequence[Training]], seeds: int) -> dict[str, float]:
    """Return base rate -> mean validation loss, infinite where a seed diverged, of the rates that have all seeds."""
    return {rate: fmean(loss_of(one, "val") for one in own) for rate, own in row.items() if len(own) >= seeds}


def _best(row: Mapping[str, Sequence[Training]], seeds: int) -> str | None:
    """Return the base rate with the least mean validation loss; None where no rate has all seeds."""
    means = _means(row, seeds)
    return min(means, key=means.__getitem__) if means else None


def _verdicts(measured: Mapping[tuple[str, str], Mapping[str, Sequence[Training]]]) -> Iterator[str]:
    """Yield what the losses say of each rule, against linear warm-up at its best base rate."""
    yield (
        "Base rates are chosen by validation loss; differences are of test losses, paired over seeds, with a 95 % "
        f"interval of Student's t. *Near*: a mean validation loss within {NEAR} nats, or two standard deviations, of "
        "that of linear warm-up at its best."
    )
    yield ""
    for (norm, rule), row in measured.items():
        goal = measured.get((norm, "linear warm-up"))
        if goal is None or (at := _best(goal, SEEDS)) is None or (own := _best(row, SEEDS)) is None:
            continue
        theirs, ours = _means(goal, SEEDS), _means(row, SEEDS)
        losses = [loss_of(one, "val") for one in goal[at]]
        spread = statistics.standard_deviation(losses) if all(map(math.isfinite, losses)) else None
        margin = max(NEAR, 2.0 * (spread or 0.0))
        near = [rate for rate, mean in ours.items() if mean <= theirs[at] + margin]
        where = f"near at {', '.join(near)}" if near else "near at no base rate"
        text = f"best at {own}: {_cell(row[own])}"
        if rule != "linear warm-up":
            text += f"; less linear warm-up at {at}: {_difference(row[own], goal[at])}"
        yield f"- {norm}, {rule}: {text}; {where}."


def _skipless_verdicts(skipless: Mapping[str, Mapping[str, Sequence[Training]]]) -> Iterator[str]:
    """Yield the paired differences to the skipless network and to the usual block, each at its best rate."""
    best = {name: row[rate] for name, row in skipless.items() if (rate := _best(row, SKIPLESS_SEEDS)) is not None}
    for name in list(SKIPLESS)[2:]:
        for other in list(SKIPLESS)[:2]:
            if name in best and other in best:
                yield f"- {name} less {other}, both at their best rate: {_difference(best[name], best[other])}."


def _difference(ours: Sequence[Training], theirs: Sequence[Training]) -> str:
    """Return the mean difference of test losses over seeds, with its interval and the pairs in which a run diverged."""
    pairs, both = _finite_pairs(ours, theirs), len({one.seed for one in ours} & {one.seed for one in theirs})
    lost = f", {both - len(pairs)} of {both} pairs diverged" if len(pairs) < both else ""
    interval = statistics.student_interval(pairs)
    if interval is None:
        return f"no interval{lost}"
    return f"{fmean(pairs):+.3f} nats [{interval.low:+.3f}, {interval.high:+.3f}]{lost}"


def _finite_pairs(ours: Sequence[Training], theirs: Sequence[Training]) -> list[float]:
    """Return the differences of test losses by the seeds that both have and with which neither diverged."""
    of_seed = {one.seed: loss_of(one) for one in theirs}
    found = [loss_of(one) - of_seed[one.seed] for one in ours if one.seed in of_seed]
    return [one for one in found if math.isfinite(one)]


def _cell(runs: Sequence[Training]) -> str:
    losses = [loss_of(one) for one in runs if not diverged(one)]
    if not losses:
        return "none" if runs else "not measured"
    spread = statistics.standard_deviation(losses)
    return f"{fmean(losses):.3f}" + ("" if spread is None else f" +- {spread:.3f}")


def _troubles(runs: Sequence[Training]) -> str:
    if not runs:
        return "not measured"
    lost = sum(map(diverged, runs))
    spikes = fmean(one.figure("loss_spikes") or 0.0 for one in runs)
    return f"{spikes:.1f} spikes" + (f", {lost} diverged" if lost else "")


def draw(runs: Runs) -> Figure:
    """Return a picture of training loss and learning rate over epochs at two base rates, of the first seed."""
    from matplotlib.figure import Figure

    networks = [name for name in NETWORKS if any(any(row.values()) for row in _warm(runs, name).values())]
    networks = networks or list(NETWORKS)[:1]
    figure = Figure(figsize=(11.0, 5.0 * len(networks)), layout="constrained")
    panels = figure.subplots(2 * len(networks), len(NORMS), sharex="row")
    for row, network in enumerate(networks):
        for column, norm in enumerate(NORMS):
            losses, rates = panels[2 * row][column], panels[2 * row + 1][column]
            for index, rule in enumerate(RULES):
                for rate, style in zip(RATES[1:3], ("-", ":"), strict=True):
                    own = {"color": f"C{index}", "linestyle": style, "marker": ".", "label": f"{rule}, {rate}"}
                    for one in runs[f"{network}/{norm}/{rule}"][rate][:1]:
                        losses.plot(*_by_epoch(one, "train_loss"), **own)
                        rates.plot(*_by_epoch(one, "lr"), **own)
            losses.set(title=f"{network}, {norm}", ylabel="training loss [nats]")
            rates.set(yscale="log", xlabel="epoch", ylabel="learning rate")
            for axes in (losses, rates):
                axes.grid(alpha=0.25)
                axes.set_visible(bool(losses.lines))
    every = {label: line for axes in panels.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if every:
        panels[0][1].legend(every.values(), every.keys(), fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _by_epoch(run: Training, name: str) -> tuple[list[int], list[float]]:
    """Return epochs and the values of a figure that is kept by epoch."""
    epochs = [int(key.removeprefix(f"{name}_")) for key in run.names() if key.startswith(f"{name}_")]
    return epochs, [run.figure(f"{name}_{epoch}") or math.nan for epoch in epochs]
