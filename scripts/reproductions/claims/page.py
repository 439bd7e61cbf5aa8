"""docs/RESULTS.md: every claim of every source beside what is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from reproductions.claims import convexity, curvature, hta, identity, landscape
from reproductions.claims.claim import Claim, Finding, Source, Verdict
from reproductions.claims.kept import Kept, NotMeasured

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
writes them without training anything. A command without `--fast` is the source's own protocol, hours and more.

*Holds*: a single run of a source is within the 95 % interval of the mean of our seeds; a gain has a 95 % interval
above 0; a range has our mean. *In part*: their run is where one more of ours would lie (prediction interval), the
mean alone gains, or some of our runs are in the range, or one split of two. *Not measured yet*: the records of
its command are not kept here; what a fast protocol gave is said. Intervals are Student's t over seeds. Test
accuracies are those of the target network (t = 1) after the last step.
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


VERDICTS: tuple[Verdict, ...] = ("holds", "holds in part", "refuted", "not testable here", "not measured yet")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
