"""Deform all networks of an ensemble by one deformation, in which members have numbers of their own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.base import Method


class EnsembleMethod:
    """Set the coefficients of M members of one program.

    Members whose method deforms nothing have the deformation of the others at t = 1 throughout, where it is the target
    network exactly.

    Attributes:
        lead: The first method that deforms, or the first that does so layer by layer, which says how all networks are
            deformed.

    Args:
        methods: The members' own.
        device: Where the networks live.

    Example:
        >>> from homotopy_bench.methods.baseline import Baseline
        >>> from homotopy_bench.methods.identity_homotopy import IdentityHomotopy
        >>> members = [IdentityHomotopy(path="linear"), Baseline(), IdentityHomotopy(path="circular")]
        >>> method = EnsembleMethod(members, torch.device("cpu"))
        >>> network = nn.Identity()  # what has no layer to deform has the coefficients of a single layer
        >>> method.coefficients(torch.tensor([0.25, 1.0, 0.25]), network)["homotopy.c"].tolist()
        [0.25, 1.0, 1.0]
    """

    def __init__(self, methods: Sequence[Method], device: torch.device) -> None:
        self.lead = max(methods, key=lambda one: (one.deforms, one.deforms and one.layerwise))
        shapes = [one.path_shape if one.deforms else self.lead.path_shape for one in methods]
        self._others = [
            (methods[shapes.index(shape)], torch.tensor([one == shape for one in shapes], device=device))
            for shape in dict.fromkeys(shapes)
            if shape != self.lead.path_shape
        ]

    def set_coefficients(self, ensemble: Ensemble, rows: Rows, t: Float[Tensor, " M"]) -> None:
        """Set the coefficients of the networks for the members' path parameters t, shape (M,)."""
        values = self.coefficients(t, ensemble.network)
        if self.lead.copies > 1:
            # Not by a list of indices, which would have to be copied to the device at every step.
            values = {name: torch.stack([value[owner] for owner in rows.owners]) for name, value in values.items()}
        ensemble.assign(values)

    def coefficients(self, t: Float[Tensor, " M"], network: nn.Module) -> dict[str, Float[Tensor, M * layers]]:
        """Return the values of the deformation's buffers.

        Args:
            t: Path parameters of the members, shape (M,).
            network: The deformed network.

        Returns:
            Name of a buffer of the network -> values of shape (M,), or (M, D) where D layers have their own.
        """
        values = self.lead.coefficients(t, network)
        for method, own in self._others:
            theirs = method.coefficients(t, network)
            values = {
                name: _like(theirs[name], value).where(_like(own, value), value) for name, value in values.items()
            }
        return values


def _like(values: Tensor, other: Tensor) -> Tensor:
    """Return values (M,), or (M, D), so that they broadcast with other ones."""
    return values.unsqueeze(1) if values.dim() < other.dim() else values
