"""Carry out studies whose rows are tuned at equal budgets, and write their pages from their CSVs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered
from reproductions.ledger import Ledger, Purpose, Training
from reproductions.plan import Plan, Refused
from reproductions.search import Budget, Contender, search
from reproductions.study import Outcome, Study, Trainings, carry_out, processes
from reproductions.table import render


def measure(name: str, study: Study, plan: Plan, page: Path) -> str:
    """Train what is missing of a study, and write its page from what its CSV has.

    Args:
        name: Name of the study.
        study: The study.
        plan: How much of it.
        page: File of the page; the CSV and the picture lie beside it.

    Returns:
        The page.

    Raises:
        Refused: If a row does not exist, an override sets what rows set themselves, or a smaller study would take the
            page of the whole one.
    """
    ledger = Ledger(page.with_suffix(".csv"))
    adapted = _adapted(study, plan)
    if adapted != study and any(kept_outcomes(study, ledger).values()):
        raise Refused(
            f"{page}: has rows of the whole study; accepted with --settings, --seeds or overrides: another --markdown"
        )
    contenders = {one.name: one for rows in adapted.contenders.values() for one in rows}
    chosen = [contenders[row] for row in plan.chosen(list(contenders))]
    try:
        with processes(plan.processes) as train:
            trainings = Trainings(ledger, plan.outputs / name, train)
            for _ in carry_out(chosen, trainings, adapted.budget, adapted.seeds, plan.processes):
                pass
    finally:
        text = _write(name, adapted, ledger, page, plan)
    return text


def write_page(name: str, study: Study, page: Path) -> None:
    """Write the page and the picture of the rows that the CSV beside a page has in full, if there are any.

    Args:
        name: Name of the study.
        study: The study.
        page: File of the page.
    """
    ledger = Ledger(page.with_suffix(".csv"))
    if any(kept_outcomes(study, ledger).values()):
        _write(name, study, ledger, page, Plan(Path()))


def kept_outcomes(study: Study, ledger: Ledger) -> dict[str, list[Outcome]]:
    """Return the outcomes of the rows that a ledger has in full, by target."""
    return {
        target: [found for one in rows if (found := _kept(one, ledger, study.budget, study.seeds)) is not None]
        for target, rows in study.contenders.items()
    }


def _write(name: str, study: Study, ledger: Ledger, page: Path, plan: Plan) -> str:
    groups = kept_outcomes(study, ledger)
    outcomes = [outcome for rows in groups.values() for outcome in rows]
    done = [outcome.contender.name for outcome in outcomes]
    waiting = [one.name for rows in study.contenders.values() for one in rows if one.name not in done]
    text = render(groups, study, plan.command(name, page), waiting)
    if study.draw is not None and outcomes:
        picture = page.with_suffix(".png")
        page.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(picture, rendered(study.draw(outcomes)))
        text += f"\n![{study.title}]({picture.name})\n"
    write_atomically(page, text.encode())
    return text


def _adapted(study: Study, plan: Plan) -> Study:
    """Return a study with the overrides, settings and seeds of a plan.

    Raises:
        Refused: If an override sets what rows set themselves.
    """
    rows = [one for own in study.contenders.values() for one in own]
    plan.refuse_overrides(
        {word.partition("=")[0] for one in rows for word in one.overrides}
        | {axis.key for one in rows for axis in one.space}
    )
    settings = plan.settings or study.budget.settings
    return replace(
        study,
        contenders={
            target: tuple(replace(one, overrides=(*one.overrides, *plan.overrides)) for one in rows)
            for target, rows in study.contenders.items()
        },
        budget=replace(study.budget, settings=settings, finalists=min(study.budget.finalists, settings)),
        seeds=plan.seeds or study.seeds,
    )


class _Missing(Exception):
    """Say that a training is not kept."""


def _kept(contender: Contender, ledger: Ledger, budget: Budget, seeds: int) -> Outcome | None:
    """Return the outcome of a contender without training; None where a training is missing."""

    def find(purpose: Purpose, asked: Sequence[tuple[str, int]]) -> list[Training]:
        found = [ledger.find(contender.name, purpose, seed, overrides) for overrides, seed in asked]
        done = [one for one in found if one is not None]
        if len(done) < len(found):
            raise _Missing
        return done

    try:
        trials = search(contender, budget, lambda asked: find("tuning", asked))
        reports = find("report", [(trials[0].overrides, seed) for seed in range(seeds)])
    except _Missing:
        return None
    return Outcome(contender, trials, reports)
