"""Claims of *Homotopy Learning Rate Scheduler* (001)."""

from __future__ import annotations

from collections.abc import Callable
from math import log2
from statistics import fmean

from homotopy_bench.core import statistics
from reproductions.claims.claim import Claim, Finding, Source, Verdict, untestable
from reproductions.claims.judging import (
    TRAINS,
    joined,
    of_a_gain,
    of_one_run,
    one_run,
    range_within,
    side,
    trained,
    within,
)
from reproductions.claims.kept import Kept, NotMeasured, percent, spread
from reproductions.curvature_estimators import EVERY, quality
from reproductions.curvature_overhead import AGAIN, REFERENCE
from reproductions.curvature_source import FAST
from reproductions.source_study import PERCENT
from reproductions.transformer import NETWORKS, behind_warm_up

HUTCHINSON = "hutchinson, 10 probes"
STUDY = "curvature_source"
COMMAND = f"python scripts/reproduce.py {STUDY}"

THEIR_LOSS = 0.34
"""Points by which the source's adaptive rate is behind its constant one."""

DIAMETER, EPSILON, THEIR_KAPPA, THEIR_BITS = 10.0, 1e-6, 0.276, 24.7
SAME = 5.0
"""Per cent within which two times are one."""

HALF_A_BIT = 0.5
"""Bits within which two bounds are one."""

NEED = 0.01
"""Accuracy by which a warm-up must help for a method to need it."""

TIMES = "python scripts/reproduce.py curvature_overhead"
BITS = "python scripts/reproduce.py precision_bounds"
TRANSFORMERS = "python scripts/reproduce.py transformer --markdown docs/results/transformer.md"
ESTIMATES = "python scripts/curvature.py estimators --outputs docs/results"
CHANCE = 0.21
"""Rank correlation that 90 independent pairs exceed one time in forty: 1.96 / sqrt(89)."""

NEAR = 2.0
"""Factor within which the median of a good estimate is of the largest eigenvalue."""

FEW_BITS = 3.0
"""Standard deviation within which a bound says which format is enough: formats differ by 3 bits and more."""

Judge = Callable[[Kept], Finding]


def _accuracy(row: str, theirs: float) -> Judge:
    return lambda kept: of_one_run(kept.values(STUDY, row), theirs)


def _slightly_worse(kept: Kept) -> Finding:
    constant, rule = kept.paired(STUDY, "constant", "demonstration")
    found = of_a_gain(constant, rule)
    loss = statistics.student_interval([PERCENT * (a - b) for a, b in zip(constant, rule, strict=True)])
    if found.verdict == "holds" and loss is not None and not loss.low <= THEIR_LOSS <= loss.high:
        size = "more" if loss.low > THEIR_LOSS else "less"
        return Finding(f"{found.ours}, which is {size} than the source's", "holds in part")
    return found


def _above(row: str, least: float) -> Judge:
    def judge(kept: Kept) -> Finding:
        values = kept.values(STUDY, row)
        return Finding(percent(values), within(values, least, 1.0))

    return judge


def _single(figure: str, theirs: float, digits: int) -> Judge:
    def judge(kept: Kept) -> Finding:
        values = kept.values(STUDY, "demonstration", figure)
        return Finding(f"{spread(values, digits)} ({len(values)} seeds)", one_run(values, theirs))

    return judge


def _kappa_range(kept: Kept) -> Finding:
    low, high = (kept.values(STUDY, "demonstration", name) for name in ("kappa_low", "kappa_high"))
    text = f"5 to 95 % of the steps: {fmean(low):.3g} to {fmean(high):.3g}"
    return Finding(text, range_within((fmean(low), fmean(high)), (0.149, 0.594)))


def _warm_up(kept: Kept) -> Finding:
    without, script = (kept.values(STUDY, row, "rate_first") for row in ("kappa_proxy", "demonstration"))
    later = kept.values(STUDY, "kappa_proxy", "rate_peak")
    second = kept.values(STUDY, "demonstration", "rate_second")
    text = (
        f"first rate of the rule alone {fmean(without):.3g}, its highest later {fmean(later):.3g}; with the script's "
        f"own factor step/100 {fmean(script):.3g}, then {fmean(second):.3g}"
    )
    return Finding(text, "holds" if fmean(without) < 0.5 * fmean(later) else "refuted")


def _rates(kept: Kept) -> Finding:
    low, high = (kept.values(STUDY, "demonstration", name) for name in ("rate_low", "rate_peak"))
    text = f"{fmean(low):.4f} to {fmean(high):.4f}"
    return Finding(text, range_within((fmean(low), fmean(high)), (0.0046, 0.0077)))


def _falls(kept: Kept) -> Finding:
    first, last = (kept.values(STUDY, "kappa_power", name) for name in ("kappa_first", "kappa_last"))
    text = f"kappa by power iteration: {fmean(first):.3g} at step 0, {fmean(last):.3g} in the last epoch"
    return Finding(text, "holds" if fmean(last) < fmean(first) else "refuted")


