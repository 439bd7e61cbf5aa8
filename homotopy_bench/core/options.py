"""Define the base of every typed option class, and the rooms they live in.

A group of ``conf/`` has a room: a package with one file per choice. The file ``NAME.py`` of a room defines one
subclass of :class:`Options` whose field ``name`` is ``NAME``. That class states the types and ranges of the choice
and carries what the choice does. A room's file imports torch inside functions only, so that a configuration is
checked in a fraction of a second, before torch is loaded.

Members trained together as one ensemble may differ in what can be a tensor with an entry per member. Whether they may
differ in a key is part of its declaration, as :data:`PER_MEMBER` among the annotations of its type; a choice that is a
table of numbers altogether says :attr:`Options.precomputed`. All other keys belong to the program: there they agree.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

ROOMS: dict[str, str] = {
    "dataset": "homotopy_bench.data",
    "model": "homotopy_bench.models",
    "method": "homotopy_bench.methods",
    "continuation": "homotopy_bench.continuation",
    "optimizer": "homotopy_bench.optim",
    "lr_schedule": "homotopy_bench.optim.lr_schedules",
    "hardware": "homotopy_bench.hardware",
    "logger": "homotopy_bench.loggers",
    "landscape": "homotopy_bench.observation",
}
"""Where the choices of each group of ``conf/`` live."""


@dataclass(frozen=True)
class PerMember:
    """Marks a key in which members of one ensemble may differ."""


PER_MEMBER = PerMember()
"""The mark, as in ``lr: Annotated[float, Field(gt=0.0), PER_MEMBER]``."""


class Options(BaseModel):
    """Typed, frozen options of one choice; unknown keys, wrong types and non-finite numbers are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    parts: ClassVar[Mapping[str, str]] = {}
    """Field that is itself a choice of a group -> that group."""

    newer: ClassVar[Mapping[str, Any]] = {}
    """Key that is newer than the first records of this choice -> the value that those have without it.

    A configuration with that value has the hash of those records.
    """

    precomputed: ClassVar[bool] = False
    """Whether training only ever sees a table of numbers: then members may differ in the choice and all its keys."""

    @classmethod
    def per_member(cls) -> frozenset[str]:
        """Return the fields in which members of one ensemble may differ."""
        fields = cls.model_fields
        return frozenset(name for name in fields if cls.precomputed or PER_MEMBER in fields[name].metadata)

    def program(self) -> tuple[tuple[str, Any], ...]:
        """Return the fields in which members of one ensemble agree, with their values; hashable.

        Example:
            >>> from typing import Annotated
            >>> class Example(Options):
            ...     name: str = "example"
            ...     widths: list[int] = [8, 4]
            ...     rate: Annotated[float, PER_MEMBER] = 0.1
            >>> Example(rate=0.2).program()
            (('name', 'example'), ('widths', (8, 4)))
        """
        own = self.per_member()
        return tuple((name, _hashable(getattr(self, name))) for name in type(self).model_fields if name not in own)


def _hashable(value: Any) -> Any:
    """Return a value with tuples in the place of lists, and of mappings."""
    if isinstance(value, Mapping):
        return tuple((key, _hashable(one)) for key, one in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


def option_class(group: str, name: str) -> type[Options]:
    """Return the option class of one choice of a group.

    Args:
        group: A key of :data:`ROOMS`.
        name: The choice; also the name of its file.

    Returns:
        The class whose field ``name`` is ``name``.

    Raises:
        KeyError: If the room has no such file, or the file no such class.

    Example:
        >>> option_class("continuation", "linear").__name__
        'Linear'
    """
    module_name = f"{ROOMS[group]}.{name}"
    if not name.isidentifier() or importlib.util.find_spec(module_name) is None:
        raise KeyError(name)
    module = importlib.import_module(module_name)
    for candidate in vars(module).values():
        if isinstance(candidate, type) and issubclass(candidate, Options) and name_of(candidate) == name:
            return candidate
    raise KeyError(name)


def name_of(candidate: type[Options]) -> Any:
    """Return the default of the field ``name`` of a class; None without one."""
    field = candidate.model_fields.get("name")
    return field.default if field else None
