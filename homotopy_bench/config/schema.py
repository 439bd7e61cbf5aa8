"""Define the typed configuration: names, types, ranges and combinations, checked before torch is loaded.

Hydra composes a nested mapping from ``conf/`` and the command line; :func:`validate` turns it into a :class:`Config`
or raises an :class:`~homotopy_bench.core.errors.InputError` that names the key, the value and what is accepted.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from homotopy_bench.config.program import Program
from homotopy_bench.continuation.base import Continuation
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.folders import obstacle
from homotopy_bench.core.included.modules import key_of, register, trees_of
from homotopy_bench.core.included.tree import Tree
from homotopy_bench.core.options import PER_MEMBER, Options
from homotopy_bench.data.base import Dataset
from homotopy_bench.hardware.base import Hardware
from homotopy_bench.loggers.base import Loggers
from homotopy_bench.methods.base import Method
from homotopy_bench.models.base import Model
from homotopy_bench.observation.base import Landscape
from homotopy_bench.optim.base import Optimizer
from homotopy_bench.optim.lr_schedules.base import LRSchedule

INCLUDED = "included"
"""Key of a program that names the text of an included choice."""


class Training(Options):
    """Train for ``epochs`` passes in batches of ``batch_size``, and clip the gradient of a member to ``clip_norm``.

    ``l1`` sum |w| + ``l2`` sum w^2 over the weights w (not the biases) is added to the objective, and the share
    ``label_smoothing`` of every label is spread over all classes; evaluations do without. ``eval_every`` and
    ``checkpoint_every`` are in epochs; the last epoch is always evaluated.

    ``snapshots`` are whole numbers of epochs (0 is before the first step) and values of t with a decimal point, each
    kept at the end of the first epoch whose t has reached it. ``data_order`` is the seed of the order of the data where
    that is not the run's own.

    ``weight_average`` is the decay of an exponential moving average of the parameters, which evaluations and the
    trained network then have (:mod:`homotopy_bench.training.averaging`); 0 for none.
    """

    newer: ClassVar[Mapping[str, Any]] = {"weight_average": 0.0, "data_order": None}

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    clip_norm: Annotated[Annotated[float, Field(gt=0.0)] | None, PER_MEMBER]
    l1: Annotated[float, Field(ge=0.0), PER_MEMBER] = 0.0
    l2: Annotated[float, Field(ge=0.0), PER_MEMBER] = 0.0
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.0
    eval_every: Annotated[int, Field(ge=1)]
    checkpoint_every: Annotated[int, Field(ge=1)]
    snapshots: Annotated[list[Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0.0, le=1.0)]], PER_MEMBER] = (
        Field(default_factory=list)
    )
    weight_average: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.0
    data_order: Annotated[Annotated[int, Field(ge=0)] | None, PER_MEMBER] = None


class Paths(Options):
    """Folders: ``data`` holds the data sets (null: the user's cache folder), ``outputs`` the records."""

    data: Annotated[str, Field(min_length=1)] | None
    outputs: Annotated[str, Field(min_length=1)]

    def data_root(self) -> Path:
        """Return the data folder.

        Raises:
            InputError: If something else is in its place, or it lies in the home of a user that there is not.
        """
        if self.data is not None:
            try:
                root = Path(self.data).expanduser()
                wrong = obstacle(root)
            except RuntimeError as error:
                wrong = str(error)
            if wrong is not None:
                accepted = f"{wrong}; accepted: a folder, or the name of one that is made"
                raise InputError("paths.data", self.data, accepted)
            return root
        import platformdirs

        return Path(platformdirs.user_cache_dir("homotopy-bench"))


@dataclass(frozen=True)
class Config:
    """Describe one run completely.

    ``include`` has the keys of the trees that its choices come from; it is empty where all are built-in.
    """

    seed: int
    dataset: Dataset
    model: Model
    method: Method
    continuation: Continuation
    optimizer: Optimizer
    lr_schedule: LRSchedule
    training: Training
    hardware: Hardware
    logger: Loggers
    landscape: Landscape
    paths: Paths
    include: tuple[str, ...] = ()

    def on_this_machine(self) -> Config:
        """Return the configuration with the hardware that it has on this machine."""
        return replace(self, hardware=self.hardware.on_this_machine())

    @property
    def order_seed(self) -> int:
        """The seed of the order of the data."""
        return self.seed if self.training.data_order is None else self.training.data_order

    def to_dict(self) -> dict[str, Any]:
        """Return the nested mapping that :func:`validate` turns into an equal configuration."""
        sections = {field.name: getattr(self, field.name) for field in fields(self)}
        include = list(sections.pop("include"))
        content = {
            name: section.model_dump(mode="json") if isinstance(section, Options) else section
            for name, section in sections.items()
        }
        return {**content, "include": include} if include else content

    def choices_from(self, key: str) -> list[str]:
        """Return the choices that come from an included tree, each as GROUP=NAME."""
        sections = [(field.name, getattr(self, field.name)) for field in fields(self) if field.name != "logger"]
        sections += [("logger", one) for one in self.logger.chosen]
        return [f"{group}={one.name}" for group, one in sections if key_of(type(one)) == key]

    def hash(self) -> str:
        """Return 12 hexadecimal digits that name everything a result depends on; folders do not count.

        Keys that are newer than the first records count where they are set, so that those keep their hashes.
        """
        content = {key: value for key, value in self.to_dict().items() if key not in ("paths", "logger", "landscape")}
        for group, values in content.items():
            newer = getattr(getattr(self, group), "newer", {})
            if newer:
                content[group] = {key: value for key, value in values.items() if (key, value) not in newer.items()}
        if "sha256" in content["dataset"]:  # of a file the content counts
            content["dataset"] = {key: value for key, value in content["dataset"].items() if key != "file"}
        content["training"] = {key: value for key, value in content["training"].items() if key != "snapshots"}
        hardware = dict(content["hardware"])
        for key in ("deterministic", "channels_last"):
            if not hardware.get(key):
                hardware.pop(key, None)
        # In how many processes a run trains changes the last digits alone, as a run may be continued in another number.
        hardware.pop("devices", None)
        content["hardware"] = hardware
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def program(self) -> Program:
        """Return what this run must agree in with others to train as one ensemble with them.

        Configurations of equal programs can; those without a path (``method=baseline``) join others too
        (:mod:`homotopy_bench.config.program`). A key in which members may differ is declared where it is defined, by
        :data:`~homotopy_bench.core.options.PER_MEMBER`. Seed, folders and loggers may always differ.

        Example:
            >>> from homotopy_bench import compose
            >>> one, other = compose("seed=1", "optimizer.lr=0.1"), compose("seed=2", "continuation=cosine")
            >>> one.program() == other.program(), one.program() == compose("model.width=8").program()
            (True, False)
        """
        groups = ("dataset", "model", "optimizer", "lr_schedule", "continuation", "training", "hardware")
        shared = [pair for group in groups for pair in _program(group, getattr(self, group))]
        method = tuple(_program("method", self.method))
        if self.method.has_own_parameters:
            shared += method
        return Program(tuple(shared), method if self.method.deforms else None)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Return how a copy is made in another process: the included text comes first, and the classes from it."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        if not self.include:
            return _made, ((), state)
        return _made, (trees_of(self.include), pickle.dumps(state))


def _program(group: str, section: Options) -> list[tuple[str, Hashable]]:
    """Return the keys of a section in which members of an ensemble agree; an included choice is one of its text."""
    keys: list[tuple[str, Hashable]] = [(f"{group}.{key}", value) for key, value in section.program()]
    tree = key_of(type(section))
    return keys if tree is None else [*keys, (f"{group}.{INCLUDED}", tree)]


def _made(trees: Iterable[Tree], state: Mapping[str, Any] | bytes) -> Config:
    register(trees)
    return Config(**(pickle.loads(state) if isinstance(state, bytes) else state))
