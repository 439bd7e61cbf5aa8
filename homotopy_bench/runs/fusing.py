"""Define and check the options of training runs together."""

from __future__ import annotations

from dataclasses import dataclass

from homotopy_bench.core.errors import InputError
from homotopy_bench.hardware.processors import check_count


@dataclass(frozen=True)
class Fusing:
    """Options of training runs together.

    Attributes:
        max_members: Largest number of members of one ensemble; None for what fits into the memory.
        probe: Whether a measurement decides if a group gains from training together; otherwise it always does.
        threads: Host threads of an ensemble; None for ``hardware.threads``, or all that this process may use where a
            measurement finds that faster. A run that trains alone has ``hardware.threads``.
    """

    max_members: int | None = None
    probe: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check the types, for the options may come from a command line.

        Raises:
            InputError: If a number is not an integer >= 1, threads are too many for this machine, or ``probe`` is
                neither true nor false.
        """
        for name in ("max_members", "threads"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise InputError(f"hydra.launcher.{name}", value, "accepted: an integer >= 1 or null")
        if self.threads is not None:
            check_count("hydra.launcher.threads", self.threads)
        if not isinstance(self.probe, bool):
            raise InputError("hydra.launcher.probe", self.probe, "accepted: true or false")
