"""Say in the setting that a study leaves with how many trials it was chosen, and read that where a run was told it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.files import DamagedFile, read_text

LARGEST = 2**18
"""Most bytes of a setting."""


@dataclass(frozen=True)
class TuningBudget:
    """Count the trials of the study that chose a setting.

    Attributes:
        trials: Trials that had ended, whatever their status, when the setting was written.
        of: ``n_trials`` of the study.
    """

    trials: int
    of: int

    def __str__(self) -> str:
        """Return it in the words that :func:`budget_of` finds in a setting.

        Example:
            >>> str(TuningBudget(40, 64))
            'tuned with 40 of 64 trials'
        """
        return f"tuned with {self.trials} of {self.of} trials"


_SAID = re.compile(r"^# .*\btuned with (\d{1,9}) of (\d{1,9}) trials\b", re.MULTILINE)


def budget_of(overrides: Iterable[str]) -> TuningBudget | None:
    """Return the budget that a setting among overrides, ``experiment=FILE.yaml``, tells; None where none is found.

    Args:
        overrides: As a record has them, a file relative to the group ``experiment``.
    """
    for override in overrides:
        key, _, name = override.lstrip("+").partition("=")
        if key == "experiment" and name.endswith(".yaml"):
            try:
                said = _SAID.search(read_text(conf_dir() / "experiment" / name, LARGEST))
            except (OSError, ValueError, DamagedFile):  # moved, or whatever a foreign record names
                return None
            return TuningBudget(int(said[1]), int(said[2])) if said else None
    return None
