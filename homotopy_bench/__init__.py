"""homotopy-bench: does training by homotopy beat a well-tuned baseline, on the target network, at equal cost?

Example:
    >>> from homotopy_bench import compose
    >>> config = compose("method=baseline", "model.depth=4", "training.epochs=2", "seed=3")
    >>> config.method.name, config.model.depth, config.seed
    ('baseline', 4, 3)

    ``train(config)`` then runs it and returns the summary and the trained target network; ``train_many`` runs many, as
    one program where they can be. ``read_runs`` and ``load_run`` read what they have left.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homotopy_bench.config.compose import compose
    from homotopy_bench.results.records import read_runs
    from homotopy_bench.results.trained import load_run
    from homotopy_bench.runs.many import train_many
    from homotopy_bench.runs.run import train

__all__ = ["__version__", "compose", "load_run", "read_runs", "train", "train_many"]
__version__ = "0.1.0"

_HOMES = {
    "train": "runs.run",
    "train_many": "runs.many",
    "compose": "config.compose",
    "read_runs": "results.records",
    "load_run": "results.trained",
}


def __getattr__(name: str) -> Any:
    """Return one of the functions, loaded on first use: importing the package does not import torch.

    Raises:
        AttributeError: For any other name.
    """
    if name in _HOMES:
        return getattr(import_module(f"homotopy_bench.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
