"""The claims of *Loss Landscape Geometry & Mode Connectivity in Wide Neural Networks* beside ours, on both splits.

Networks 784-W-W-10 on 6000 images of MNIST, tested on 1200. The source measures on unnamed data and does not say which
of its barriers is 0.017; here every figure names its split.

The study goes row by row. What a row's networks measured stands in the JSON beside the page and is not done again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from homotopy_bench.analysis.correlated import OUTCOME
from homotopy_bench.analysis.correlations import correlations
from homotopy_bench.analysis.finished import finished_runs
from homotopy_bench.analysis.pairs import PairPlan, chosen_pairs, survey_pairs
from homotopy_bench.analysis.survey import Plan as SurveyPlan
from homotopy_bench.analysis.survey import survey
from homotopy_bench.core.files import read_json, write_atomically
from homotopy_bench.core.pictures import rendered
from homotopy_bench.landscape.average_case import flatness
from homotopy_bench.landscape.connectivity.compare import (
    chord_barriers,
    end_similarity,
    matched_barriers,
    repaired_barriers,
)
from homotopy_bench.landscape.measure import Metric
from homotopy_bench.landscape.pictures import path_curves
from homotopy_bench.landscape.sam import asam, sam
from homotopy_bench.landscape.spectrum import SpectrumOptions, spectrum
from reproductions.between import path_tensors
from reproductions.endpoints import SOURCE
from reproductions.plan import Plan
from reproductions.trained import trained

NAME = "landscape"
COMMAND = "python scripts/reproduce.py landscape --markdown docs/results/landscape.md"

SPLITS = ("train", "test")

METRICS: Mapping[str, Metric] = {
    "spectrum": partial(spectrum, options=SpectrumOptions(trace_probes=15, starts=0, smallest=False)),
    "sam": lambda networks, samples: {"sam": sam(networks, samples)},
    "asam": lambda networks, samples: {"asam": asam(networks, samples)},
    "flatness": partial(flatness, radii=(0.05, 0.2), pairs=3),
}

BETWEEN = {"chord": chord_barriers, "similarity": end_similarity}
MATCHED = {**BETWEEN, "matched": matched_barriers, "repaired": repaired_barriers}

TOO_WIDE = ("adamw_4096",)
"""Rows whose units are not matched: an assignment of 4096 units takes minutes, and there are dozens in a matching."""

SHOWN = ("lambda_max", "trace", "gradient_norm", "sam", "asam", "flatness_filter_0.05", "flatness_filter_0.2")

CURVES = ("adamw_4096", "narrow_sharp")
"""Rows whose losses between networks are drawn."""

BARRIER = "barrier_loss"
PICTURE = "landscape_barriers.png"

CLAIMS = (
    ("lambda_max at width 4096", "0.20 to 0.30", "adamw_4096", "lambda_max"),
    ("trace at width 4096", "2.4 to 2.6", "adamw_4096", "trace"),
    ("gradient norm at width 4096", "4.4e-3 to 4.8e-3", "adamw_4096", "gradient_norm"),
    ("lambda_max of narrow, sharp settings", "1 to 25", "narrow_sharp", "lambda_max"),
)


Row = dict[str, Any]
"""What is kept of a row: ``made``, ``runs`` and ``pairs``, each of these with its seeds and figures by split."""


def measure(plan: Plan, page: Path) -> str:
    """Train and measure what is missing of the study, and write its page from what its JSON has.

    Args:
        plan: How much of it.
        page: File of the page; figures and picture lie beside it.

    Returns:
        The page.

    Raises:
        Refused: If a row does not exist.
    """
    file = page.with_suffix(".json")
    kept: dict[str, Row] = read_json(file) if file.exists() else {}
    for name in plan.chosen(list(SOURCE)):
        if len(kept.get(name, {"runs": ()})["runs"]) < SOURCE[name].seeds:  # also where a run had failed
            kept[name] = _measured(name, plan.outputs / NAME)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps({row: kept[row] for row in SOURCE if row in kept}).encode() + b"\n")
    return write_page(page)


def write_page(page: Path) -> str:
    """Write the page and the picture of what the JSON beside it has.

    Args:
        page: File of the page.

    Returns:
        The page.
    """
    text = render(read_json(page.with_suffix(".json")), COMMAND, page.parent / PICTURE)
    write_atomically(page, text.encode())
    return text


def _measured(name: str, folder: Path) -> Row:
    """Train the networks of a row, measure around and between them, and return what is kept.

    Returns:
        What the JSON holds of the row.
    """
    say = partial(print, file=sys.stderr, flush=True)
    finished, left_out = finished_runs(trained({name: SOURCE[name]}, folder)[name])
    for lost in left_out:
        say(f"left out: {lost.folder}: {lost.reason}")
    summaries = {one.folder: read_json(one.folder / "summary.json") for one in finished}
    runs = {
        one.folder: {
            "seed": one.config.seed,
            "test_acc": summaries[one.folder]["final"]["test_acc_target"],
            "test_loss": summaries[one.folder]["final"]["test_loss_target"],
            "figures": {split: {} for split in SPLITS},
        }
        for one in finished
    }
    for figure in survey(finished, SurveyPlan(METRICS, "full", SPLITS, None), say):
        runs[figure.run.folder]["figures"][figure.split][figure.name] = _entry(figure.entry)
    pairs: dict[tuple[int, int], Row] = {}
    plan = PairPlan(BETWEEN if name in TOO_WIDE else MATCHED, "full", SPLITS, None)
    for one in survey_pairs(chosen_pairs(finished, "all"), plan, say):
        seeds = (one.first.config.seed, one.second.config.seed)
        own = pairs.setdefault(seeds, {"seeds": seeds, "figures": {split: {} for split in SPLITS}, "curves": {}})
        own["figures"][one.split][one.name] = _entry(one.entry)
        if one.name == BARRIER and name in CURVES and one.entry.get("tables"):
            own["curves"][one.split] = {key: [_short(v) for v in row] for key, row in one.entry["tables"].items()}
    environment = next(iter(summaries.values()))
    made = {"code": environment["code_version"], **{k: environment["environment"][k] for k in ("torch", "processor")}}
    return {"made": made, "runs": list(runs.values()), "pairs": list(pairs.values())}


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": _short(entry["value"]),
        "error": _short(entry["error"]),
        "converged": entry["converged"],
        "reason": entry["reason"],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def _values(entries: Sequence[Row], figure: str, split: str) -> list[float]:
    """Return the values of a figure over runs or pairs that have one."""
    found = [one["figures"][split].get(figure, {}).get("value") for one in entries]
    return [value for value in found if value is not None]


def render(kept: Mapping[str, Row], command: str, picture: Path) -> str:
    """Return the page of what is kept, and draw its picture.

    Args:
        kept: Name of a row -> what its networks measured.
        command: What made it.
        picture: The picture's file.
    """
    curves = {
        f"{name}, {split}": tensors
        for name in CURVES
        if name in kept
        for split in SPLITS
        if (tensors := path_tensors([one["curves"].get(split) for one in kept[name]["pairs"]])) is not None
    }
    if curves:
        write_atomically(picture, rendered(path_curves(curves, "between networks of one row, as they are")))
    return "\n".join(_lines(kept, command, picture.name if curves else None)) + "\n"


def _lines(kept: Mapping[str, Row], command: str, picture: str | None) -> Iterator[str]:
    def of_row(row: str, metric: str, split: str) -> str:
        return _spread(_values(kept[row]["runs"], metric, split)) if row in kept else "not measured"

    def between(row: str, metric: str, split: str) -> str:
        return _spread(_values(kept[row]["pairs"], metric, split)) if row in kept else "not measured"

    yield from (
        "# What wide networks' minima look like",
        "",
        "The claims of *Loss Landscape Geometry & Mode Connectivity in Wide Neural Networks* beside the same figures",
        "here: 784-W-W-10 on 6000 images of MNIST, tested on 1200, 50 epochs of batches of 128, cosine to 1e-5; 5",
        "seeds, 3 at width 4096. `adamw` and `adam`: rate 5e-4, weight decay 5e-4. `sgd`: rate 1e-3, momentum 0.85.",
        "`narrow_sharp`: width 128, AdamW at 1e-2, batches of 1000. All images of a split are measured on; mean +-",
        "standard deviation over seeds.",
        "",
        "| claim of the source | there | here, training data | here, test data |",
        "|---|---|---:|---:|",
    )
    for claim, there, where, metric in CLAIMS:
        yield f"| {claim} | {there} | {of_row(where, metric, 'train')} | {of_row(where, metric, 'test')} |"
    for kind, label in (
        ("barrier_loss", "over the chord of the ends"),
        ("barrier_loss_frankle", "over the mean of the ends"),
    ):
        cells = [between("adamw_4096", kind, split) for split in SPLITS]
        yield f"| barrier between two minima, width 4096, {label} | 0.017 | {cells[0]} | {cells[1]} |"
    cells = [between("adamw_4096", "max_loss", split) for split in SPLITS]
    yield f"| largest loss between them | 0.195 | {cells[0]} | {cells[1]} |"
    for split in SPLITS:
        yield from ("", f"## Around the minima, {split} data", "")
        yield f"| row | runs | test accuracy | {' | '.join(SHOWN)} |"
        yield f"|---|---:|---:|{'---:|' * len(SHOWN)}"
        for name, row in kept.items():
            accuracy = _spread([100.0 * one["test_acc"] for one in row["runs"]])
            cells = [of_row(name, metric, split) for metric in SHOWN]
            yield f"| {name} | {len(row['runs'])} | {accuracy} % | {' | '.join(cells)} |"
    ways = {
        "barrier_loss": "straight",
        "barrier_error": "straight, error",
        "matched_barrier_loss": "matched",
        "repaired_barrier_loss": "matched and repaired",
        "max_loss": "largest loss, straight",
        "disagreement": "disagreement",
        "cka": "CKA",
    }
    for split in SPLITS:
        yield from ("", f"## Between two minima of a row, {split} data", "")
        yield f"| row | pairs | {' | '.join(ways.values())} |"
        yield f"|---|---:|{'---:|' * len(ways)}"
        for name, row in kept.items():
            cells = [between(name, way, split) for way in ways]
            gains = [one["figures"][split].get("matching_gain") for one in row["pairs"]]
            unknown = sum(gain is not None and not gain["converged"] for gain in gains)
            if unknown:
                cells[2] += f" ({unknown} unknown)"
            yield f"| {name} | {len(row['pairs'])} | {' | '.join(cells)} |"
    if picture:
        yield from ("", f"![losses between two minima]({picture})")
    for split in SPLITS:
        yield from _correlations(kept, split)
    made = sorted({", ".join(row["made"].values()) for row in kept.values()})
    yield from ("", "## Made by", "", f"    {command}", "", f"Code, torch and processor: {'; '.join(made)}.")


def _correlations(kept: Mapping[str, Row], split: str) -> Iterator[str]:
    runs = [(name, one) for name, row in kept.items() for one in row["runs"]]
    figures = dict.fromkeys(figure for _, one in runs for figure in one["figures"][split])
    columns = {figure: [one["figures"][split].get(figure, {}).get("value") for _, one in runs] for figure in figures}
    yield from ("", f"## Correlations with {OUTCOME}, within rows, {split} data", "")
    yield "| figure | tau-b | 95 % interval | p | p Holm | runs | rows |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for one in correlations(columns, [run["test_acc"] for _, run in runs], [name for name, _ in runs]):
        if one.tau is None or one.p is None:
            yield f"| {one.figure} | {one.refused} | | | | {one.runs} | {one.strata} |"
            continue
        low, high = one.interval or (float("nan"), float("nan"))
        yield (
            f"| {one.figure} | {one.tau:+.2f} | {low:+.2f} to {high:+.2f} | {one.p:.3g} | {one.p_holm:.3g} | "
            f"{one.runs} | {one.strata} |"
        )


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{fmean(values):.3g}" + (f" +- {stdev(values):.1g}" if len(values) > 1 else "")
