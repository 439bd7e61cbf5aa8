"""Claims of *Loss Landscape Geometry & Mode Connectivity in Wide Neural Networks* (002)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

from homotopy_bench.analysis.correlations import correlations
from reproductions.claims.claim import Claim, Finding, Source, Verdict
from reproductions.claims.judging import joined, side, within
from reproductions.claims.kept import Kept, NotMeasured, spread
from reproductions.landscape import COMMAND

WIDE, NARROW = "adamw_4096", "narrow_sharp"
SPLITS = ("train", "test")
ADAMW = ("adamw_4096", "adamw_1024", "adamw_512")
"""Rows that differ in width alone, the widest first."""

Judge = Callable[[Kept], Finding]


def _both(row: str, figure: str, low: float, high: float, digits: int = 3) -> Judge:
    def judge(kept: Kept) -> Finding:
        texts, verdicts = [], []
        for split in SPLITS:
            values = list(kept.landscape(row, figure, split).values())
            texts.append(f"{split} {fmean(values):.{digits}g}")
            verdicts.append(within(values, low, high))
        return Finding(f"{', '.join(texts)} ({len(values)} of them)", joined(verdicts))

    return judge


def _of_test(figure: str, low: float, high: float, scale: float, digits: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        values = [scale * value for value in kept.landscape(WIDE, figure, "test").values()]
        return Finding(f"{spread(values, digits)} ({len(values)} seeds)", within(values, low, high))

    return judge


def _correlation(figure: str, outcome: str, sign: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        texts: list[str] = []
        verdicts: list[Verdict] = []
        for split in SPLITS:
            runs = [
                (value, outcomes[seed], row)
                for row in kept.landscape_rows()
                if (outcomes := _measured(kept, row, outcome))
                for seed, value in kept.landscape(row, figure, split).items()
                if seed in outcomes
            ]
            values, results, rows = zip(*runs, strict=True)
            (found,) = correlations({figure: values}, results, rows)
            if found.tau is None or found.interval is None:
                raise NotMeasured(f"{figure}: {found.refused}")
            low, high = found.interval
            texts.append(f"{split} {found.tau:+.2f} [{low:+.2f}, {high:+.2f}]")
            verdicts.append(side(*sorted((sign * low, sign * high))))
        text = f"tau-b within rows of equal settings: {', '.join(texts)} ({found.runs} runs in {found.strata} rows)"
        return Finding(text, joined(verdicts))

    return judge


def _measured(kept: Kept, row: str, figure: str) -> dict[str, float]:
    try:
        return kept.landscape(row, figure, "test")
    except NotMeasured:
        return {}


def _wider(kept: Kept) -> Finding:
    rows = [row for row in reversed(ADAMW) if _measured(kept, row, "lambda_max")]
    if len(rows) < 2:
        raise NotMeasured("two widths")
    texts: list[str] = []
    verdicts: list[Verdict] = []
    for split in SPLITS:
        means = [fmean(kept.landscape(row, "lambda_max", split).values()) for row in rows]
        texts.append(f"{split} {', '.join(f'{mean:.3g}' for mean in means)}")
        verdicts.append("holds" if all(a > b for a, b in pairwise(means)) else "refuted")
    widths = ", ".join(row.partition("_")[2] for row in rows)
    return Finding(f"lambda_max at widths {widths}: {'; '.join(texts)}", joined(verdicts))


def _sharper(kept: Kept) -> Finding:
    texts: list[str] = []
    verdicts: list[Verdict] = []
    for split in SPLITS:
        narrow, wide = (fmean(kept.landscape(row, "barrier_loss", split).values()) for row in (NARROW, WIDE))
        texts.append(f"{split} {narrow:.3g} against {wide:.3g}")
        verdicts.append("holds" if narrow > wide else "refuted")
    return Finding(f"barrier, narrow against wide: {', '.join(texts)}", joined(verdicts))


SOURCE = Source(
    "Loss landscape of wide networks",
    "002",
    (
        Claim("lambda_max at width 4096", "Key findings", "0.20 to 0.30", COMMAND,
              _both(WIDE, "lambda_max", 0.2, 0.3)),
        Claim("Trace of the Hessian", "Key findings", "2.4 to 2.6", COMMAND, _both(WIDE, "trace", 2.4, 2.6)),
        Claim("Gradient norm", "Key findings", "4.4e-3 to 4.8e-3", COMMAND,
              _both(WIDE, "gradient_norm", 4.4e-3, 4.8e-3)),
        Claim("Test accuracy on 6000/1200 images", "Key findings", "96.2 to 96.5 %", COMMAND,
              _of_test("test_acc", 96.2, 96.5, 100.0, 2)),
        Claim("Test loss", "Key findings", "about 0.18, taken as 0.16 to 0.20", COMMAND,
              _of_test("test_loss", 0.16, 0.20, 1.0, 3)),
        Claim("Barrier between two minima", "Key findings", "0.017, taken as 0.008 to 0.034", COMMAND,
              _both(WIDE, "barrier_loss", 0.008, 0.034)),
        Claim("Largest loss between them", "Key findings", "0.195, taken as 0.15 to 0.25", COMMAND,
              _both(WIDE, "max_loss", 0.15, 0.25)),
        Claim("Flatness goes with accuracy", "Key findings", "+0.91, 3 seeds", COMMAND,
              _correlation("flatness_filter_0.05", "test_acc", -1)),
        Claim("lambda_max goes against accuracy", "Key findings", "-0.93, 3 seeds", COMMAND,
              _correlation("lambda_max", "test_acc", -1)),
        Claim("Trace goes against test loss", "Key findings", "-0.97, 3 seeds", COMMAND,
              _correlation("trace", "test_loss", -1)),
        Claim("Wider networks end in flatter minima", "Key findings", "lambda_max 1 to 25, wide 0.2 to 0.3", COMMAND,
              _wider),
        Claim("Narrow, sharp settings: lambda_max", "Key findings", "1 to 25", COMMAND,
              _both(NARROW, "lambda_max", 1, 25)),
        Claim("Narrow settings have sharp, double-well paths", "Key findings", "no figure", COMMAND, _sharper),
    ),
)  # fmt: skip
