"""The method of an ensemble: one deformation of all its networks, in which members have numbers of their own.

The first member whose method deforms says how the networks are deformed. Members whose method deforms nothing have the
same deformation at t = 1 throughout, where it is the target network exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.methods.base import Method
from homotopy_bench.methods.regularizer import InitialState, Regularizer


class EnsembleMethod:
    """The methods of M members, of one program.

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
        self._methods = list(methods)
        self._lead = next((one for one in methods if one.deforms), methods[0])
        shapes = [one.path_shape if one.deforms else self._lead.path_shape for one in methods]
        self._others = {
            methods[shapes.index(shape)]: torch.tensor([one == shape for one in shapes], device=device)
            for shape in dict.fromkeys(shapes)
            if shape != self._lead.path_shape
        }

    @property
    def copies(self) -> int:
        """Number of rows of a member on its path."""
        return self._lead.copies

    @property
    def batch_per_copy(self) -> bool:
        """Whether every copy has batches of its own."""
        return self._lead.batch_per_copy

    def deform(self, network: nn.Module) -> None:
        """Deform a target network in place.

        Args:
            network: A target network just built.

        Raises:
            InputError: If it cannot be deformed.
        """
        self._lead.deform(network)

    def set_coefficients(self, ensemble: Ensemble, rows: Rows, t: Float[Tensor, " M"]) -> None:
        """Put the networks at the members' path parameters.

        Args:
            ensemble: The networks.
            rows: Which rows belong to which member.
            t: Path parameters of the members, shape (M,).
        """
        values = self.coefficients(t, ensemble.network)
        if self.copies > 1:
            values = {name: value[rows.owners] for name, value in values.items()}
        ensemble.assign(values)

    def coefficients(self, t: Float[Tensor, " M"], network: nn.Module) -> dict[str, Float[Tensor, " M"]]:
        """Return the values of the deformation's buffers.

        Args:
            t: Path parameters of the members, shape (M,).
            network: The deformed network.

        Returns:
            Name of a buffer of the network -> values of shape (M,).
        """
        values = self._lead.coefficients(t, network)
        for method, own in self._others.items():
            theirs = method.coefficients(t, network)
            values = {name: theirs[name].where(own, value) for name, value in values.items()}
        return values

    def regularizer(
        self, ensemble: Ensemble, rows: Rows, seeds: Sequence[int], build: Callable[[int, int], nn.Module]
    ) -> Regularizer | None:
        """Return what the methods add to the members' objectives; see :meth:`Method.regularizer`.

        Args:
            ensemble: The rows with their initial values, which this may change.
            rows: Which rows belong to which member.
            seeds: The members' seeds.
            build: Builds the network of a member with the initial values of a seed.

        Returns:
            The addition; None for none.
        """
        return self._lead.regularizer(InitialState(self._methods, ensemble, rows, seeds, build))
