"""Draw what was measured of finished runs, into one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from homotopy_bench.analysis.finished import FinishedRun, grouped
from homotopy_bench.analysis.pairs import PairFigure
from homotopy_bench.analysis.survey import Figure, Say
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.masking import error_line
from homotopy_bench.core.pictures import rendered
from homotopy_bench.landscape.directions import filter_normalised, gaussian
from homotopy_bench.landscape.networks import Networks, Points
from homotopy_bench.landscape.pictures import heat_map, path_curves, spectral_density_curve, surface
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.landscape.slices import Slice, plane_along, plane_through, slice_of, spanned_grid
from homotopy_bench.landscape.trajectories import Trajectory, loss_errors, trajectory_plane
from homotopy_bench.runs.snapshots import kept_snapshots
from homotopy_bench.runs.target_network import checkpoint_of, trainer_of
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.record import SNAPSHOTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

SIDE = 31
"""Points along each side of a slice."""

SLICE_SAMPLES = 1000
"""Most samples of a slice."""

WAYS = {
    "barrier_loss": "straight",
    "reestimated_barrier_loss": "new statistics",
    "matched_barrier_loss": "matched",
    "repaired_barrier_loss": "matched and repaired",
    "bezier_barrier_loss": "Bezier curve",
}
"""Figures that have a curve in their tables, and what it is called."""


def draw(
    runs: Sequence[FinishedRun],
    figures: Sequence[Figure],
    pairs: Sequence[PairFigure],
    folder: Path,
    say: Say = lambda _: None,
) -> tuple[list[Path], list[str]]:
    """Return the pictures written, and a line for each that could not be drawn.

    Of every run a slice along two filter-normalised directions, as colours and as a surface, the density of its
    spectrum where that was measured, and its trajectory where it has snapshots; of three runs of a kind the plane
    through them; of pairs the losses between them.

    Args:
        runs: The runs.
        figures: What was measured of them.
        pairs: What was measured between them.
        folder: Where the pictures go; it is made if it is missing.
        say: Takes a line on what is being drawn.

    Raises:
        OSError: If a picture cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    problems: list[str] = []
    for name, picture in _pictures(runs, figures, pairs):
        say(f"draws {name}")
        try:
            content = rendered(picture())
        except Exception as error:  # one that cannot be drawn stops no other
            problems.append(f"{name}: not drawn ({error_line(error)})")
            continue
        write_atomically(folder / name, content)
        written.append(folder / name)
    return written, problems


def _pictures(
    runs: Sequence[FinishedRun], figures: Sequence[Figure], pairs: Sequence[PairFigure]
) -> Iterator[tuple[str, Callable[[], Picture]]]:
    names = _short_names(runs)
    for run in runs:
        own, title = names[run.folder], run_title(run)
        sliced = cache(partial(_random_slice, run))  # both pictures show one slice
        yield f"slice-{own}.png", partial(_slice_picture, heat_map, sliced, title)
        yield f"surface-{own}.png", partial(_slice_picture, surface, sliced, title)
        if len(kept_snapshots(run.folder / SNAPSHOTS)) > 1:
            yield f"trajectory-{own}.png", partial(_trajectory_picture, run)
    for figure in figures:
        if figure.name == "density" and figure.entry.get("tables"):
            name = f"density-{names[figure.run.folder]}-{figure.split}.png"
            yield name, partial(_density_picture, figure)
    for number, group in enumerate(grouped(runs)):
        if len(group) >= 3:
            yield f"plane-{number}.png", partial(_plane_picture, group[:3])
    for split in dict.fromkeys(one.split for one in pairs):
        own_pairs = [one for one in pairs if one.split == split]
        yield f"between-{split}.png", partial(_between, own_pairs, split)


_DIRECTIONS = ("first filter-normalised direction", "second filter-normalised direction")


def _density_picture(figure: Figure) -> Picture:
    nodes, weights = (torch.tensor(figure.entry["tables"][key]) for key in ("nodes", "weights"))
    return spectral_density_curve(nodes, weights, f"{run_title(figure.run)}, {figure.split} data")


