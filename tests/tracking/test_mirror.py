"""The trackers of a run: what they are told of its record, and that one that fails leaves all others alone."""

from __future__ import annotations

import json
import queue
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from homotopy_bench.loggers.base import Logger, Point, Run
from homotopy_bench.tracking.mirror import KNOWN, Mirror, serve
from tests.composing import compose


class Kept(Logger):
    """Keeps what it is told, and fails at one moment."""

    name: Literal["kept"] = "kept"
    fails: str = ""
    log: ClassVar[list[Any]] = []

    def open(self, run: Run) -> Any:
        self.happens("open", run.known)
        return _OpenKept(self)

    def happens(self, what: str, content: Any) -> None:
        if self.fails == what:
            raise OSError(28, "No space left on device")
        self.log.append((what, content))


class _OpenKept:
    id = "5"

    def __init__(self, kept: Kept) -> None:
        self.kept = kept

    def log(self, points: Sequence[Point]) -> None:
        self.kept.happens("log", [point.step for point in points])

    def finish(self, summary: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        self.kept.happens("finish", (summary, [file.name for file in files]))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What trackers are told in a test."""
    log: list[Any] = []
    monkeypatch.setattr(Kept, "log", log)
    return log


def a_run(folder: Path, steps: Sequence[int], step: int = 0) -> Run:
    lines = [json.dumps({"step": n, "t": 1.0, "lr": None}) + "\n" for n in steps]
    (folder / "metrics.jsonl").write_text("".join(lines) + '{"step": 99, "t"')
    (folder / "summary.json").write_text('{"status": "interrupted"}')
    return Run(folder, folder, "a run", {}, (), None, "train", None, step)


def test_a_tracker_is_told_of_whole_lines_in_their_order(told: list[Any], tmp_path: Path) -> None:
    mirror = Mirror((Kept(),), a_run(tmp_path, [1, 2]), lambda *_: None, {})
    mirror.follow()
    mirror.follow()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(': 1.0}\n{"step": 100, "t": 1.0}\n')
    mirror.end(summarised=True)
    end: tuple[str, Any] = ("finish", ({"status": "interrupted"}, []))
    assert told == [("open", None), ("log", [1, 2]), ("log", [99, 100]), end]
    assert json.loads((tmp_path / KNOWN).read_text()) == {"kept": "5"}


def test_a_continued_run_is_the_same_run_and_is_not_told_what_it_knows(told: list[Any], tmp_path: Path) -> None:
    (tmp_path / KNOWN).write_text('{"kept": "5"}')
    Mirror((Kept(),), a_run(tmp_path, [1, 2, 3], step=2), lambda *_: None, {}).follow()
    assert told == [("open", "5"), ("log", [3])]


def test_a_tracker_new_to_a_continued_run_is_told_all(told: list[Any], tmp_path: Path) -> None:
    Mirror((Kept(),), a_run(tmp_path, [1, 2, 3], step=2), lambda *_: None, {}).follow()
    assert told == [("open", None), ("log", [1, 2, 3])]


def test_after_the_death_of_the_training_an_older_summary_does_not_count(told: list[Any], tmp_path: Path) -> None:
    Mirror((Kept(),), a_run(tmp_path, []), lambda *_: None, {}).end(summarised=False)
    assert told[-1] == ("finish", (None, []))


class Other(Kept):
    """Another tracker of the same run."""

    name: Literal["other"] = "other"  # type: ignore[assignment]  # a name of its own


@pytest.mark.parametrize("moment", ["open", "log", "finish"])
def test_a_failing_tracker_is_said_once_and_leaves_the_others_alone(
    moment: str, told: list[Any], tmp_path: Path
) -> None:
    said: list[Any] = []
    mirror = Mirror((Kept(fails=moment), Other()), a_run(tmp_path, [1]), lambda *what: said.append(what), {})
    mirror.follow()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(": 1.0}\n")
    mirror.end(summarised=False)
    assert said == [("kept", "OSError: [Errno 28] No space left on device")]
    # The other one was told of everything after the first one had failed.
    expected: list[Any] = [("open", None), ("log", [1]), ("log", [99]), ("finish", (None, []))]
    first = {"open": [], "log": expected[:1], "finish": expected[:3]}[moment]
    assert sorted(map(repr, told)) == sorted(map(repr, expected + first))


def test_a_folder_that_cannot_be_written_is_a_problem_of_wandb_alone(told: list[Any], tmp_path: Path) -> None:
    (tmp_path / "wandb").write_text("a file")
    said: list[Any] = []
    wandb = compose("logger=wandb").logger.chosen
    Mirror((*wandb, Kept()), a_run(tmp_path, [1]), lambda *what: said.append(what), {}).follow()
    ((name, problem),) = said
    assert (name, problem.partition(":")[0]) == ("wandb", "FileExistsError")
    assert told == [("open", None), ("log", [1])]


@pytest.mark.parametrize("moment", ["open", "log"])
def test_a_server_that_was_waited_for_in_vain_is_not_asked_for_other_runs(
    moment: str, told: list[Any], tmp_path: Path
) -> None:
    said: list[Any] = []
    silent: dict[str, str] = {}
    runs = []
    for number, logger in enumerate((Kept(fails=moment), Kept())):
        (tmp_path / str(number)).mkdir()
        run = a_run(tmp_path / str(number), [1])
        say = lambda *what, number=number: said.append((number, *what))  # noqa: E731
        runs.append(Mirror((logger, Other()), run, say, silent, waited=0.0))
    for one in runs:
        one.follow()
    problem = "OSError: [Errno 28] No space left on device"
    assert said == [(0, "kept", problem), (1, "kept", problem)]
    opened: tuple[str, Any] = ("open", None)
    # Twice the other tracker; where the server died later, each run had opened it too.
    assert told.count(opened) == {"open": 2, "log": 4}[moment]
    assert told.count(("log", [1])) == 2


def test_a_failure_that_nobody_waited_for_is_that_of_one_run(told: list[Any], tmp_path: Path) -> None:
    silent: dict[str, str] = {}
    for logger in (Kept(fails="open"), Kept()):
        Mirror((logger,), a_run(tmp_path, [1]), lambda *_: None, silent, waited=60.0)
    assert told == [("open", None)]


@pytest.mark.parametrize("broken", ["metrics", "summary", "config"])
def test_a_record_that_cannot_be_read_is_no_matter_of_the_other_runs(broken: str, tmp_path: Path) -> None:
    config = compose("logger=tensorboard").to_dict()
    messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
    folders = [tmp_path / "0", tmp_path / "1"]
    for folder in folders:
        folder.mkdir()
        a_run(folder, [1])
        seed = -1 if broken == "config" and folder.name == "0" else 0
        messages.put({"begin": {"config": {**config, "seed": seed}, "folder": str(folder), "step": 0}})
    for number in range(2):
        messages.put({"end": number})
    messages.put(None)
    if broken == "summary":
        (folders[0] / "summary.json").write_text("{")
    if broken == "metrics":
        (folders[0] / "metrics.jsonl").unlink()
    answers: list[Mapping[str, Any]] = []
    serve(messages, answers.append)
    problems = [one for one in answers if "problem" in one]
    assert {one["run"] for one in problems} == {0}
    (problem,) = [one["problem"] for one in problems if "tracker" not in one]
    wording = {
        "metrics": "the trackers cannot read the record (FileNotFoundError: ",
        "summary": "the trackers cannot read the record (JSONDecodeError: ",
        "config": "the trackers cannot be opened (InputError: seed=-1",
    }
    assert problem.startswith(wording[broken])
    events = {folder: b"".join(path.read_bytes() for path in folder.rglob("events.*")) for folder in folders}
    assert b"_hparams_/session_end_info" in events[folders[1]]
    # The trackers of a run that began are told its end too, whatever can be read of it.
    assert (b"_hparams_/session_end_info" in events[folders[0]]) == (broken != "config")
