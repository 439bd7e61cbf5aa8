"""Claims of *Identity-to-MLP Homotopy for Training Deep Networks* (000)."""

from __future__ import annotations

from statistics import fmean, stdev

from reproductions import baselines
from reproductions.claims.claim import Claim, Finding, Source
from reproductions.claims.judging import of_a_gain, of_one_run
from reproductions.claims.kept import Kept, NotMeasured, percent
from reproductions.identity_source import EARLY
from reproductions.source_study import PERCENT

STUDY = "identity_homotopy_script"
"""From the start of the source's script."""

OURS = "identity_homotopy_source"
"""With all maps drawn alike, and with other rates and lengths."""

COMMAND, COMMAND_OURS = (f"python scripts/reproduce.py {name}" for name in (STUDY, OURS))
LEVEL = 0.02
"""Accuracy that a network may lose on its way without having lost what it learned."""


def _baseline(kept: Kept) -> Finding:
    best = percent(kept.values(STUDY, "baseline", "best_acc"))
    return of_one_run(kept.values(STUDY, "baseline"), 0.4715, f"; best over epochs {best}")


def _homotopy(kept: Kept) -> Finding:
    path = percent(kept.values(STUDY, "homotopy", "path_acc"))
    return of_one_run(
        kept.values(STUDY, "homotopy"),
        0.592,
        f"; somewhere on the path {path}, which is a maximum over epochs on the test split, of another network",
    )


def _tuned_alike(kept: Kept) -> Finding:
    gain = of_a_gain(*kept.paired(OURS, "homotopy", "baseline"))
    try:
        same = of_a_gain(*kept.paired(OURS, "homotopy", "baseline_at_the_rate_of_homotopy")).ours
    except NotMeasured:
        same = "not measured yet"
    return Finding(f"{gain.ours}; plain at the homotopy's rate: {same}", gain.verdict)


def _gain(kept: Kept) -> Finding:
    return of_a_gain(*kept.paired(STUDY, "homotopy", "baseline"))


def _start(kept: Kept) -> Finding:
    losses = kept.paired(STUDY, "homotopy", "baseline", figure="early_loss")
    early = [percent(kept.values(STUDY, row, "early_acc")) for row in ("homotopy", "baseline")]
    faster = all(a < b for a, b in zip(*losses, strict=True))
    text = (
        f"training loss after epoch {EARLY}: {fmean(losses[0]):.2f} on the path, {fmean(losses[1]):.2f} plain; "
        f"accuracy at t = 1 then: {early[0]} and {early[1]}: what learns is the network on the path"
    )
    return Finding(text, "holds in part" if faster else "refuted")


def _stability(kept: Kept) -> Finding:
    spreads = [PERCENT * stdev(kept.values(STUDY, row)) for row in ("homotopy", "baseline")]
    text = f"standard deviation over seeds: {spreads[0]:.1f} points, plain {spreads[1]:.1f}"
    return Finding(text, "holds" if spreads[0] < spreads[1] else "refuted")


def _kept_features(kept: Kept) -> Finding:
    path, final = kept.values(STUDY, "homotopy", "path_acc"), kept.values(STUDY, "homotopy")
    lost = fmean(path) - fmean(final)
    text = f"{percent(path)} at best on the path, {percent(final)} at its end"
    return Finding(text, "holds" if lost <= LEVEL else "refuted")


def _warmup(kept: Kept) -> Finding:
    found = of_a_gain(*kept.paired(OURS, "homotopy", "homotopy_warmup_0.3"))
    between = percent(kept.values(OURS, "homotopy_warmup_0.6"))
    return Finding(f"0.88 of the epochs and 0.3: {found.ours}; 0.6: {between}", found.verdict)


def _powerful(kept: Kept) -> Finding:
    rows = {
        one.contender.name: one.reports for own in kept.outcomes("baselines", baselines.STUDY).values() for one in own
    }
    means = {name: fmean(one.val_acc for one in runs) for name, runs in rows.items()}
    plain, path = (
        max((name for name in means if name.startswith(kind)), key=means.__getitem__, default="")
        for kind in (("plain", "dirac"), ("identity",))
    )
    if not plain or not path:
        return Finding("", "not measured yet")
    ours, reference = ([one.test_acc or 0.0 for one in rows[name]] for name in (path, plain))
    found = of_a_gain(ours, reference)
    return Finding(f"tuned alike, {path} and {plain}: {found.ours}", found.verdict)


SOURCE = Source(
    "Identity-to-MLP homotopy",
    "000",
    (
        Claim("Baseline (plain MLP), best validation accuracy", "Results", "0.4715", COMMAND, _baseline),
        Claim("Homotopy (identity -> MLP), best validation accuracy", "Results", "0.5920", COMMAND, _homotopy),
        Claim(
            "The homotopy has significantly higher accuracy than the baseline", "Analysis 1", "+12.0 points, one seed",
            COMMAND, _gain,
        ),
        Claim("The same with all maps drawn alike", "Analysis 1", "+12.0 points, one seed", COMMAND_OURS, _tuned_alike),
        Claim(
            "The homotopy learns at once, the baseline struggles in the early epochs", "Analysis 1", "a figure",
            COMMAND, _start,
        ),
        Claim("The homotopy converges more stably", "Analysis 2", "none", COMMAND, _stability),
        Claim("It arrives at the full MLP with what it learned", "Analysis 2", "none", COMMAND, _kept_features),
        Claim("A long transition is beneficial", "Analysis 3", "0.88 of the epochs, 5 trials", COMMAND_OURS, _warmup),
        Claim(
            "A powerful technique for 32 layers, with which standard training struggles", "Conclusion", "none",
            "python scripts/reproduce.py baselines --markdown docs/results/baselines.md", _powerful,
        ),
    ),
)  # fmt: skip
