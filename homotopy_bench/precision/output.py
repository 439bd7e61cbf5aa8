"""Write figures as text for the terminal and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from homotopy_bench.core.inert import inert
from homotopy_bench.core.text_table import table
from homotopy_bench.precision.bounds import FORMULAS, Figure, Missing
from homotopy_bench.precision.measurement import Measurement
from homotopy_bench.precision.spectral_norm import SpectralNorm
from homotopy_bench.tracking.record import finite


def to_text(measurement: Measurement) -> str:
    """Return the figures for a reader, as lines of which the last has its end."""
    validation = measurement.validation
    figures = [
        ["parameters", f"{measurement.parameters}"],
        ["loss", _number(measurement.loss)],
        ["|g|", _number(measurement.gradient)],
        *_curvature(measurement.curvature),
        ["kappa = |H|/|g|^2", _number(measurement.kappa)],
        ["D = |theta|", f"{_number(measurement.distance)}; rounding to p bits moves theta by at most D/2^p"],
    ]
    ranges = [["range of", "values", "not zero", "overflow", "subnormal", "become zero"]]
    for loss in measurement.ranges:
        lost = [f"{100.0 * share:.2g} %" if share else "0" for share in (loss.overflow, loss.subnormal, loss.zero)]
        ranges.append([loss.format, loss.what, str(loss.values), *lost])
    recommended = [("bounds", measurement.recommendation)]
    parts = [f"{inert(measurement.network)}\n{measurement.samples_of}\n\n{table(figures)}", _bounds(measurement)]
    if validation is not None:
        casts = [[name, f"{error.gradient:.2g}", f"{error.loss:.2g}"] for name, error in validation.casts.items()]
        parts.append(table([["parameters cast to", "gradient error", "loss error"], *casts]))
        recommended.append(("measurement", validation.recommendation))
    chosen = (f"recommended by the {by}: {one.dtype or 'none'}\n  {one.reason}\n" for by, one in recommended)
    return "\n".join([*parts, table(ranges), "".join(chosen)])


def to_json(measurement: Measurement) -> str:
    """Return all figures as JSON; a missing one is the reason why it is, what is not finite is null."""
    return (
        json.dumps(finite({**asdict(measurement), "network": inert(measurement.network)}), indent=2, allow_nan=False)
        + "\n"
    )


def _curvature(norm: SpectralNorm) -> list[list[str]]:
    if isinstance(norm.value, Missing):
        return [["|H|", f"{norm.value}{'; ' if norm.note else ''}{norm.note}"]]
    cost = f"+- {norm.error:.1g} (Lanczos, {norm.products} products)"
    lines = [["|H|", f"{norm.value:.4g} {cost}{'' if norm.converged else '; not converged'}"]]
    if norm.kinks and not isinstance(norm.differences, Missing):
        ratio = norm.differences / norm.value if norm.value > 0.0 else math.inf
        percent = f"{100.0 * abs(ratio - 1.0):.2g} % {'more' if ratio > 1.0 else 'less'}"
        more = percent if ratio < 2.0 else f"{ratio:.3g} times as much"
        found = f"differences of gradients over {norm.step:g} give {norm.differences:.4g} ({more})"
        lines.append(["", f"{found}: the loss has kinks nearby"])
    return lines


def _bounds(measurement: Measurement) -> str:
    """Return the bits, each bound beside the measured error that it is about, the published one beside both."""
    validation = measurement.validation
    lines = [[f"bits for eps = {measurement.eps:g}", "", "predicted"]]
    for name, bits in measurement.bounds.items():
        lines.append([name, FORMULAS[name], bits if isinstance(bits, Missing) else f"{bits:.1f}"])
    if validation is not None:
        of_gradient, of_loss = (
            "more than 52" if bits is None else str(bits) for bits in (validation.gradient_bits, validation.loss_bits)
        )
        if measurement.gradient == 0.0:
            of_gradient = Missing.ZERO_GRADIENT
        lines[0] += ["gradient error <= eps", "loss error <= eps"]
        for line in lines[1:]:
            line += ["" if line[0].startswith("absolute") else of_gradient, "" if line[0] == "relative" else of_loss]
    return table(lines)


def _number(value: Figure) -> str:
    return str(value) if isinstance(value, Missing) else f"{value:.4g}"
