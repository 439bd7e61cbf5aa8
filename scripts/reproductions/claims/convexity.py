"""Claims of *ConvexityAnnealing* (003), which published no figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reproductions.claims.claim import Claim, Finding, Source, Verdict, untestable
from reproductions.claims.judging import joined, of_a_gain, trained
from reproductions.claims.kept import Kept, percent
from reproductions.convexity_source import HIGH

STUDY = "convexity_source"
COMMAND = f"python scripts/reproduce.py {STUDY}"


def _convex(_: Kept) -> Finding:
    def loss(w: float, v: float) -> float:
        return (w * v - 1.0) ** 2

    ends, middle = loss(1.0, 1.0), loss(0.0, 0.0)
    text = (
        f"convex in the product of the matrices, not in the matrices: (w v - 1)^2 is {ends:g} at (1, 1) and at "
        f"(-1, -1) and {middle:g} halfway"
    )
    return Finding(text, "refuted" if middle > ends == loss(-1.0, -1.0) else "holds")


def _relu(kept: Kept) -> Finding:
    text = f"{percent(kept.values(STUDY, 'relu'), 2)}{_protocol(kept, 'relu')}; it promises nothing"
    return Finding(text, "not testable here")


def _scheduled(kept: Kept) -> Finding:
    rows = "scheduled", "relu"
    found = of_a_gain(*kept.paired(STUDY, *rows))
    return Finding(f"{found.ours}{_protocol(kept, *rows)}", found.verdict)


def _trained(row: str) -> Callable[[Kept], Finding]:
    def judge(kept: Kept) -> Finding:
        rows = row, "relu", "scheduled"
        ours, plain, scheduled = kept.paired(STUDY, *rows)
        found, moved = of_a_gain(ours, plain), of_a_gain(ours, scheduled)
        text = f"{found.ours}; against the scheduled path alone {moved.ours}{_protocol(kept, *rows)}"
        return Finding(text, found.verdict)

    return judge


def _higher_rates(kept: Kept) -> Finding:
    texts, verdicts, reliable = [], [], False
    rows = [f"{name}_{rate}" for rate in HIGH for name in ("scheduled", "relu")]
    values = iter(kept.paired(STUDY, *rows))
    for rate, ours, plain in zip(HIGH, values, values, strict=True):
        found = of_a_gain(ours, plain)
        train, plain_train = (trained(values) for values in (ours, plain))
        texts.append(f"{rate}: {found.ours}; {train} of {len(ours)} seeds train, ReLU {plain_train} of {len(plain)}")
        verdicts.append(found.verdict)
        reliable |= train == len(ours) and plain_train < len(plain)
    return Finding(f"{'. '.join(texts)}{_protocol(kept, *rows)}", of_rates(verdicts, reliable))


def of_rates(verdicts: Sequence[Verdict], reliable: bool) -> Verdict:
    """Judge what is claimed of several rates.

    Args:
        verdicts: Whether one row is ahead of the other, by rate.
        reliable: Whether at some rate it trains with every seed and the other does not.

    Returns:
        What the rates say together; at least that it holds in part where the row is the more reliable at one of them.
    """
    if "not measured yet" in verdicts:
        return "not measured yet"
    together = joined(verdicts)
    return "holds in part" if reliable and together != "holds" else together


def _protocol(kept: Kept, *rows: str) -> str:
    protocol = kept.protocol(STUDY, *rows)
    return f" ({protocol})" if protocol else ""


SOURCE = Source(
    "Convexity annealing",
    "003",
    (
        Claim("With linear activations the loss is convex at any depth", "text", "argument", "", _convex),
        Claim("1) theta = 0: the baseline", "TODO 1", "no figure", COMMAND, _relu),
        Claim("2) theta from pi/4 to 0: immensely helpful during training", "TODO 2", "no figure", COMMAND,
              _scheduled),
        Claim("3) a trained theta for all layers helps", "TODO 3", "no figure", COMMAND, _trained("shared")),
        Claim("4) a trained theta for each neuron helps", "TODO 4", "no figure", COMMAND, _trained("per_neuron")),
        Claim("Larger initial rates can be used", "text", "no figure", COMMAND, _higher_rates),
        untestable("Gradients reach the lowest layers easily in the first epochs", "text", "no figure",
                   "the norms of single layers are not recorded"),
        untestable("arXiv:1503.03712 is the only paper on graduated optimization of networks", "text", "a search",
                   "a matter of literature"),
    ),
)  # fmt: skip
