"""docs/RESULTS.md: every claim of every source beside what is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproductions.claims import convexity, curvature, hta, identity, landscape
from reproductions.claims.claim import Claim, Finding, Source, Verdict
from reproductions.claims.judging import REACH, TRAINS
from reproductions.claims.kept import Kept, NotMeasured
from reproductions.source_study import PERCENT

SOURCES: tuple[Source, ...] = (
    identity.SOURCE,
    curvature.SOURCE,
    landscape.SOURCE,
    convexity.SOURCE,
    hta.SOURCE,
)

REFRESH = "python scripts/reproduce.py all --fast"

HEAD = f"""# The claims of the sources

Every claim of the five sources, what it says, and what is found here. The tables are written by

    {REFRESH}

from the records that the studies keep beside their pages in `docs/results`; `python scripts/reproduce.py results`
writes them without training anything. Of the commands below only `hta_vgg` and `convexity_source` are shorter with
`--fast`: without it they follow their sources in full, hours and more.

A verdict follows from a rule for each kind of claim. Intervals are Student's t at 95 % over seeds; test accuracies are
those of the target network (t = 1) after the last step.
"""

RULES = (
    ("kind of claim", "holds", "holds in part", "not shown", "refuted"),
    ("---",) * 5,
    (
        "a source's single run",
        f"within the interval of our mean, if this reaches at most {PERCENT * REACH:.0f} % of the figure either way",
        "where one more of our runs would lie",
        "",
        "beyond",
    ),
    (
        "one row is ahead of another",
        "interval of the paired difference above 0",
        "so it is, but the source's size is outside it, or neither row trains",
        "0 is in the interval",
        "interval below 0",
    ),
    (
        "a range, or a least value",
        "our mean within, on both splits where two are measured",
        "some of our runs within, or on one split",
        "",
        "none",
    ),
    ("a range of values over a training", "ours inside", "they overlap", "", "apart"),
    (
        "one figure goes with another, within rows",
        "interval of tau-b on that side, both splits",
        "one split",
        "0 is in the intervals",
        "on the other side",
    ),
    (
        "one figure falls or is above another, no size named",
        "by its mean, on both splits where two are measured",
        "one split",
        "",
        "neither",
    ),
    (
        "a warm-up is needed",
        "it adds more than a point, interval above 0",
        "",
        "else",
        "the interval of what it adds is below a point",
    ),
    (
        "no warm-up is needed",
        "the interval of what it adds is below a point",
        "",
        "else",
        "it adds more than a point, interval above 0",
    ),
    (
        "an overhead",
        "processor time and forward passes in the range (+9.8 %: 5 to 15; 0 %: -5 to 5)",
        "one of them",
        "",
        "neither",
    ),
    ("a count of starts", "within 2 % of them", "with one of the anchors that the text leaves open", "", "else"),
)

NOTES = f"""
*Neither row trains*: on average both stay below an accuracy of {PERCENT * TRAINS:.0f} %; whether a warm-up is needed is
*not testable here* then. What stands alone (bits, estimators, a text against its own table) has its rule in
`scripts/reproductions/claims`.

*Not measured yet*: no records of its command are kept. *(fast protocol)*: judged from fewer samples and epochs than its
command has without `--fast`; accuracies of HTA's 620 epochs are not judged so.
"""


def judged(claim: Claim, kept: Kept) -> Finding:
    """Return the finding of a claim, also where nothing is measured."""
    try:
        return claim.judge(kept)
    except NotMeasured:
        return Finding("", "not measured yet")


def render(results: Path) -> str:
    """Return the page, from the records in a folder."""
    return "\n".join(_lines(Kept(results))) + "\n"


def _lines(kept: Kept) -> Iterator[str]:
    yield HEAD
    yield from (f"| {' | '.join(rule)} |" for rule in RULES)
    yield NOTES
    found = {source.title: [judged(claim, kept) for claim in source.claims] for source in SOURCES}
    yield "| source | claims | " + " | ".join(VERDICTS) + " |"
    yield "|---|---:|" + "---:|" * len(VERDICTS)
    for title, findings in found.items():
        counts = Counter(one.verdict for one in findings)
        yield f"| {title} | {len(findings)} | " + " | ".join(str(counts[verdict]) for verdict in VERDICTS) + " |"
    for source in SOURCES:
        yield from ("", f"## {source.title} ({source.file})", "")
        yield "| claim | where | source | here | verdict | command |"
        yield "|---|---|---|---|---|---|"
        for claim, finding in zip(source.claims, found[source.title], strict=True):
            command = f"`{claim.command}`" if claim.command else ""
            cells = (claim.words, claim.where, claim.theirs, finding.ours, f"**{finding.verdict}**", command)
            yield f"| {' | '.join(_cell(cell) for cell in cells)} |"


VERDICTS: tuple[Verdict, ...] = (
    "holds", "holds in part", "not shown", "refuted", "not testable here", "not measured yet",
)  # fmt: skip


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
