"""The claims of *Loss Landscape Geometry & Mode Connectivity in Wide Neural Networks* beside ours, on both splits.

Networks 784-W-W-10 on 6000 images of MNIST, tested on 1200. The source measures on unnamed data and does not say which
of its barriers is 0.017; here every figure names its split.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from homotopy_bench.analysis.correlated import OUTCOME, correlated
from homotopy_bench.analysis.correlations import Correlation
from homotopy_bench.analysis.finished import FinishedRun, finished_runs
from homotopy_bench.analysis.pairs import PairFigure, PairPlan, chosen_pairs, survey_pairs
from homotopy_bench.analysis.survey import Figure, Plan, survey
from homotopy_bench.core.files import write_atomically
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
from reproductions import landscape_kept
from reproductions.between import barrier_tensors, values_of
from reproductions.endpoints import SOURCE
from reproductions.trained import trained

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

CLAIMS = (
    ("lambda_max at width 4096", "0.20 to 0.30", "adamw_4096", "lambda_max"),
    ("trace at width 4096", "2.4 to 2.6", "adamw_4096", "trace"),
    ("gradient norm at width 4096", "4.4e-3 to 4.8e-3", "adamw_4096", "gradient_norm"),
    ("lambda_max of narrow, sharp settings", "1 to 25", "narrow_sharp", "lambda_max"),
)


def run(folder: Path, command: str, page: Path | None) -> str:
    """Return the page of the study, after training and measuring what is missing.

    Args:
        folder: Where runs and figures are kept.
        command: The command line, for the page.
        page: File beside which the picture goes; None for the folder.
    """
    say = partial(print, file=sys.stderr, flush=True)
    rows = trained(SOURCE, folder)
    finished: dict[str, list[FinishedRun]] = {}
    for name, folders in rows.items():
        finished[name], left_out = finished_runs(folders)
        for one in left_out:
            say(f"left out: {one.folder}: {one.reason}")
    everything = [one for own in finished.values() for one in own]
    figures = survey(everything, Plan(METRICS, "full", SPLITS, None), say)
    plans = {name: PairPlan(BETWEEN if name in TOO_WIDE else MATCHED, "full", SPLITS, None) for name in finished}
    pairs = {name: survey_pairs(chosen_pairs(own, "all"), plans[name], say) for name, own in finished.items()}
    found = {split: correlated(figures, split) for split in SPLITS}
    landscape_kept.write(
        page.with_suffix(".csv") if page else folder / "table.csv", landscape_kept.of_study(finished, figures, pairs)
    )
    picture = (page.parent if page else folder) / "landscape_barriers.png"
    curves = {
        f"{name}, {split}": tensors
        for name in ("adamw_4096", "narrow_sharp")
        for split in SPLITS
        if (tensors := barrier_tensors(pairs[name], "barrier_loss", split)) is not None
    }
    write_atomically(picture, rendered(path_curves(curves, "between networks of one row, as they are")))
    return _page(finished, figures, pairs, found, command, picture.name)


def _page(
    finished: Mapping[str, Sequence[FinishedRun]],
    figures: Sequence[Figure],
    pairs: Mapping[str, Sequence[PairFigure]],
    found: Mapping[str, Sequence[Correlation]],
    command: str,
    picture: str,
) -> str:
    names = {run.folder: name for name, own in finished.items() for run in own}

    def of_row(row: str, metric: str, split: str) -> list[float]:
        own = [one for one in figures if names[one.run.folder] == row and (one.name, one.split) == (metric, split)]
        return [one.entry["value"] for one in own if one.entry.get("value") is not None]

    lines = [
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
    ]
    for claim, there, row, metric in CLAIMS:
        lines.append(
            f"| {claim} | {there} | {_spread(of_row(row, metric, 'train'))} | {_spread(of_row(row, metric, 'test'))} |"
        )
    for kind, label in (
        ("barrier_loss", "over the chord of the ends"),
        ("barrier_loss_frankle", "over the mean of the ends"),
    ):
        cells = [_spread(values_of(pairs["adamw_4096"], kind, split)) for split in SPLITS]
        lines.append(f"| barrier between two minima, width 4096, {label} | 0.017 | {cells[0]} | {cells[1]} |")
    cells = [_spread(values_of(pairs["adamw_4096"], "max_loss", split)) for split in SPLITS]
    lines.append(f"| largest loss between them | 0.195 | {cells[0]} | {cells[1]} |")
    for split in SPLITS:
        lines += ["", f"## Around the minima, {split} data", "", f"| row | runs | {' | '.join(SHOWN)} |"]
        lines.append(f"|---|---:|{'---:|' * len(SHOWN)}")
        for row, own in finished.items():
            cells = [_spread(of_row(row, metric, split)) for metric in SHOWN]
            lines.append(f"| {row} | {len(own)} | {' | '.join(cells)} |")
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
        lines += [
            "",
            f"## Between two minima of a row, {split} data",
            "",
            f"| row | pairs | {' | '.join(ways.values())} |",
        ]
        lines.append(f"|---|---:|{'---:|' * len(ways)}")
        for row, measured in pairs.items():
            count = len({(one.first.folder, one.second.folder) for one in measured})
            cells = [_spread(values_of(measured, way, split)) for way in ways]
            unknown = sum(
                not one.entry["converged"] for one in measured if (one.name, one.split) == ("matching_gain", split)
            )
            if unknown:
                cells[2] += f" ({unknown} unknown)"
            lines.append(f"| {row} | {count} | {' | '.join(cells)} |")
    lines += ["", f"![losses between two minima]({picture})"]
    for split in SPLITS:
        lines += ["", f"## Correlations with {OUTCOME}, within rows, {split} data", ""]
        lines += [
            "| figure | tau-b | 95 % interval | p | p Holm | runs | rows |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for one in found[split]:
            if one.tau is None or one.p is None:
                lines.append(f"| {one.figure} | {one.refused} | | | | {one.runs} | {one.strata} |")
                continue
            low, high = one.interval or (float("nan"), float("nan"))
            lines.append(
                f"| {one.figure} | {one.tau:+.2f} | {low:+.2f} to {high:+.2f} | {one.p:.3g} | {one.p_holm:.3g} | "
                f"{one.runs} | {one.strata} |"
            )
    return "\n".join([*lines, "", "## Made by", "", f"    {command}", ""])


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    return f"{fmean(values):.3g}" + (f" +- {stdev(values):.1g}" if len(values) > 1 else "")
