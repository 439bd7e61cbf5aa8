"""Let an error travel to another process."""

from __future__ import annotations

import pickle


def portable(error: Exception) -> Exception:
    """Return an error that another process can read: itself, or a RuntimeError that says the same.

    Example:
        >>> portable(KeyError("seed")), portable(ValueError(lambda: 0)).args[0][:20]
        (KeyError('seed'), 'ValueError: <functio')
    """
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its own code for pickling leads to
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