def _rank(kept: Kept) -> Finding:
    ranks = kept.values(STUDY, "demonstration", "rank")
    text = f"Spearman {spread(ranks, 2)}, by construction: the rate falls with kappa above its target"
    return Finding(text, "holds" if max(ranks) < 0.0 else "refuted")


def _overhead(row: str, low: float, high: float) -> Judge:
    def judge(kept: Kept) -> Finding:
        seconds = kept.processor_seconds()
        clock, again = (PERCENT * (seconds[name] / seconds[REFERENCE] - 1.0) for name in (row, AGAIN))
        runs = [kept.values(STUDY, name, "forward_equivalents") for name in (row, REFERENCE)]
        work = PERCENT * (fmean(runs[0]) / fmean(runs[1]) - 1.0)
        inside = [low <= value <= high for value in (clock, work)]
        verdict: Verdict = "holds" if all(inside) else "holds in part" if any(inside) else "refuted"
        text = f"{clock:+.0f} % processor time (a second constant rate {again:+.0f} %), {work:+.0f} % in forward passes"
        return Finding(text, verdict)

    return judge


def _of_the_reference(kept: Kept) -> Finding:
    seconds = kept.processor_seconds()
    more = PERCENT * (seconds[AGAIN] / seconds[REFERENCE] - 1.0)
    return Finding(f"{more:+.0f} % processor time of a second one", "holds" if abs(more) <= SAME else "refuted")


def _needs(row: str, warmed: str, claimed: bool) -> Judge:
    def judge(kept: Kept) -> Finding:
        without, with_ = kept.paired(STUDY, row, warmed)
        found = of_a_gain(with_, without)
        train = [f"{trained(values)} of {len(values)}" for values in (with_, without)]
        text = (
            f"with 100 steps of warm-up against none: {found.ours}; {train[0]} seeds train with it, {train[1]} without"
        )
        added = statistics.student_interval([a - b for a, b in zip(with_, without, strict=True)])
        if added is None:
            return Finding(text, found.verdict)
        if max(fmean(without), fmean(with_)) < TRAINS:
            return Finding(f"{text}; on average neither does", "not testable here")
        helps = added.low > 0.0 and fmean(with_) - fmean(without) > NEED
        if not helps and added.high >= NEED:
            return Finding(text, "not shown")
        return Finding(text, "holds" if helps == claimed else "refuted")

    return judge


def _bits(kept: Kept) -> Finding:
    ours = fmean(kept.values(STUDY, "demonstration", "kappa_mean"))
    theirs, here = (log2(kappa * DIAMETER**2 / EPSILON) for kappa in (THEIR_KAPPA, ours))
    power = log2(fmean(kept.values(STUDY, "kappa_power", "kappa_mean")) * DIAMETER**2 / EPSILON)
    text = (
        f"the arithmetic gives {theirs:.1f}; with our kappa {here:.1f}, with the Hessian's {power:.1f}. The proxy "
        "is no curvature, and the formula changes with the unit of the loss (precision.md)"
    )
    near = [abs(bits - THEIR_BITS) <= HALF_A_BIT for bits in (theirs, here, power)]
    return Finding(text, joined(["holds" if one else "refuted" for one in near]))


def _predicts(kept: Kept) -> Finding:
    rows = [row for row in kept.bounds() if row["bound"] == "published"]
    text = "; ".join(f"{row['measured']} {row['correlation']:+.2f}, sd {row['sd']:.0f} bits" for row in rows)
    best = max(row["correlation"] for row in kept.bounds() if row["bound"] != "published")
    right = all(row["sd"] <= FEW_BITS and row["correlation"] > 0.0 for row in rows)
    cases = rows[0]["cases"]
    found = f"correlation with measured bits of {cases} quadratics: {text}; corrected bounds up to {best:+.2f}"
    return Finding(found, "holds" if right else "refuted")


def _stable(kept: Kept) -> Finding:
    ours, constant = kept.paired(STUDY, "kappa_high", "constant_high")
    found = of_a_gain(ours, constant)
    if found.verdict == "holds" and fmean(ours) < TRAINS:
        return Finding(f"at a rate of {FAST}: {found.ours}; on average neither trains", "holds in part")
    return Finding(f"at a rate of {FAST}: {found.ours}", found.verdict)


def _estimators(kept: Kept) -> Finding:
    every = min(EVERY)
    runs = [
        {name: quality(series, name, every, "batch") for name in (HUTCHINSON, "power", "gradient_proxy")}
        for series in kept.estimates().values()
    ]
    right = [
        statement
        for run in runs
        for statement in (
            run[HUTCHINSON][1] > run["power"][1],
            1.0 / NEAR <= run["power"][0][1] <= NEAR,
            run["gradient_proxy"][1] > CHANCE,
        )
    ]
    texts = []
    for name in runs[0]:
        ranks = ", ".join(f"{run[name][1]:+.2f}" for run in runs)
        ratios = ", ".join(f"{run[name][0][1]:.2g}" for run in runs)
        texts.append(f"{name} {ranks} ({ratios})")
    verdict: Verdict = "holds" if all(right) else "holds in part" if any(right) else "refuted"
    return Finding(f"rank correlation with lambda_max (median ratio to it), by run: {'; '.join(texts)}", verdict)


