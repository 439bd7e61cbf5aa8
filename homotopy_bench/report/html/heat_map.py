"""Draw the trials of a study over learning rate and warm-up, coloured by validation accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from homotopy_bench.report.cells import NOTHING, amount, count, percent
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.parts import figure_block, table, table_row
from homotopy_bench.report.html.scale import Scale, scale
from homotopy_bench.report.html.styled_studies import StyledStudy
from homotopy_bench.report.studies import Study, Trial

COLOURS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
"""Colours from the lowest accuracy to the highest: viridis, whose lightness rises evenly, also for colour-blind readers
and without colour (Nunez, Anderton and Renslow 2018, PLOS ONE 13:e0199239)."""

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 344.0, 52.0, 472.0, 30.0, 258.0

_BAR_TOP, _BAR_HEIGHT, _BAR_STEPS = 304.0, 12.0, 42

_CAPTION = (
    "A dot for every trial; lighter is more accurate on validation data at t = 1, on one scale for the studies of this "
    "heading. Ring: the best trial. Cross: diverged. Empty: failed, pruned or not ended."
)

_APART = 60.0
"""Least distance of two ticks."""


def heat_map(one: StyledStudy, colours: Scale, key: str) -> Markup | str:
    """Return the figure of a study; empty unless both learning rate and warm-up differ between its trials.

    Args:
        one: The study.
        colours: Accuracies on the scale of colours, from 0 to 1.
        key: What tells its table from others on the page.
    """
    placed = [(trial, trial.learning_rate, trial.warmup) for trial in one.study.trials]
    known = [(trial, math.log10(lr), warmup) for trial, lr, warmup in placed if lr and warmup is not None]
    if len({lr for _, lr, _ in known}) < 2 or len({warmup for *_, warmup in known}) < 2:
        return ""
    x = scale([lr for _, lr, _ in known], _LEFT, _RIGHT, margin=0.05)
    y = scale([warmup for *_, warmup in known], _BOTTOM, _TOP, margin=0.06)
    keys = " or ".join(dict.fromkeys(trial.warmup_key for trial, *_ in known))
    axes = [
        svg.y_axis(y, _LEFT, _RIGHT, svg.short, f"warm-up, share of the training: {keys}"),
        svg.x_axis(x, _TOP, _BOTTOM, lambda power: f"{10**power:.3g}", "optimizer.lr", _ticks(x)),
    ]
    best = one.study.best
    marks = [_cell(trial, x(lr), y(warmup), colours, trial == best) for trial, lr, warmup in known]
    alternative = (
        f"Validation accuracy of {count(len(known), 'trial')} of {one.study.name} over learning rate and warm-up; the "
        "numbers are in the table below."
    )
    picture = svg.figure(_HEIGHT, alternative, axes, element("g", marks, data_method=one.study.method), _bar(colours))
    return figure_block(f"Learning rate and warm-up: {one.study.name}", _CAPTION, picture, trial_table(one, key))


def colour_scale(studies: Sequence[Study]) -> Scale:
    """Return the scale of colours, from 0 to 1, over all accuracies of some studies."""
    known = [trial.val_acc for one in studies for trial in one.trials if trial.val_acc is not None]
    return scale(known, 0.0, 1.0, margin=0.0)


def colour_of(share: float) -> str:
    """Return the colour at a share of the scale, between two of :data:`COLOURS`.

    Example:
        >>> colour_of(0.0), colour_of(0.0625), colour_of(1.0)
        ('#440154', '#461768', '#fde725')
    """
    place = min(max(share, 0.0), 1.0) * (len(COLOURS) - 1)
    index = min(int(place), len(COLOURS) - 2)
    ends = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in COLOURS[index : index + 2]]
    return "#" + "".join(f"{round(a + (place - index) * (b - a)):02x}" for a, b in zip(*ends, strict=True))


def trial_table(one: StyledStudy, key: str) -> Markup:
    """Return the table of the trials of a study, without method, key of the warm-up and reason where all agree."""
    trials = one.study.trials
    texts = {
        "method": [trial.method for trial in trials],
        "key of the warm-up": [trial.warmup_key for trial in trials],
        "reason": [trial.reason for trial in trials],
    }
    shown = {head: values for head, values in texts.items() if len(set(values)) > 1}
    lines = []
    for index, trial in enumerate(trials):
        words = [str(trial.number), trial.status, *(values[index] or NOTHING for values in shown.values())]
        numbers = [percent(trial.val_acc), _number(trial.learning_rate), _number(trial.warmup), amount(trial.gradients)]
        lines.append(table_row([*words, *numbers], method=one.study.method, numbers_from=len(words)))
    keys = set(texts["key of the warm-up"]) - {""}
    warmup = keys.pop() if len(keys) == 1 else "warm-up"
    headers = ["trial", "status", *shown, "validation accuracy, %", "optimizer.lr", warmup, "gradients"]
    return table(headers, lines, key=f"trials-{key}", numbers_from=2 + len(shown))


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _cell(trial: Trial, x: float, y: float, colours: Scale, is_best: bool) -> Markup:
    at = f"learning rate {_number(trial.learning_rate)}, warm-up {_number(trial.warmup)}"
    if trial.val_acc is None:
        drawn = [element("circle", cx=x, cy=y, r=4.5, class_="cell lost")]
        words = f"trial {trial.number}: {trial.status}; {at}"
    else:
        colour = colour_of(colours(trial.val_acc))
        drawn = [element("circle", cx=x, cy=y, r=6.5, class_="cell", fill=colour)]
        if trial.status == "diverged":
            drawn = [svg.cross(x, y, "currentColor", size=5)]
        if is_best:
            drawn.append(element("circle", cx=x, cy=y, r=10.5, class_="cell ring"))
        words = f"trial {trial.number}: {trial.status}, {percent(trial.val_acc)} %; {at}"
    return svg.tipped(element("g", drawn), words)


def _ticks(x: Scale) -> list[float]:
    """Return logarithms of round numbers within a scale, far enough from each other."""
    powers = range(math.floor(x.low), math.ceil(x.high) + 1)
    inside: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [power + math.log10(factor) for power in powers for factor in factors]
        inside = [one for one in found if x.low <= one <= x.high]
        if all(x(after) - x(before) >= _APART for before, after in pairwise(inside)):
            break
    inside = inside[:: 1 + len(inside) // 8]
    return inside if len(inside) > 1 else [x.low + share * (x.high - x.low) for share in (0.1, 0.5, 0.9)]


def _bar(colours: Scale) -> Markup:
    """Return the scale of colours with its numbers."""
    width = (_RIGHT - _LEFT) / _BAR_STEPS
    cells = [
        element(
            "rect", x=_LEFT + index * width, y=_BAR_TOP, width=width + 0.4, height=_BAR_HEIGHT, fill=colour_of(share)
        )
        for index, share in enumerate((index + 0.5) / _BAR_STEPS for index in range(_BAR_STEPS))
    ]
    bar = Scale(colours.low, colours.high, _LEFT, _RIGHT)
    labels = [svg.label(bar(one), _BAR_TOP + 27, svg.per_cent(one), anchor="middle") for one in bar.ticks()]
    return element("g", cells, labels, class_="axis")
