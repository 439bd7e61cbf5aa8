"""Name a run in one line."""

from __future__ import annotations


def run_title(method: str, dataset: str, model: str, seed: int, *, published: bool) -> str:
    """Return what is trained on which files.

    Example:
        >>> run_title("hta", "mnist", "mlp", 3, published=False)
        'hta on mnist (not the published files), model mlp, seed 3'
    """
    files = "" if published else " (not the published files)"
    return f"{method} on {dataset}{files}, model {model}, seed {seed}"
