"""Figures as text for the terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from homotopy_bench.precision.figure import Figure, Missing
from homotopy_bench.precision.measurement import Measurement, Validation
from homotopy_bench.precision.ranges import RangeLoss
from homotopy_bench.tracking.record import finite

FORMULAS = {
    "published": "log2(kappa D^2/eps)",
    "relative": "log2(|H| D/(|g| eps))",
    "absolute": "0.5 log2(|H| D^2/(2 eps))",
    "absolute with slope": "|g| d + |H| d^2/2 = eps, d = D/2^p",
}


def to_text(measurement: Measurement, where: str, on: str, eps: float) -> str:
    """Return the figures for a reader.

    Args:
        measurement: The figures.
        where: The network, in words.
        on: The samples, in words.
        eps: The accuracy.

    Returns:
        The lines, the last with its end.
    """
    curvature = measurement.curvature
    error = "" if isinstance(curvature.error, Missing) else f" +- {curvature.error:.1g}"
    cost = "" if isinstance(curvature.value, Missing) else f" (Lanczos, {curvature.products} products)"
    warning = f"; {curvature.note}" if curvature.note else ""
    if not isinstance(curvature.value, Missing) and not curvature.converged:
        warning = "; not converged"
    figures = [
        ["parameters", f"{measurement.parameters}"],
        ["loss", _number(measurement.loss)],
        ["|g|", _number(measurement.gradient)],
        ["|H|", f"{_number(curvature.value)}{error}{cost}{warning}"],
        ["kappa = |H|/|g|^2", _number(measurement.kappa)],
        ["D = |theta|", f"{_number(measurement.distance)}; rounding to p bits moves theta by at most D/2^p"],
    ]
    parts = [f"{where}\n{on}\n\n{table(figures)}", _bounds(measurement, eps)]
    if measurement.validation is not None:
        parts.append(_casts(measurement.validation))
    parts += [_ranges(measurement.ranges), _recommended(measurement)]
    return "\n".join(parts)


def to_json(measurement: Measurement, where: str, on: str, eps: float) -> str:
    """Return all figures as JSON; a missing one is the reason why it is, what is not finite is null.

    Args:
        measurement: The figures.
        where: The network, in words.
        on: The samples, in words.
        eps: The accuracy.
    """
    content = {"network": where, "samples_of": on, "eps": eps, **asdict(measurement)}
    return json.dumps(finite(content), indent=2, allow_nan=False) + "\n"


def _bounds(measurement: Measurement, eps: float) -> str:
    """Return the bits, each bound beside the measured error that it is about, the published one beside both."""
    validation = measurement.validation
    lines = [["bits for eps = " + f"{eps:g}", "", "predicted"]]
    if validation is not None:
        lines[0] += ["gradient error <= eps", "loss error <= eps"]
    for name, value in measurement.bounds.items():
        line = [name, FORMULAS[name], value if isinstance(value, Missing) else f"{value:.1f}"]
        if validation is not None:
            undefined = measurement.gradient == 0.0
            of_gradient = Missing.ZERO_GRADIENT if undefined else _bits(validation.gradient_bits)
            of_loss = _bits(validation.loss_bits)
            line += ["" if name.startswith("absolute") else of_gradient, "" if name == "relative" else of_loss]
        lines.append(line)
    return table(lines)


def _casts(validation: Validation) -> str:
    lines = [["parameters cast to", "gradient error", "loss error"]]
    for name, error in validation.casts.items():
        lines.append([name, f"{error.gradient:.2g}", f"{error.loss:.2g}"])
    return table(lines)


def _ranges(ranges: Sequence[RangeLoss]) -> str:
    lines = [["range of", "values", "not zero", "overflow", "subnormal", "become zero"]]
    for loss in ranges:
        shares = [_share(share) for share in (loss.overflow, loss.subnormal, loss.zero)]
        lines.append([loss.format, loss.what, str(loss.values), *shares])
    return table(lines)


def _recommended(measurement: Measurement) -> str:
    lines = [("recommended by the bounds:", measurement.recommendation)]
    if measurement.validation is not None:
        lines.append(("recommended by the measurement:", measurement.validation.recommendation))
    return "".join(f"{title} {chosen.dtype or 'none'}\n  {chosen.reason}\n" for title, chosen in lines)


def _number(value: Figure) -> str:
    return str(value) if isinstance(value, Missing) else f"{value:.4g}"


def _bits(bits: int | None) -> str:
    return "more than 52" if bits is None else str(bits)


def _share(share: float) -> str:
    return "0" if share == 0.0 else f"{100.0 * share:.2g} %"


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a table with columns of equal width."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"  {row.rstrip()}\n" for row in rows)
