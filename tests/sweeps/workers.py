"""Three processes on one study without training, one of which is killed."""

from __future__ import annotations

import time
from pathlib import Path

from optuna.trial import TrialState
from sqlalchemy.pool import QueuePool

from tests.cli.forks import Fork
from tests.cli.runner import environment
from tests.sweeps.studies import MIXED, FormulaStudy

WORKER = """
import sys, time, optuna
from pathlib import Path
from sqlalchemy.pool import QueuePool
from tests.sweeps.studies import MIXED, FormulaStudy
optuna.logging.set_verbosity(optuna.logging.ERROR)
folder, storage, hangs = Path(sys.argv[1]), sys.argv[2] or None, sys.argv[3] == "hangs"
study = FormulaStudy(
    folder, MIXED, connections=QueuePool, storage=storage, n_trials=12, batch=1, sampler="random"
)
while True:
    claim = study.claim()
    if claim is not None:
        print(claim.number, flush=True)
        while hangs:
            time.sleep(1)
        study.settle(claim)
    elif any(trial.state == optuna.trial.TrialState.RUNNING for trial in study.ended()):
        time.sleep(0.1)
    else:
        break
"""


def check_that_a_killed_worker_is_replaced(folder: Path, storage: str | None) -> None:
    """Fail unless every trial ends, once, although the worker that holds one of them is killed.

    Args:
        folder: Folder of the study.
        storage: Where it is kept.
    """

    script = folder / "worker.py"
    script.write_text(WORKER)

    def start(how: str) -> Fork:
        return Fork(str(script), (str(folder), storage or "", how), Path(__file__).parents[2], environment())

    dies = start("hangs")
    while not (held := dies.output().strip()):
        assert dies.poll() is None
        time.sleep(0.01)
    others = [start("works"), start("works")]
    study = FormulaStudy(folder, MIXED, connections=QueuePool, storage=storage, n_trials=12)
    while len(study.ended()) < 4:  # in the middle of their work
        time.sleep(0.01)
    dies.kill()
    dies.communicate(timeout=60)
    printed = [worker.communicate(timeout=60)[0] for worker in others]
    ran = [int(number) for text in printed for number in text.split()]
    assert [worker.returncode for worker in others] == [0, 0]
    assert sorted(ran) == list(range(12))  # what was finished was run by the two that live, once
    trials = study.ended()
    study.trials.storage.close()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 12
    assert [trial.user_attrs["run"]["attempt"] for trial in trials] == [1 + (k == int(held)) for k in range(12)]
