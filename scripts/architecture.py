"""Draw docs/architecture.svg: the rooms in their layers, and which of them imports which.

    python scripts/architecture.py [FILE]

The layers are those of the import contract in pyproject.toml, the arrows those of the code. An arrow that follows from
others is left out: where cli imports sweeps and sweeps imports runs, no arrow leads from cli to runs.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "architecture.svg"
PACKAGE = "homotopy_bench"

DUTIES = {
    "cli": "command lines",
    "testing": "checks of own choices",
    "sweeps": "many jobs, Optuna",
    "results": "runs as data",
    "precision": "bits of parameters",
    "analysis": "landscape of runs",
    "landscape": "around a minimum",
    "report": "tables of runs",
    "runs": "configuration to record",
    "training": "the training loop",
    "tracking": "record, display",
    "config": "schema, validation",
    "methods": "what t does",
    "curvature": "second derivatives",
    "ensemble": "theta (M, P)",
    "distributed": "several processes",
    "models": "architectures",
    "data": "data sets",
    "optim": "optimisers, rates",
    "continuation": "t(u)",
    "hardware": "devices",
    "loggers": "W&B and others",
    "observation": "when to measure",
    "functions": "known minima",
    "core": "options, errors, files",
}
"""What stands below the name of a room."""

COLUMNS = {
    "cli": 4.5,
    "testing": 1.0,
    "sweeps": 0.4,
    "results": 4.1,
    "analysis": 1.8,
    "landscape": 0.9,
    "precision": 2.85,
    "report": 4.0,
    "runs": 1.3,
    "training": 2.0,
    "tracking": 4.0,
    "config": 3.0,
    "curvature": 1.8,
    "methods": 4.8,
    "ensemble": 0.5,
    "distributed": 0.5,
    "core": 3.0,
}
"""Where a room stands in its layer, so that arrows pass beside the others; rooms not named here stand side by side."""

BOX_WIDTH, BOX_HEIGHT, GAP, ROW, MARGIN = 140, 44, 14, 84, 12

STYLE = """
    rect { fill: #eef3fa; stroke: #4a6fa5; stroke-width: 1.2 }
    path { fill: none; stroke: #7a8699; stroke-width: 1.2 }
    .head { fill: #7a8699; stroke: none }
    text { font-family: sans-serif; text-anchor: middle; fill: #1b2433 }
    .name { font-size: 14px; font-weight: bold }
    .duty { font-size: 11px }
    @media (prefers-color-scheme: dark) {
      rect { fill: #22304a; stroke: #8fb0e0 }
      path { stroke: #93a0b5 }
      .head { fill: #93a0b5 }
      text { fill: #e8eef8 }
    }"""


def layers() -> list[list[str]]:
    """Return the existing rooms of every layer of the import contract, the uppermost first."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rooms,) = (contract["layers"] for contract in contracts if contract["id"] == "rooms")
    named = [[name.strip(" ()") for name in layer.replace(":", "|").split("|")] for layer in rooms]
    return [[name for name in layer if (ROOT / PACKAGE / name / "__init__.py").exists()] for layer in named]


def imports_between_rooms() -> dict[str, set[str]]:
    """Return for every room the rooms that its files import."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    rooms = {module: module.split(".")[1] for module in graph.modules if "." in module}
    found: dict[str, set[str]] = {room: set() for room in sorted(set(rooms.values()) - {"__main__"})}
    for module, room in rooms.items():
        if room in found:
            found[room] |= {rooms[other] for other in graph.find_modules_directly_imported_by(module)} - {room}
    return found


def without_implied(imports: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return the transitive reduction of a graph without circles.

    Example:
        >>> without_implied({"a": {"b", "c"}, "b": {"c"}, "c": set()})
        {'a': ['b'], 'b': ['c'], 'c': []}
    """

    def below(room: str) -> set[str]:
        return imports[room].union(*(below(other) for other in imports[room]))

    return {room: sorted(own.difference(*(below(other) for other in own))) for room, own in imports.items()}


def draw() -> str:
    """Return the picture."""
    rows = layers()
    imports = imports_between_rooms()
    arrows = without_implied(imports)
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP) - GAP + 2 * MARGIN
    height = len(rows) * ROW - (ROW - BOX_HEIGHT) + 2 * MARGIN
    places: dict[str, tuple[float, int]] = {}  # centre of the upper edge
    for number, row in enumerate(rows):
        for column, room in enumerate(row):
            x = MARGIN + BOX_WIDTH / 2 + COLUMNS.get(room, column) * (BOX_WIDTH + GAP)
            places[room] = (x, MARGIN + number * ROW)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        "  <title>Rooms of homotopy-bench, and which of them imports which</title>",
        f"  <style>{STYLE}\n  </style>",
        '  <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '    <path class="head" d="M0,0.5 L8,4 L0,7.5 z"/>',
        "  </marker>",
    ]
    for room, others in arrows.items():
        x, y = places[room]
        for other in others:
            end, below = places[other]
            # Ends lean towards each other, so that arrows of one box do not meet in one point.
            lean = max(-0.4, min(0.4, (end - x) / width)) * BOX_WIDTH
            start, end, top, bottom = x + lean, end - lean, y + BOX_HEIGHT, below - 1
            bend = (bottom - top) / 2
            curve = f"M{start:g},{top} C{start:g},{top + bend:g} {end:g},{bottom - bend:g} {end:g},{bottom}"
            parts.append(f'  <path d="{curve}" marker-end="url(#head)"/>')
    for room, (x, y) in places.items():
        parts += [
            f"  <g><title>{room} imports {', '.join(sorted(imports[room])) or 'no other room'}</title>",
            f'    <rect x="{x - BOX_WIDTH / 2:g}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>',
            f'    <text class="name" x="{x:g}" y="{y + 19}">{room}</text>',
            f'    <text class="duty" x="{x:g}" y="{y + 35}">{escape(DUTIES[room])}</text>',
            "  </g>",
        ]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE).write_text(draw(), encoding="utf-8")
