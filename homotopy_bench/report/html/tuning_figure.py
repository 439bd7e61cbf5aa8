"""Draw the validation accuracy to expect of the best of so many trials, and say in words what holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.cells import NOTHING, count, interval, percent
from homotopy_bench.report.html import svg
from homotopy_bench.report.html.markup import Markup, element
from homotopy_bench.report.html.parts import figure_block, table, table_row
from homotopy_bench.report.html.scale import LEAST_ACCURACIES, Scale, scale
from homotopy_bench.report.html.styled_rows import MOST_ROWS
from homotopy_bench.report.html.styled_studies import StudyGroup, StyledStudy, study_legend
from homotopy_bench.report.studies import Choice, Study
from homotopy_bench.report.tuning_curve import best_so_far, expected_best, sizes, tuning_band

_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300.0, 52.0, 472.0, 30.0, 258.0

_MARKS = 6

_MOST_NAMES = 4

_HEADROOM = 0.25
"""How far above the best trial the figure goes, as a share of the range of the curves; bands may leave it there."""

_EXPECTED, _SO_FAR = "expected best", "best so far"

_CAPTION = "Validation accuracy at t = 1 of the best of k trials, over k."

_SOLID = "Solid: its expected value, the mean over all choices of k trials of the study."

_SHADED = "Shaded: a 95 % band, for all k at once."

_DASHED = "Dashed: the best so far, in the order of the trials."

_BELOW = "What holds of each of them is said below the figures."

_ALL = (
    "Tuning curves: a trial that failed or was pruned counts as 0. All trials of a study train with one seed, and the "
    "best of many is partly the luckiest: these are no accuracies to report."
)

_BAND = (
    "Bands: over repetitions of the whole study, at least 95 % of such bands hold the true curve at every k at once, "
    "whatever the distribution of the accuracies, because the trials of a random search are independent draws from "
    "its space. This is proven (Learned-Miller and DeStefano 2008; Lourie, Cho and He 2024). Each band speaks of its "
    "own study alone. Where k nears the number of trials its upper end nears 100 % and leaves the figure: no data "
    "tell what lies beyond the best trial."
)

_SOBOL = (
    "its trials are the points of a scrambled Sobol sequence. Each of them is spread like a trial of a random search, "
    "so that the curve estimates that of one, but they depend on each other: no band is proven, and none is drawn."
)

_GRID = (
    "its trials are a grid. The curve is exact for k different points of this grid taken at random: there is nothing "
    "to estimate, and no band."
)

_LEARNS = (
    "its sampler learns from earlier trials, so that the trials are neither independent nor alike. What holds: the "
    "dashed line is what this study had found after k trials, in one course that another seed of the sampler would "
    "change. It does not tell what to expect of another study, and has no band."
)

_PRUNES = (
    "its pruner ends a trial by comparing it with others, so that the trials are not independent: no band is drawn. A "
    "pruned trial might have become better than 0."
)


_CHOICES: dict[Choice, str] = {"sobol": _SOBOL, "grid": _GRID, "learning": _LEARNS}


@dataclass(frozen=True)
class Curve:
    """Hold the curve of one study: accuracies at the numbers of trials k, and a band where one is proven."""

    study: StyledStudy
    kind: str
    k: tuple[int, ...]
    accuracies: tuple[float, ...]
    band: tuple[Interval, ...]


def tuning_figure(group: StudyGroup, key: str) -> Markup | str:
    """Return the tuning curves of a group of studies; empty where no trial has an accuracy."""
    curves = [found for one in group.studies if (found := _curve(one))]
    if not curves:
        return ""
    drawn = curves[:MOST_ROWS]
    x = scale([1.0, *(float(k) for one in drawn for k in one.k)], _LEFT, _RIGHT, margin=0.02)
    heights = [value for one in drawn for value in (*one.accuracies, *(bound.low for bound in one.band))]
    top = max(heights) + _HEADROOM * (max(heights) - min(heights))
    y = scale([*heights, top], _BOTTOM, _TOP, least=LEAST_ACCURACIES)
    axes = [
        svg.y_axis(y, _LEFT, _RIGHT, svg.per_cent, "validation accuracy of the best of k trials"),
        svg.x_axis(x, _TOP, _BOTTOM, svg.short, "k, number of trials", _whole(x)),
    ]
    groups = [_group(one, x, y) for one in drawn]
    alternative = (
        f"Validation accuracy of the best of k trials, over k, a line for each of {len(drawn)} studies; the numbers "
        "are in the table below."
    )
    picture = svg.figure(_HEIGHT, alternative, axes, groups)
    kinds = {one.kind for one in drawn}
    said = {
        _SOLID: _EXPECTED in kinds,
        _SHADED: any(one.band for one in drawn),
        _DASHED: _SO_FAR in kinds,
        _BELOW: True,
    }
    rest = len(curves) - len(drawn)
    more = [f"{count(rest, 'more curve')}, in the table alone."] if rest else []
    words = " ".join([_CAPTION, *(sentence for sentence, holds in said.items() if holds), *more])
    legend = study_legend([one.study for one in drawn])
    return figure_block("Tuning curves", words, [picture, legend], _numbers(curves, key))


def tuning_notes(group: StudyGroup) -> Markup:
    """Return what holds of the tuning curves of a group, as a list; of alike studies it is said once."""
    studies = [one.study for one in group.studies]
    said: dict[str, list[str]] = {}
    for one in studies:
        for words in _notes(one):
            said.setdefault(words, []).append(one.name)
    general = [_ALL, *([_BAND] if any(map(_is_independent, studies)) else [])]
    own = [f"{_names(names)}: {words}" for words, names in said.items()]
    return element("ul", [element("li", one) for one in (*general, *own)], class_="notes")


def _names(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _curve(one: StyledStudy) -> Curve | None:
    """Return the curve of a study; None where no trial has an accuracy."""
    ended = one.study.with_status("completed", "diverged", "pruned", "failed")
    values = [trial.val_acc or 0.0 for trial in ended]
    if not any(values):
        return None
    kind = _SO_FAR if one.study.choice == "learning" else _EXPECTED
    accuracies = best_so_far(values) if kind == _SO_FAR else expected_best(values)
    band = tuning_band(values) if _is_independent(one.study) else []
    return Curve(one, kind, tuple(sizes(len(values))), tuple(accuracies), tuple(band))


def _is_independent(study: Study) -> bool:
    """Return whether the values of a study are independent draws from one distribution."""
    return _would_be_independent(study) and not (study.with_status("open") or study.missing)


def _would_be_independent(study: Study) -> bool:
    return study.choice == "independent" and study.pruner == "none"


def _notes(study: Study) -> Iterator[str]:
    """Yield what a reader must know of the curve of one study."""
    if study.choice != "independent":
        yield f"sampler {study.sampler}: {_CHOICES[study.choice]}"
    elif study.pruner != "none":
        yield f"pruner {study.pruner}: {_PRUNES}"
    left = len(study.with_status("open")) + study.missing
    if left:
        without = " Until they end there is no band." if _would_be_independent(study) else ""
        yield f"{count(left, 'trial')} not ended, or without a record here, and not in the curve.{without}"


def _whole(x: Scale) -> list[float]:
    """Return the ticks of an axis of whole numbers."""
    whole = [value for value in x.ticks() if value == round(value) and value >= 1.0]
    return whole if 1.0 in whole else [1.0, *whole]


def _group(one: Curve, x: Scale, y: Scale) -> Markup:
    parts = []
    if one.band:
        upper = [(x(k), max(y(bound.high), _TOP)) for k, bound in zip(one.k, one.band, strict=True)]
        lower = [(x(k), y(bound.low)) for k, bound in zip(one.k, one.band, strict=True)]
        parts.append(svg.area([*upper, *lower[::-1]], one.study.colour, "band"))
    points = [(x(k), y(value)) for k, value in zip(one.k, one.accuracies, strict=True)]
    if one.kind == _SO_FAR:
        steps = [corner for here, after in pairwise(points) for corner in (here, (after[0], here[1]))]
        parts.append(svg.polyline([*steps, points[-1]], one.study.colour, "dashed"))
    else:
        parts.append(svg.polyline(points, one.study.colour, "thick"))
    every = max(len(points) // _MARKS, 1)
    for k, value, point in list(zip(one.k, one.accuracies, points, strict=True))[::-1][::every]:
        words = f"{one.study.study.name}: {one.kind} of {count(k, 'trial')} {percent(value)} %"
        parts.append(svg.tipped(svg.mark(*point, one.study.shape, one.study.colour, size=3.5), words))
    return one.study.group(parts, tip=f"{one.study.study.name}: {one.kind}")


def _numbers(curves: Sequence[Curve], key: str) -> Markup:
    lines = []
    for one in curves:
        bands = one.band or [None] * len(one.k)
        for k, value, bound in zip(one.k, one.accuracies, bands, strict=True):
            cells = [one.study.study.name, one.kind, str(k), percent(value), interval(bound) if bound else NOTHING]
            lines.append(table_row(cells, row=one.study.key, method=one.study.study.method, numbers_from=2))
    headers = ["study", "value", "k, trials", "accuracy, %", "95 % band, all k at once"]
    return table(headers, lines, key=f"tuning-numbers-{key}", numbers_from=2)
