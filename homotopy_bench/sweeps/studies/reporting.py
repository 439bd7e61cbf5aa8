"""Report a trial's evaluations to its study while it trains, and decide whether to prune it.

The training loop calls :meth:`Reporter.report` with each line of ``metrics.jsonl`` but the last one, and ends the run
with the status ``pruned`` where that returns True. While a storage does not answer, nothing is pruned.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

from optuna import load_study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState
from sqlalchemy.pool import NullPool

from homotopy_bench.sweeps.studies.options import StudyOptions
from homotopy_bench.sweeps.studies.outcome import result_of
from homotopy_bench.sweeps.studies.peers import behind_peers
from homotopy_bench.sweeps.studies.pruners import first_epoch, pruner
from homotopy_bench.sweeps.studies.storage import GONE, open_storage


class Reporter:
    """Reports one trial, whose number is in the options, to its study.

    Raises:
        InputError: If the storage cannot be opened.
    """

    def __init__(self, options: StudyOptions, folder: Path, epochs: int) -> None:
        assert options.trial is not None
        assert options.study is not None
        # As many reporters as trials of a batch would keep as many connections, and servers have about a hundred.
        storage = open_storage(options.storage, options.study, folder, options.patience, connections=NullPool)
        self._storage = storage.optuna
        with warnings.catch_warnings(action="ignore"):
            self._study = load_study(study_name=options.study, storage=self._storage, pruner=pruner(options, epochs))
        study_id = self._storage.get_study_id_from_name(options.study)
        self._trial = self._storage.get_trial_id_from_study_id_trial_number(study_id, options.trial)
        self._first_on_path = first_epoch(epochs) if options.prune_on_path else epochs

    def report(self, line: Mapping[str, Any], samples: int) -> bool:
        """Return whether to prune a trial after an evaluation.

        At t = 1 the accuracy goes to the study, and its pruner decides. Before, nothing is reported, and
        :func:`~homotopy_bench.sweeps.studies.peers.behind_peers` decides.

        Args:
            line: ``epoch``, ``t``, ``val_acc_target`` and ``val_acc_path`` of the evaluation.
            samples: The validation samples of these accuracies.
        """
        try:
            return self._at_target(line) if line["t"] == 1.0 else self._at_path(line, samples)
        except UpdateFinishedTrialError:  # another worker has taken this one for dead, and ended the trial
            return True
        except GONE:
            return False

    def _at_target(self, line: Mapping[str, Any]) -> bool:
        self._storage.set_trial_intermediate_value(self._trial, line["epoch"], line["val_acc_target"])
        trial = copy(self._storage.get_trial(self._trial))
        # A worker that died may have come further with this trial; what was before its checkpoint counts.
        known = trial.intermediate_values.items()
        trial.intermediate_values = {epoch: value for epoch, value in known if epoch <= line["epoch"]}
        # Optuna keeps an answer for the length of one of its own optimisation loops, which this is not.
        return self._study.pruner.prune(self._study, trial)

    def _at_path(self, line: Mapping[str, Any], samples: int) -> bool:
        if line["epoch"] < self._first_on_path:
            return False
        ended = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        paths = [result_of(one)["path"] for one in ended]
        return behind_peers(line["epoch"], line["t"], line["val_acc_path"], samples, paths)
