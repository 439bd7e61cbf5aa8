"""Keep the cost ledger of a run, in units that compare across methods and machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Cost:
    """Sum the cost of a member so far.

    Attributes:
        train_seconds: Wall-clock seconds of training steps; of members that train together an equal share each.
        eval_seconds: The same of evaluations.
        gradient_evaluations: Gradients of mini-batches.
        hvp_evaluations: Hessian-vector products of mini-batches.
        joules: Energy of the device during the training steps, shared likewise; in a record only where it can be read.
        landscape_seconds: Wall-clock seconds of measurements of the landscape, shared likewise; in a record only where
            there were any.
        peak_memory_mb: Largest memory of the process (or device memory of its tensors) so far, 10^6 bytes.
        samples: Training samples seen, whichever passes a step took over them.
        progress: Share of the training that is done, in [0, 1].
    """

    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    gradient_evaluations: int = 0
    hvp_evaluations: int = 0
    peak_memory_mb: float = 0.0
    landscape_seconds: float = 0.0
    joules: float | None = None
    samples: int = 0
    progress: float = 0.0

    @property
    def forward_equivalents(self) -> float:
        """Count forward passes of one mini-batch: 3 per gradient, 6 per Hessian-vector product.

        A gradient is one forward pass and a backward pass of twice its work (two products per weight matrix). A
        Hessian-vector product by double backward over a retained graph takes six products per weight matrix, twice a
        gradient's three (measured 2.0 gradients for 32 layers of 64).

        Example:
            >>> Cost(gradient_evaluations=100).forward_equivalents
            300.0
        """
        return 3.0 * self.gradient_evaluations + 6.0 * self.hvp_evaluations

    def to_dict(self) -> dict[str, float]:
        """Return the ledger as it stands in a record, with the speed so far.

        ``samples_per_second`` and ``members_per_second`` are those of all members that train together: their equal
        shares of the time are what is divided by. The second counts whole trainings.

        Example:
            >>> cost = Cost(train_seconds=2.0, samples=500, progress=0.5).to_dict()
            >>> cost["samples_per_second"], cost["members_per_second"]
            (250.0, 0.25)
        """
        ledger = {**asdict(self), "forward_equivalents": self.forward_equivalents}
        samples, progress = ledger.pop("samples"), ledger.pop("progress")
        if self.train_seconds and samples:
            ledger["samples_per_second"] = samples / self.train_seconds
            ledger["members_per_second"] = progress / self.train_seconds
        if not self.landscape_seconds:
            del ledger["landscape_seconds"]
        if self.joules is None:
            del ledger["joules"]
        return ledger
