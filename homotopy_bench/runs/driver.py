"""Train M runs as one ensemble, one record each; a single run is an ensemble of one.

A run survives a kill at any moment: an evaluation first appends to the metrics, then writes the checkpoint, which holds
the length of the metrics. A run continued from a checkpoint cuts the metrics back to that length and repeats the steps
since then, with the same numbers.

A run that has diverged, that was pruned, or whose record cannot be written leaves; the others continue in a smaller
ensemble. As a member's state does not depend on the other members, nothing changes for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

import torch

from homotopy_bench.core.errors import InputError, RankLost
from homotopy_bench.data.base import Splits
from homotopy_bench.hardware.host_threads import host_threads
from homotopy_bench.hardware.memory import out_of_memory
from homotopy_bench.runs.interrupt import Interrupt
from homotopy_bench.runs.job import Result
from homotopy_bench.runs.member import Member
from homotopy_bench.runs.parallel import Build
from homotopy_bench.tracking.display import Display
from homotopy_bench.tracking.trackers import Followed, Trackers
from homotopy_bench.training.evaluation import Evaluation
from homotopy_bench.training.trainer import Trainer
from homotopy_bench.training.training import Training

T = TypeVar("T")


class Driver:
    """Train runs of one program to their ends.

    An error in one run's record fails that run; an error of the ensemble is raised, and the runs that had not ended
    keep their records and can be continued.

    Attributes:
        members: The runs in training, one per member of the ensemble, without those that have ended.
        interrupted: Whether a signal has asked for the end, also where it came too late for these runs.

    Args:
        members: The runs, all of one program and at one step.
        show: Display of the progress.
        threads: Host threads; None for ``hardware.threads``.
        build: Returns the training of the runs.
    """

    def __init__(
        self, members: Sequence[Member], show: Display, threads: int | None = None, build: Build = Trainer
    ) -> None:
        self._build = build
        self.members = list(members)
        self.interrupted = False
        self.show = show
        self.config = members[0].job.config
        self.threads = self.config.hardware.threads if threads is None else threads

    def go(self) -> None:
        """Train to the end, from the beginning or from checkpoints; every run then has a result or an error."""
        with self.config.hardware.settings(), host_threads(self.threads):
            self._go()

    def _go(self) -> None:
        try:
            self.show.busy(f"data and networks of {len(self.members)} runs")
            self._splits = self._load()
            training = self._build([member.job.config for member in self.members], self._splits)
            self._continue(training)
            for member in self.members:
                member.go_on()
            self.show.start(self.members[0].title, training.total_steps, training.step)
            followed = [Followed(m.job.config, m.record.folder, m.step, m.note) for m in self.members]
            with closing(Trackers(followed, self.show.warn)) as self._trackers:
                self._end(self._loop(training))
        finally:
            self.show.stop()

    def _load(self) -> Splits:
        """Return the data, after telling every member where they are from.

        Raises:
            InputError: If a member has begun with others.
        """
        config = self.config
        device = config.hardware.device()
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        count = config.hardware.processes()
        name = f"{count} x {name}" if count > 1 else name
        splits = config.dataset.load(config.paths.data_root())
        data = config.dataset.provenance(config.paths.data_root())
        if config.dataset.of_user:
            for member in self.members:
                member.check_data(data)
        others = sum(not file["published"] for file in data)
        small = splits.too_small()
        for line in small:
            self.show.warn(line)
        for member in self.members:
            for line in small:
                member.record.log(line)
            member.device_name, member.threads, member.data = name, self.threads, data
            if others:
                member.record.log(f"{config.dataset.name}: {others} of {len(data)} files are not the published ones")
        return splits

    def _continue(self, training: Training) -> None:
        """Take an ensemble from its beginning to the members' checkpoints, if they have any.

        Raises:
            InputError: If no run of these configurations has written them.
        """
        states = [member.state["member"] for member in self.members if member.state is not None]
        if not states:
            return
        first = self.members[0]
        try:
            training.load_member_states(states)
        except Exception as error:  # whatever using a foreign state leads to
            if out_of_memory(error):
                raise
            raise first.misfit(error) from error
        every = self.config.training.eval_every * training.steps_per_epoch
        expected = training.step // every + (training.step == training.total_steps and training.step % every > 0)
        for member in self.members:
            if member.evaluations != expected:
                accepted = f"its metrics.jsonl has {member.evaluations} lines up to step {member.step}, not {expected}"
                raise InputError("resume", member.job.folder, accepted)

    def _loop(self, training: Training) -> Training:
        """Return the ensemble after the remaining steps."""
        total = training.total_steps
        evaluate_every = self.config.training.eval_every * training.steps_per_epoch
        save_every = self.config.training.checkpoint_every * training.steps_per_epoch
        stops = [evaluate_every, save_every]
        if any(member.job.config.training.snapshots for member in self.members):
            stops.append(training.steps_per_epoch)
        if training.step == 0:
            self._keep_snapshots(training)
        with Interrupt() as interrupt:
            while training.step < total and self.members:
                begun = training.step
                goal = min(total, *((begun // every + 1) * every for every in stops))
                self._train(training, goal, interrupt)
                ended = training.step == total
                # An interrupt may come before the first step of this round: what lies there has been evaluated.
                if ended or (training.step > begun and training.step % evaluate_every == 0):
                    self._evaluate(training)
                if training.step > begun and training.step % training.steps_per_epoch == 0:
                    self._keep_snapshots(training)
                if ended or interrupt.requested or training.step % save_every == 0:
                    self._save(training)
                if interrupt.requested and not ended:
                    for member in self.members:
                        if member.status is None:
                            member.status, member.reason = "interrupted", f"after {training.step} of {total} steps"
                self.interrupted = interrupt.requested
                training = self._leave(training)
        for member in self.members:
            member.status = "completed"
        return training

    def _train(self, training: Training, goal: int, interrupt: Interrupt) -> None:
        hardware = self.config.hardware
        energy, begin = hardware.joules(), time.perf_counter()
        while training.step < goal and not interrupt.requested:
            training.advance()
            self.show.at_step(training.step)
        for member, (gradients, products) in zip(self.members, training.finish_steps(), strict=True):
            member.cost.gradient_evaluations += gradients
            member.cost.hvp_evaluations += products
        share = (time.perf_counter() - begin) / len(self.members)
        used = hardware.joules()
        for member in self.members:
            cost = member.cost
            cost.train_seconds += share
            cost.samples = training.step * self.config.training.batch_size
            cost.progress = training.step / training.total_steps
            if energy is not None and used is not None:
                cost.joules = (cost.joules or 0.0) + (used - energy) / len(self.members)

    def _evaluate(self, training: Training) -> None:
        """Append a line to the metrics of every run."""
        begin = time.perf_counter()
        self.show.busy(f"evaluation of {len(self.members)} runs at step {training.step}")
        readings, scores = training.read(), Evaluation(training)
        observed = [
            member.observe(training, row, readings[row].train_loss, scores) for row, member in enumerate(self.members)
        ]
        improved = [row for row, best in enumerate(observed) if best]
        if improved:  # together: copies of all members are merged for it
            for row, state in zip(improved, training.target_states(improved), strict=True):
                self.members[row].best = state
        share = (time.perf_counter() - begin) / len(self.members)
        peak = training.peak_memory_mb()
        for member in self.members:
            member.cost.eval_seconds += share
            member.cost.peak_memory_mb = max(member.cost.peak_memory_mb, peak)
        self._measure_landscape(training, scores)
        for line in self._each("evaluated", lambda member, row: member.write(training, row, readings[row], scores)):
            self.show.evaluated(line)
        self._trackers.look()

    def _measure_landscape(self, training: Training, scores: Evaluation) -> None:
        """Measure around the networks of the runs for which that is due."""
        if not any(member.job.config.landscape.splits for member in self.members):
            return
        ended = training.step == training.total_steps
        due: list[int] = []

        def look(member: Member, row: int) -> None:
            if member.measures(scores.t[row], last=ended):
                due.append(row)

        self._each("looked at", look)
        if not due:
            return
        from homotopy_bench.runs.landscape import measure_members

        begin = time.perf_counter()
        measure_members(training, self._splits, self.members, due, self.show.busy)
        share = (time.perf_counter() - begin) / len(due)
        for row in due:
            self.members[row].cost.landscape_seconds += share

    def _save(self, training: Training) -> None:
        """Write the checkpoints of the runs that go on."""
        # One by one: the states of many runs do not fit into the memory.
        self._each(
            "saved", lambda member, row: member.save(training.member_states([row])[0]) if member.goes_on else None
        )

    def _keep_snapshots(self, training: Training) -> None:
        """Write the snapshots that are due of the runs that go on."""
        epoch, t = training.step // training.steps_per_epoch, training.last_t()

        def keep(member: Member, row: int) -> None:
            names = member.due_snapshots(epoch, t[row]) if member.goes_on else []
            if names:
                member.keep_snapshots(names, training.member_states([row])[0])

        self._each("kept", keep)

    def _leave(self, training: Training) -> Training:
        """Return the ensemble without the runs that have a status; they end here."""
        rows = [row for row, member in enumerate(self.members) if member.status is None]
        if len(rows) == len(self.members):
            return training
        self._end(training)
        self.members = [self.members[row] for row in rows]
        if not rows:
            return training
        states = training.member_states(rows)  # before processes turn to the smaller ensemble
        smaller = self._build([training.configs[row] for row in rows], self._splits)
        smaller.load_member_states(states)
        return smaller

    def _end(self, training: Training) -> None:
        """Finish the records of the runs that have a status."""

        def end(member: Member, row: int) -> Result | None:
            if member.status is None:
                return None
            return member.finish(training.target_network(row) if member.job.keeps_network else None)

        for result in self._each("complete", end):
            if result is not None:
                self.show.finish(result.summary, result.folder)
        for member in self.members:
            if member.result is not None:
                self._trackers.end(member.record.folder)

    def _each(self, done: str, action: Callable[[Member, int], T]) -> list[T]:
        """Return the outcomes of an action on every run that has not failed; an error in one fails that run alone.

        Args:
            done: What the action does to a record, for whoever waits.
            action: Takes a run and its row.
        """
        outcomes = []
        for row, member in enumerate(self.members):
            self.show.busy(f"{row} of {len(self.members)} records {done}")
            if member.error is None:
                try:
                    outcomes.append(action(member, row))
                except Exception as error:
                    # What the ensemble has not, or where a process of it has ended, is not this member's failure.
                    if out_of_memory(error) or isinstance(error, RankLost):
                        raise
                    member.fail(error)
        return outcomes