def _transformers(kept: Kept) -> Finding:
    runs = kept.transformers()
    texts: list[str] = []
    verdicts: list[Verdict] = []
    for network in NETWORKS:
        behind = behind_warm_up(runs, network, "post", "kappa")
        interval = statistics.student_interval(behind)
        if interval is None:
            raise NotMeasured(f"{network}/post/kappa")
        texts.append(f"{network} {fmean(behind):+.3f} nats [{interval.low:+.3f}, {interval.high:+.3f}]")
        verdicts.append(side(-interval.high, -interval.low))
    text = (
        "normalised after the sums, over a constant rate, less a linear warm-up, each at its best base rate: "
        f"{'; '.join(texts)}"
    )
    return Finding(text, joined(verdicts))


SOURCE = Source(
    "Homotopy learning-rate scheduler",
    "001",
    (
        Claim("Constant rate of 0.01, final accuracy", "3", "97.43 %", COMMAND, _accuracy("constant", 0.9743)),
        Claim("Curvature-adaptive rate, final accuracy", "3", "97.09 %", COMMAND, _accuracy("demonstration", 0.9709)),
        Claim("The adaptive rate is slightly worse on MNIST", "3", "0.34 points", COMMAND, _slightly_worse),
        Claim("MNIST accuracy of 97 % and more", "2", ">= 97 %", COMMAND, _above("demonstration", 0.97)),
        Claim("Time overhead", "3", "+9.8 %", TIMES, _overhead("demonstration", 5.0, 15.0)),
        Claim("Mean kappa", "3", "0.276", COMMAND, _single("kappa_mean", THEIR_KAPPA, 3)),
        Claim("Range of kappa", "3", "0.149 to 0.594", COMMAND, _kappa_range),
        Claim("Automatic warm-up, without a schedule", "3, 7", "from 0.0001", COMMAND, _warm_up),
        Claim("Peak rate", "3", "0.0077", COMMAND, _single("rate_peak", 0.0077, 4)),
        Claim("Final rate", "3", "0.0066", COMMAND, _single("rate_last", 0.0066, 4)),
        Claim("The rate varies after its warm-up", "3", "0.0046 to 0.0077", COMMAND, _rates),
        Claim("The curvature is high at first and falls as the model converges", "7", "none", COMMAND, _falls),
        Claim("Curvature and rate are negatively correlated", "2", "none", COMMAND, _rank),
        Claim("Bits that the bound asks for, D = 10, eps = 1e-6", "3", "24.7 bits", COMMAND, _bits),
        Claim("The bound says which format is enough: float16 too small, float32 marginal, float64 enough", "3, 12",
              "none", BITS, _predicts),
        untestable("Memory", "2, 12", "< 5 % more", "the rule keeps a few numbers; peaks are those of whole processes"),
        Claim("Constant rate: overhead", "9", "0 %", TIMES, _of_the_reference),
        Claim("Constant rate: needs a manual warm-up", "9", "yes", COMMAND,
              _needs("constant_high", "constant_high_warmup", True)),
        Claim("Linear warm-up: overhead", "9", "0 %", TIMES, _overhead("linear_warmup", -5.0, 5.0)),
        Claim("Cosine: overhead", "9", "0 %", TIMES, _overhead("cosine", -5.0, 5.0)),
        Claim("Cosine: needs a manual warm-up", "9", "yes", COMMAND, _needs("cosine_high", "cosine_high_warmup", True)),
        Claim("Natural gradient: overhead", "9", "50 to 100 %", TIMES, _overhead("natural_gradient", 50.0, 100.0)),
        Claim("Natural gradient: needs a manual warm-up", "9", "yes", COMMAND,
              _needs("natural_gradient_high", "natural_gradient_high_warmup", True)),
        Claim("L-BFGS: overhead", "9", "100 to 200 %", TIMES, _overhead("lbfgs", 100.0, 200.0)),
        Claim("L-BFGS: needs a manual warm-up", "9", "no", COMMAND, _needs("lbfgs", "lbfgs_warmup", False)),
        Claim("Ours, by the Hessian: overhead", "9", "10 to 20 %", TIMES, _overhead("kappa_power", 10.0, 20.0)),
        Claim("Ours: needs a manual warm-up", "9", "no", COMMAND, _needs("kappa_high", "kappa_high_warmup", False)),
        Claim("More stable on ill-conditioned problems than a constant rate", "7", "synthetic, no figure",
              COMMAND, _stable),
        Claim("Hutchinson is the most accurate estimate, power iteration good, the proxy correlated", "1, 2",
              "none", ESTIMATES, _estimators),
        Claim("Benefit on transformers, which need a warm-up", "3, 10", "expected", TRANSFORMERS, _transformers),
        untestable("Scaling to 8 to 16 GPUs", "10", "expected", "so many are not at hand"),
        untestable("Theorem 4.7 and the theorems of the HNF paper", "8", "proofs", "that paper is not at hand"),
    ),
)  # fmt: skip