def run_title(run: FinishedRun) -> str:
    """Return a run in a few words."""
    config = run.config
    return f"{config.method.name} on {config.dataset.name}, {config.model.name}, seed {config.seed}"


def _short_names(runs: Sequence[FinishedRun]) -> dict[Path, str]:
    """Return for each run's folder its last parts, as many as tell the runs apart, joined for a file's name."""
    folders = [run.folder.resolve() for run in runs]
    for count in range(1, 20):
        names = ["-".join(folder.parts[-count:]).strip("/-") for folder in folders]
        if len(set(names)) == len(set(folders)):
            break
    return {run.folder: name for run, name in zip(runs, names, strict=True)}


def _random_slice(run: FinishedRun) -> Slice:
    networks = Networks.of([run.network])
    generator = torch.Generator().manual_seed(0)
    directions = [filter_normalised(networks, gaussian(networks, generator)) for _ in range(2)]
    samples = draw_samples(run.splits, "train", SLICE_SAMPLES, networks.theta.dtype)
    grid = torch.linspace(-1.0, 1.0, SIDE, dtype=torch.float64)
    return slice_of(networks, plane_along(networks, directions), (grid, grid), samples)


def _slice_picture(
    draw_slice: Callable[[Slice, str, Sequence[str]], Picture], sliced: Callable[[], Slice], title: str
) -> Picture:
    return draw_slice(sliced(), title, _DIRECTIONS)


def _plane_picture(runs: Sequence[FinishedRun]) -> Picture:
    networks = Networks.of([run.network for run in runs])
    samples = draw_samples(runs[0].splits, "train", SLICE_SAMPLES, networks.theta.dtype)
    plane = plane_through(networks)
    found = slice_of(networks, plane, spanned_grid(plane, SIDE), samples)
    words = ", ".join(f"{number}: {run.config.method.name} {run.config.seed}" for number, run in enumerate(runs))
    return heat_map(found, words, ("distance along 0 to 1", "distance at a right angle"))


def run_trajectory(run: FinishedRun) -> tuple[Networks, Points, list[str], Trajectory]:
    """Return the target networks (t = 1) of a run's snapshots and its end, in the order of training, and their plane.

    Raises:
        ValueError: If they lie on a line.
    """
    states = [(file.stem, read_checkpoint(file)) for file in kept_snapshots(run.folder / SNAPSHOTS)]
    states.append(("end", checkpoint_of(run.folder)))
    by_step = {state["member"]["step"]: (name, state) for name, state in states}
    ordered = [by_step[step] for step in sorted(by_step)]
    modules = [trainer_of(run.config, run.folder, state, run.splits).target_network(0) for _, state in ordered]
    networks = Networks.of(modules)
    return networks, networks.points(), [name for name, _ in ordered], trajectory_plane(networks.points())


def _trajectory_picture(run: FinishedRun) -> Picture:
    networks, points, _, trajectory = run_trajectory(run)
    samples = draw_samples(run.splits, "train", SLICE_SAMPLES, networks.theta.dtype)
    found = slice_of(networks, trajectory.plane, spanned_grid(trajectory.plane, SIDE), samples)
    errors = loss_errors(networks, points, trajectory, samples).abs()
    first, second = (f"{100 * share:.0f} %" for share in trajectory.explained)
    words = f"{run_title(run)}; projections change the loss by up to {float(errors.max()):.2g}"
    return heat_map(found, words, (f"principal direction 1 ({first})", f"principal direction 2 ({second})"), path=True)


def _between(figures: Sequence[PairFigure], split: str) -> Picture:
    ways: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}
    for name, words in WAYS.items():
        tables = [one.entry.get("tables") for one in figures if one.name == name and one.entry.get("tables")]
        if tables:
            columns = [
                torch.tensor([_filled(table[key]) for table in tables if table]) for key in ("a", "loss", "error")
            ]
            ways[words] = (columns[0], columns[1], columns[2])
    pairs = len({(one.first.folder, one.second.folder) for one in figures})
    return path_curves(ways, f"between {pairs} pairs of networks, {split} data")


def _filled(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
