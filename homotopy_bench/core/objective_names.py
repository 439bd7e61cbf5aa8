"""Name what can be learnt from samples: data have one objective, and a model says which it can learn."""

from __future__ import annotations

from typing import Literal

ObjectiveName = Literal["classification", "next_token"]
"""A class of each sample, or at every place of a sequence the token after it."""
