"""Let the rules of a choice see the other sections of a run.

The rules of a choice (``check``) take a configuration by its sections. No choice depends on how configurations are
made, and a choice from outside the package sees as much as a built-in one.
"""

from __future__ import annotations

from typing import Any, Protocol


class Named(Protocol):
    """Name a section that is one choice of a group."""

    @property
    def name(self) -> str:
        """The choice."""


class MethodSection(Named, Protocol):
    """Describe the section ``method``."""

    @property
    def copies(self) -> int:
        """Rows of theta of a member on its path."""

    @property
    def has_own_parameters(self) -> bool:
        """Whether it trains parameters besides those of the target network."""

    @property
    def has_own_terms(self) -> bool:
        """Whether a step does more than minimise the loss at t."""


class OptimizerSection(Named, Protocol):
    """Describe the section ``optimizer``."""

    @property
    def lr(self) -> float:
        """The base learning rate."""

    def model_dump(self) -> dict[str, Any]:
        """Return the hyper-parameters by name."""


class TrainingSection(Protocol):
    """Describe the section ``training``."""

    @property
    def epochs(self) -> int:
        """Passes over the training split."""

    @property
    def clip_norm(self) -> float | None:
        """Largest norm of a member's gradient; None for any."""


class RunSections(Protocol):
    """Describe a configuration by its sections; :class:`homotopy_bench.config.schema.Config` is one."""

    @property
    def method(self) -> MethodSection:
        """What t does."""

    @property
    def continuation(self) -> Named:
        """How t moves."""

    @property
    def optimizer(self) -> OptimizerSection:
        """The update."""

    @property
    def lr_schedule(self) -> Named:
        """How the learning rate moves."""

    @property
    def training(self) -> TrainingSection:
        """The loop."""
