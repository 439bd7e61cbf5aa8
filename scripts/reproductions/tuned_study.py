"""Studies whose rows are tuned, at equal budgets: trained as far as asked for, and their pages written from a CSV."""

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
        Refused: If a row does not exist, or an override sets what rows set themselves.
    """
    study = _adapted(study, plan)
    contenders = {one.name: one for rows in study.contenders.values() for one in rows}
    chosen = [contenders[row] for row in plan.chosen(list(contenders))]
    ledger = Ledger(page.with_suffix(".csv"))
    with processes(plan.processes) as train:
        trainings = Trainings(ledger, plan.outputs / name, train)
        for _ in carry_out(chosen, trainings, study.budget, study.seeds, plan.processes):
            pass
    return write_page(name, study, ledger, page, plan.overrides)


def write_page(name: str, study: Study, ledger: Ledger, page: Path, overrides: Sequence[str] = ()) -> str:
    """Write the page and the picture of the rows that a ledger has in full.

    Args:
        name: Name of the study.
        study: The study.
        ledger: Its trainings.
        page: File of the page.
        overrides: Those of every training, for the command.

    Returns:
        The page.
    """
    groups = {
        target: [found for one in rows if (found := _kept(one, ledger, study.budget, study.seeds)) is not None]
        for target, rows in study.contenders.items()
    }
    outcomes = [outcome for rows in groups.values() for outcome in rows]
    done = [outcome.contender.name for outcome in outcomes]
    waiting = [one.name for rows in study.contenders.values() for one in rows if one.name not in done]
    command = " ".join(("python scripts/reproduce.py", name, *overrides, f"--markdown docs/results/{name}.md"))
    text = render(groups, study.title, command, study.budget, waiting)
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
    own = {word.partition("=")[0] for rows in study.contenders.values() for one in rows for word in one.overrides}
    for override in plan.overrides:
        if override.partition("=")[0] in own:
            raise Refused(f"{override}: rows of this study set this key themselves; accepted: any other override")
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
