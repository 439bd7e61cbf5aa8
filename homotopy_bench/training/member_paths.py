"""Tabulate every member's path parameter t at every step, on the host and on the device.

The tables are made before training, so that a step reads its t without waiting for the device. An adaptive path writes
its part of the tables while it trains (:mod:`homotopy_bench.training.path_following`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.hardware.transfer import sent


class MemberPaths:
    """Tabulate the path parameters of M members over S steps.

    Attributes:
        table: Path parameters, shape (S, M), on the host.

    Args:
        configs: The members' configurations.
        steps_per_epoch: Training steps of an epoch.
        device: Where the networks live.
        dtype: Their format.

    Example:
        >>> from homotopy_bench import compose
        >>> shared = ("training.epochs=4", "continuation.warmup_fraction=0.5")
        >>> configs = [compose(*shared, f"continuation={name}") for name in ("linear", "cosine")]
        >>> paths = MemberPaths(configs, 1, torch.device("cpu"), torch.float64)
        >>> [[round(t, 3) for t in paths.at(k)] for k in range(4)]
        [[0.0, 0.0], [0.5, 0.5], [1.0, 1.0], [1.0, 1.0]]
        >>> paths.moves_at(2), paths.moves_at(3)
        (True, False)
    """

    def __init__(
        self, configs: Sequence[Config], steps_per_epoch: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        total = configs[0].training.epochs * steps_per_epoch
        levels = [[epochs * steps_per_epoch for epochs in one.method.level_epochs()] for one in configs]
        members = zip(configs, levels, strict=True)
        columns = [one.continuation.table(total, one.seed, levels_of) for one, levels_of in members]
        self.table = np.stack(columns, axis=1)
        self._on_device = torch.as_tensor(self.table).to(device, dtype)
        self._must_be_at_target = self.table == 1.0
        self._moves = np.ones(total, dtype=bool)
        self._moves[1:] = (self.table[1:] != self.table[:-1]).any(axis=1)

    def at(self, k: int) -> list[float]:
        """Return the members' t at step k, on the host; after the last step that of the last."""
        values: list[float] = self.table[min(k, len(self.table) - 1)].tolist()
        return values

    def on_device(self, k: int) -> Float[Tensor, " M"]:
        """Return the members' t at step k, on the device."""
        return self._on_device[k]

    def moves_at(self, k: int) -> bool:
        """Return whether some member's t at step k differs from that of the step before."""
        return bool(self._moves[k])

    def set_from(self, k: int, member: int, t: float) -> None:
        """Set a member's t from step k on (from 0 if negative), until its path must have arrived at t = 1."""
        k = max(k, 0)
        rest = self.table[k:, member]
        rest[~self._must_be_at_target[k:, member]] = t
        self._on_device[k:, member] = sent(torch.as_tensor(rest).to(self._on_device.dtype), self._on_device.device)
        self._moves[k:] = True
