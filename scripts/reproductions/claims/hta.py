"""Claims of *An Efficient Homotopy Training Algorithm for Neural Networks* (004)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homotopy_bench.functions.table1 import ANCHORS, AXES, PAPER_HOMOTOPY, PAPER_PLAIN, PAPER_SINGLE
from reproductions.claims.claim import Claim, Finding, Source, Verdict, untestable
from reproductions.claims.judging import of_a_gain
from reproductions.claims.kept import Kept, NotMeasured, percent
from reproductions.source_study import PERCENT

FUNCTIONS = "python scripts/reproduce.py hta_functions"
STUDY = "hta_vgg"
COMMAND = f"python scripts/reproduce.py {STUDY}"

TABLE_2 = {11: (7.83, 7.02, 10.34), 13: (5.82, 5.14, 11.68), 16: (6.14, 5.71, 7.00), 19: (6.35, 5.88, 7.40)}
"""Depth -> original error, error with HTA, improvement, all in percent."""

TEXT_13, TEXT_16 = (6.35, 5.14, 11.68), (6.35, 5.88)
"""What the text says of VGG13 and of VGG16: the original error, that with HTA, and the improvement."""

TABLE_3 = {11: (91.53, 0.09, 91.66), 13: (92.76, 0.22, 93.09)}
"""Depth -> mean, standard deviation and maximum of five accuracies with HTA, in percent."""

FIGURE_3 = {11: (91.01, 91.61), 13: (92.29, 93.09)}
"""Depth -> accuracies of the traditional method and of HTA on the convolutions, in percent."""

CLOSE = 0.02
"""Share of the starts by which two counts may differ."""

Judge = Callable[[Kept], Finding]


def _plain(n: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        (row,) = _counts(kept, n, "plain")
        (scipy,) = _counts(kept, n, "scipy")
        close = abs(row["found"] - PAPER_PLAIN[n]) <= CLOSE * row["starts"]
        return Finding(f"{row['found']} of {row['starts']}, scipy {scipy['found']}", "holds" if close else "refuted")

    return judge


def _homotopy(n: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        rows, controls = ({row["anchor"]: row for row in _counts(kept, n, name)} for name in ("homotopy", "control"))
        (plain,) = _counts(kept, n, "plain")
        words = {"start": "at the start", "random": "at random"}
        text = ", ".join(f"anchor {words.get(str(a), f'at {a}')} {rows[a]['found']}" for a in ANCHORS)
        controlled = ", ".join(f"{controls[a]['found']}" for a in ANCHORS)
        reached = [abs(row["found"] - PAPER_HOMOTOPY[n]) <= CLOSE * row["starts"] for row in rows.values()]
        found = f"{text}; plain from the same points {controlled}; plain {plain['found']}"
        return Finding(found, "holds in part" if any(reached) else "refuted")

    return judge


def _counts(kept: Kept, n: int, method: str, single: bool = False) -> list[dict[str, Any]]:
    return [
        row
        for row in kept.functions()["counts"]
        if row["dimension"] == n and row["method"] == method and (row["starts"] == 1) == single
    ]


def _single(kept: Kept) -> Finding:
    (plain,) = _counts(kept, 4, "plain", single=True)
    rows = {row["anchor"]: row for row in _counts(kept, 4, "homotopy", single=True)}
    found = [f"{anchor}: {'found' if row['found'] else 'not'}, {row['iterations']:g}" for anchor, row in rows.items()]
    how = "found" if plain["found"] else "not found"
    text = f"plain {how}, {plain['iterations']:g} steps; homotopy by anchor {'; '.join(found)}"
    both = not plain["found"] and any(row["found"] for row in rows.values())
    fewest = min(row["iterations"] for row in rows.values() if row["found"])
    exact = both and fewest <= 2.0 * PAPER_SINGLE["homotopy"]
    return Finding(text, "holds" if exact else "holds in part" if both else "refuted")


def _minima(kept: Kept) -> Finding:
    minima = int(kept.functions()["minima"])
    return Finding(f"{minima} for n = 2, 5^2 = {5**2}", "holds" if minima == 5**2 else "holds in part")


def _table_2(depth: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        measured = [f"vgg{depth}_{name}" for name in ("hta", "sgd", "sgd_equal_gradients")]
        ours, sgd, equal = kept.paired(STUDY, *measured)
        found = of_a_gain(ours, sgd)
        protocol = kept.protocol(STUDY, *measured)
        text = (
            f"accuracy with HTA against SGD {found.ours}; SGD with as many gradients {percent(equal)}; best of the "
            f"seeds with HTA {PERCENT * max(ours):.1f} %, of SGD {PERCENT * max(sgd):.1f} %"
        )
        try:
            rows = [f"vgg{depth}_{name}_default_start" for name in ("hta", "sgd")]
            if kept.protocol(STUDY, *rows) == protocol:
                from_there = of_a_gain(*kept.paired(STUDY, *rows))
                text += f"; both from PyTorch's default start, whose weights are smaller: {from_there.ours}"
        except NotMeasured:
            pass
        if protocol:
            return Finding(f"not measured at 620 epochs; {protocol}: {text}", "not measured yet")
        return Finding(text, found.verdict)

    return judge


def _improvements(_: Kept) -> Finding:
    ours = {depth: PERCENT * (original - hta) / original for depth, (original, hta, _) in TABLE_2.items()}
    same = all(abs(ours[depth] - row[2]) < 0.01 for depth, row in TABLE_2.items())
    return Finding(", ".join(f"{value:.2f}" for value in ours.values()), "holds" if same else "refuted")


def _text(depth: int, said: tuple[float, ...]) -> Judge:
    def judge(_: Kept) -> Finding:
        row = TABLE_2[depth]
        others = [f"VGG{other}" for other, values in TABLE_2.items() if other != depth and said[0] == values[0]]
        text = f"table 2 has {row[0]} and {row[1]} % for VGG{depth}; {said[0]} % is that of {', '.join(others)}"
        return Finding(text, "holds" if said[:2] == row[:2] else "refuted")

    return judge


def _table_3(depth: int) -> Judge:
    def judge(_: Kept) -> Finding:
        error, said = PERCENT - TABLE_3[depth][2], TABLE_2[depth][1]
        text = f"the best of five is an error of {error:.2f} %, table 2 has {said} %"
        return Finding(text, "holds" if abs(error - said) < 0.01 else "refuted")

    return judge


def _best_of_five(_: Kept) -> Finding:
    gains = {depth: row[2] - row[0] for depth, row in TABLE_3.items()}
    text = "the best of five is above their mean by " + ", ".join(f"{gain:.2f} (VGG{d})" for d, gain in gains.items())
    shares = [f"{PERCENT * gains[depth] / (hta - plain):.0f}" for depth, (plain, hta) in FIGURE_3.items()]
    text += f" points: {' and '.join(shares)} % of the gains of figure 3, whose HTA values are "
    text += "and ".join(f"{hta:.2f} " for _, hta in FIGURE_3.values()) + "%"
    verdict: Verdict = (
        "holds in part" if any(FIGURE_3[depth][1] == TABLE_3[depth][2] for depth in FIGURE_3) else "holds"
    )
    return Finding(text, verdict)


SOURCE = Source(
    "Homotopy training algorithm (HTA)",
    "004",
    (
        *(Claim(f"n = {n}: starts from which the quasi-Newton method finds the minimum", "4.1, table 1",
                str(PAPER_PLAIN[n]), FUNCTIONS, _plain(n)) for n in AXES),
        *(Claim(f"n = {n}: the same with the homotopy, fixed points \"chosen based on the initial guess\"",
                "4.1, table 1", str(PAPER_HOMOTOPY[n]), FUNCTIONS, _homotopy(n)) for n in AXES),
        Claim("From (5, 4, 5, 5) the quasi-Newton method misses the minimum and the homotopy finds it", "4.1",
              f"{PAPER_SINGLE['plain']} and {PAPER_SINGLE['homotopy']} steps", FUNCTIONS, _single),
        Claim("Roughly 5^n local minima in |x_i| < 10", "4.1", "5^n", FUNCTIONS, _minima),
        untestable("Table 1 shows n = 8", "4.1", "announced", "neither a grid nor a row is given"),
        *(Claim(f"VGG{depth} on CIFAR-10: error, with HTA", "4.2, table 2", f"{row[0]} %, {row[1]} %", COMMAND,
                _table_2(depth)) for depth, row in TABLE_2.items()),
        Claim("Rates of improvement", "4.2, table 2", ", ".join(f"{row[2]:.2f}" for row in TABLE_2.values()) + " %", "",
              _improvements),
        Claim("VGG13: the traditional error", "4.2, text", f"{TEXT_13[0]} %", "", _text(13, TEXT_13)),
        Claim("VGG16: errors", "4.2, text", f"{TEXT_16[0]} %, with HTA {TEXT_16[1]} %", "", _text(16, TEXT_16)),
        *(Claim(f"VGG{depth}: five runs with HTA", "4.2, table 3",
                f"mean {row[0]} %, std {row[1]} %, max {row[2]} %", "", _table_3(depth))
          for depth, row in TABLE_3.items()),
        Claim("HTA on the convolutions is better (figure 3)", "4.2",
              "; ".join(f"VGG{depth}: {hta} % for {plain} %" for depth, (plain, hta) in FIGURE_3.items()), "",
              _best_of_five),
        untestable("Convergence for any L without convexity (theorem 3.1)", "3.1", "a proof", "not an experiment"),
        untestable("A path of solutions exists for convex f (theorem 3.2)", "3.2", "a proof", "not an experiment"),
    ),
)  # fmt: skip
