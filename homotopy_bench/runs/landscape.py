"""Measure the landscape around the networks of runs while they train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import error_line, one_line
from homotopy_bench.data.base import Splits
from homotopy_bench.hardware.memory import out_of_memory
from homotopy_bench.landscape.measure import Closeness, metrics_of
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.observation.measuring import Measuring
from homotopy_bench.runs.member import Member
from homotopy_bench.tracking.kept_measurements import KeptMeasurements, identity, state_digest
from homotopy_bench.training.training import Training


def measure_members(
    training: Training, splits: Splits, members: Sequence[Member], rows: Sequence[int], say: Callable[[str], object]
) -> None:
    """Measure runs at their present step, together where they measure alike, and give each its figures.

    Of a run on its path the network there is measured, otherwise the target network (t = 1); of copies the target
    network, their mean. Everything but the plain values goes to the run's ``landscape.json``. What cannot be measured
    is said in the run's log.

    Args:
        training: The ensemble.
        splits: The data.
        members: The runs of its rows.
        rows: Those to measure.
        say: Takes what is being measured.
    """
    alike: dict[tuple[tuple[str, ...], int, Closeness, bool], list[int]] = {}
    path, copies = training.last_t(), training.copies()
    for row in rows:
        options = members[row].job.config.landscape
        assert isinstance(options, Measuring)
        on_path = path[row] < 1.0 and copies[row] == 1
        alike.setdefault((options.splits, options.samples, options.mode, on_path), []).append(row)
    for (names, most, mode, on_path), own in alike.items():
        try:
            modules = training.path_networks(own) if on_path else [training.target_network(row) for row in own]
            device = members[own[0]].job.config.hardware.device()
            networks, states = Networks.of([one.to(device) for one in modules]), [one.state_dict() for one in modules]
            t = [path[row] if on_path else 1.0 for row in own]
            for name in names:
                samples = draw_samples(splits, name, most, networks.theta.dtype, networks.theta.device)
                _measure(networks, states, samples, mode, [members[row] for row in own], t, say)
        except Exception as error:  # a figure that cannot be had is no reason to lose the run
            if out_of_memory(error):
                say("the landscape does not fit into the memory")
            for row in own:
                members[row].note(f"the landscape was not measured: {error_line(error)}")


def _measure(
    networks: Networks,
    states: Sequence[Mapping[str, Tensor]],
    samples: Samples,
    mode: Closeness,
    members: Sequence[Member],
    t: Sequence[float],
    say: Callable[[str], object],
) -> None:
    digests, kept = [state_digest(state) for state in states], _opened(members)
    for metric, function in metrics_of(mode).items():
        say(f"landscape of {len(members)} runs on {samples.split} data: {metric}")
        measured = function(networks, samples)
        for row, member in enumerate(members):
            entries = {name: found.entry(row) for name, found in measured.items()}
            values = {name: entry["value"] for name, entry in entries.items()}
            member.landscape.setdefault(samples.split, {}).update(values)
            if row in kept:
                kept[row].put(identity(metric, samples.split, len(samples), mode, digests[row], t[row]), entries)
        for row, one in list(kept.items()):
            try:
                one.write()
            except InputError as error:
                members[row].note(f"the landscape is not kept: {one_line(error, 300)}")
                del kept[row]


def _opened(members: Sequence[Member]) -> dict[int, KeptMeasurements]:
    """Return row -> what is kept of it; a damaged file is left as it is, and its run has the figures in its summary."""
    kept = {}
    for row, member in enumerate(members):
        try:
            kept[row] = KeptMeasurements(member.record.folder)
        except InputError as error:
            member.note(f"the landscape is not kept: {one_line(error, 300)}")
    return kept
