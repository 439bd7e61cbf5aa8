"""Read what of the configuration of runs makes a variant."""

from __future__ import annotations

from collections.abc import Sequence

from homotopy_bench.report.replays import REPLAYED
from homotopy_bench.report.runs import Run
from homotopy_bench.report.variants import flatten, is_ignored


def settings_of(runs: Sequence[Run]) -> dict[str, dict[str, str]]:
    """Return folder -> dotted key -> JSON text, without keys that make no variant of their own, and folders."""
    return {
        str(run.path): {
            key: text for key, text in flatten(run.config).items() if not is_ignored(key) and key != REPLAYED
        }
        for run in runs
    }
