"""Trackers beside the record: what they keep, what they never keep, and that the training does not notice them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench import train
from homotopy_bench.config.validation import validate
from homotopy_bench.core.errors import InputError
from homotopy_bench.loggers.base import Run, numbers, results
from homotopy_bench.loggers.tensorboard import TensorBoard, tag
from homotopy_bench.runs.requirements import check_requirements
from homotopy_bench.tracking.mirror import KNOWN
from tests.cli.runner import TINY, call_main, comparable, differences, load_checkpoint, metrics, run_cli, summary
from tests.composing import compose

ROOT = Path(__file__).parent.parent.parent
ALL = "logger=[wandb,tensorboard,mlflow]"

SECRETS = {
    "WANDB_API_KEY": "planted1wandb1planted1wandb1planted1wandb",
    "MLFLOW_TRACKING_TOKEN": "planted2token",
    "MLFLOW_TRACKING_PASSWORD": "planted3password",
    "AWS_SECRET_ACCESS_KEY": "planted4aws",
}
DATABASE, IN_URL = "planted5database", "planted6inurl"
PLANTED = re.compile(rb"planted\d\w+")


@dataclass
class Done:
    """A command that was run in a folder of its own."""

    folder: Path
    output: str


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with every tracker, secrets in its environment."""
    folder = tmp_path_factory.mktemp("tracked")
    done = run_cli(*TINY, "training.epochs=3", ALL, "hydra.run.dir=outputs/run", cwd=folder, **SECRETS)
    assert done.returncode == 0, done.stderr
    return Done(folder, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A study of two trials with a password in its storage, and a server of MLflow that does not answer.

    W&B has its options from the command line and from the environment.
    """
    folder = tmp_path_factory.mktemp("study")
    options = ("hydra/sweeper=optuna", "hydra.sweeper.storage=${oc.env:STUDY_URL}", "hydra.sweeper.n_trials=2")
    handed = "+hydra.job.env_set.TRACKING_TOKEN=${oc.env:MLFLOW_TRACKING_TOKEN}"
    job = ("-m", "hydra/launcher=fused", *options, handed, "optimizer.lr=interval(1e-4,1e-2)")
    asked = ("logger.wandb.name='${method.name} ${seed}'", "logger.wandb.notes='a note'", "logger.wandb.project=mine")
    also = ("logger.wandb.system_metrics=true", "logger.wandb.code=true")
    planted = {
        **SECRETS,
        "WANDB_PROJECT": "not mine",
        "WANDB_ENTITY": "team",
        "WANDB_MODE": "offline",
        "WANDB_NAME": "another name",
        "WANDB_DATA_DIR": str(folder / "data_of_wandb"),  # where W&B collects the files of artifacts
        "WANDB_X_STATS_SAMPLING_INTERVAL": "0.2",
        "STUDY_URL": f"sqlite:///file:study.db?uri=true&password={DATABASE}",
        "MLFLOW_TRACKING_URI": f"http://me:{IN_URL}@127.0.0.1:9",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    done = run_cli(*job, *TINY, "training.epochs=2", ALL, *asked, *also, cwd=folder, **planted)
    assert done.returncode == 0, done.stdout + done.stderr
    return Done(folder, done.stdout + done.stderr)


@cache
def inspect(run: Path) -> list[dict[str, Any]]:
    """The records of an offline run of W&B, as its own tool reads them."""
    (file,) = run.glob("wandb/offline-run-*/*.wandb")
    wandb = str(Path(sys.executable).with_name("wandb"))
    done = subprocess.run([wandb, "leet", "inspect", "--json", str(file)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def contents(records: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record[kind] for record in records if record["type"] == kind]


def merged(updates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for update in updates for key, value in update.items()}


def documented(heading: str) -> list[str]:
    """The keys in the table of docs/trackers.md below a heading."""
    section = (ROOT / "docs" / "trackers.md").read_text().partition(heading)[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]


def test_every_documented_key_is_read_back_from_an_offline_run(tracked: Done) -> None:
    records = inspect(tracked.folder / "outputs" / "run")
    history = merged([one["item"] for one in contents(records, "history")])
    last = merged([one["update"] for one in contents(records, "summary")])
    keys = documented("## Keys in W&B")
    assert len(keys) > 50
    absent = [key for key in keys if not {key, f"{key}._type"} & (history.keys() | last.keys())]
    assert absent == []


def test_a_run_of_wandb_has_what_the_record_has(tracked: Done) -> None:
    run = tracked.folder / "outputs" / "run"
    records, lines = inspect(run), metrics(run)
    (about,) = contents(records, "run")
    assert (about["job_type"], about["tags"]) == ("train", ["mnist1d", "mlp", "identity_homotopy"])
    assert (about["project"], about["display_name"]) == ("homotopy-bench", "identity_homotopy on mnist1d, mlp, seed 0")
    assert not {"run_group", "notes", "entity"} & about.keys()
    config = about["config"]["update"]
    assert config["model"]["depth"] == 3
    assert not {"logger", "paths"} & config.keys()
    items = [one["item"] for one in contents(records, "history")]
    assert len(items) == len(lines)
    for item, line in zip(items, lines, strict=True):
        expected = dict(numbers(line))
        over_t = {f"over_t/{key}": value for key, value in expected.items() if key not in ("epoch", "step", "u", "t")}
        kept = {key: value for key, value in item.items() if not key.startswith(("_", "curves"))}
        assert kept == pytest.approx({**expected, **over_t}, rel=1e-12)
    defined = {one["name"]: one.get("step_metric") for one in contents(records, "metric")}
    assert (defined["val_acc_path"], defined["over_t/val_acc_path"], defined["t"]) == ("step", "t", "step")
    last = merged([one["update"] for one in contents(records, "summary")])
    assert {key: last[key] for key in results(summary(run))} == pytest.approx(results(summary(run)), rel=1e-12)
    assert last["status"] == "completed"
    (artifact,) = contents(records, "artifact")
    assert artifact["type"] == "model"
    assert [Path(file["local_path"]) for file in artifact["manifest"]["contents"]] == [run / "checkpoint.pt"]
    # Neither the console nor system metrics nor packages: only what the record has.
    kinds = {"header", "run", "telemetry", "metric", "summary", "history", "files", "artifact", "exit"}
    assert {record["type"] for record in records} <= kinds


READ_EVENTS = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
scalars = {key: [(one.step, one.value) for one in events.Scalars(key)] for key in events.Tags()["scalars"]}
plugin = events.SummaryMetadata("_hparams_/session_start_info").plugin_data
image = events.Images("curves")[0].encoded_image_string.hex()
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
(layout,) = events.Tensors(metadata.CONFIG_SUMMARY_TAG)
(category,) = layout_pb2.Layout.FromString(layout.tensor_proto.string_val[0]).category
charts = {chart.title: list(chart.multiline.tag) for chart in category.chart}
read = {"scalars": scalars, "image": image, "hparams": plugin.content.hex(), "plugin": plugin.plugin_name}
print(json.dumps({**read, "charts": charts}))
"""


@cache
def events_of(run: Path) -> dict[str, Any]:
    """What TensorBoard's own reader finds in a run."""
    # In a process of its own: the reader imports whatever file systems are installed, with their warnings.
    read = [sys.executable, "-c", READ_EVENTS, str(run / "tensorboard")]
    found: dict[str, Any] = json.loads(subprocess.run(read, capture_output=True, text=True, check=True).stdout)
    return found


def test_tensorboard_has_what_the_record_has(tracked: Done) -> None:
    run = tracked.folder / "outputs" / "run"
    events = events_of(run)
    for key in dict(numbers(metrics(run)[0])):
        expected = [[line["step"], dict(numbers(line))[key]] for line in metrics(run)]
        assert events["scalars"][tag(key)][: len(expected)] == [pytest.approx(point, rel=1e-6) for point in expected]
    for key, value in results(summary(run)).items():
        assert events["scalars"][key][-1][1] == pytest.approx(value, rel=1e-6)
    assert bytes.fromhex(events["image"]) == (run / "curves.png").read_bytes()
    assert events["plugin"] == "hparams"
    assert b"model.depth" in bytes.fromhex(events["hparams"])


def test_tensorboard_has_a_row_for_each_run_of_a_sweep(tmp_path: Path) -> None:
    run = Run(tmp_path, tmp_path, "name", {"seed": 1}, (), "the sweep", "train", None, 0)
    tracker = TensorBoard().open(run)
    tracker.finish(None, [])
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"seed" in events.read_bytes()
    assert b"the sweep" not in events.read_bytes()  # runs of one group are one row, with the settings of the first


def test_tensorboard_has_a_section_for_every_number_and_one_chart_for_target_and_path(tracked: Done) -> None:
    events = events_of(tracked.folder / "outputs" / "run")
    assert all("/" in name for name in events["scalars"])
    assert sorted(documented("## Keys in TensorBoard")) == sorted(
        name
        for name in events["scalars"]
        if not name.startswith(("final/", "best/", "best_on_path/", "stability/", "cost/"))
    )
    drawn = {
        chart: {name for name in events["scalars"] if any(re.match(pattern, name) for pattern in patterns)}
        for chart, patterns in events["charts"].items()
    }
    assert drawn == {
        "accuracy": {"accuracy/val_target", "accuracy/val_path"},
        "loss": {"loss/val_target", "loss/val_path", "loss/train"},
        "precision": {"precision/val_target", "precision/val_path"},
        "recall": {"recall/val_target", "recall/val_path"},
        "F1": {"F1/val_target", "F1/val_path"},
    }


def test_mlflow_has_what_the_record_has(tracked: Done) -> None:
    outputs = tracked.folder / "outputs"
    run = outputs / "run"
    known = json.loads((run / KNOWN).read_text())["mlflow"]
    with sqlite3.connect(outputs / "mlflow.db") as database:
        found = database.execute(
            "select step, value from metrics where key = 'val_acc_path' and run_uuid = ? order by step", [known]
        ).fetchall()
        parameters = dict(database.execute("select key, value from params where run_uuid = ?", [known]).fetchall())
        ((status,),) = database.execute("select status from runs where run_uuid = ?", [known]).fetchall()
        tags = dict(database.execute("select key, value from tags where run_uuid = ?", [known]).fetchall())
    database.close()
    assert found == [(line["step"], line["val_acc_path"]) for line in metrics(run)]
    assert (parameters["model.depth"], parameters["seed"], status) == ("3", "0", "FINISHED")
    for key in ("status", "config_hash", "code_version"):
        assert tags[key] == summary(run)[key]
    kept = outputs / "mlartifacts" / known / "artifacts"
    for name in ("checkpoint.pt", "curves.png"):
        assert (kept / name).read_bytes() == (run / name).read_bytes()


def test_trackers_change_no_bit_of_a_run(tracked: Done, tmp_path: Path) -> None:
    a, b = tracked.folder / "outputs" / "run", tmp_path / "run"
    train(compose(*TINY, "training.epochs=3"), b)
    assert differences([*map(comparable, metrics(a))], [*map(comparable, metrics(b))]) == []
    assert differences(load_checkpoint(a)["member"], load_checkpoint(b)["member"]) == []
    one, other = comparable(summary(a)), comparable(summary(b))
    for content in (one, other):
        del content["overrides"], content["config"]["logger"]
    assert differences(one, other) == []


@pytest.mark.parametrize("name", ["tracked", "study"])
def test_no_secret_is_kept_anywhere(name: str, request: pytest.FixtureRequest) -> None:
    done: Done = request.getfixturevalue(name)
    files = [path for path in done.folder.rglob("*") if path.is_file()]
    kinds = {".wandb", ".log", ".jsonl", ".json", ".yaml", ".pt", ".png", ".0"} | (
        {".csv"} if name == "study" else {".db"}
    )
    assert kinds <= {path.suffix for path in files}
    assert [path for path in files if PLANTED.search(path.read_bytes())] == []
    assert not PLANTED.search(done.output.encode())


def test_the_search_for_secrets_finds_them(study: Done) -> None:
    for value in [*SECRETS.values(), DATABASE, IN_URL]:
        assert PLANTED.fullmatch(value.encode())
    assert "hydra.sweeper.storage=${oc.env:STUDY_URL}" in (study.folder / next(iter(multiruns(study)))).read_text()


def multiruns(done: Done) -> list[Path]:
    return [path.relative_to(done.folder) for path in done.folder.rglob("multirun.yaml")]


def test_each_trial_is_a_run_in_the_group_of_its_study(study: Done) -> None:
    runs = [path.parent for path in study.folder.rglob("metrics.jsonl")]
    abouts = [contents(inspect(run), "run")[0] for run in runs]
    assert len(runs) == len({about["run_id"] for about in abouts}) == 2
    ((group, kind),) = {(about["run_group"], about["job_type"]) for about in abouts}
    assert re.fullmatch("custom-identity_homotopy-mnist1d-[0-9a-f]{8}", group)
    assert kind == "trial"


def test_an_option_goes_before_the_environment_and_that_before_the_default(study: Done) -> None:
    for about in [contents(inspect(path.parent), "run")[0] for path in study.folder.rglob("metrics.jsonl")]:
        assert (about["project"], about["entity"]) == ("mine", "team")
        assert (about["display_name"], about["notes"]) == ("identity_homotopy 1000", "a note")


def test_system_metrics_and_code_are_kept_where_they_are_asked_for(study: Done) -> None:
    for run in [path.parent for path in study.folder.rglob("metrics.jsonl")]:
        records = inspect(run)
        code = {one["type"]: one for one in contents(records, "artifact")}["code"]
        assert "loggers/wandb.py" in {file["path"] for file in code["manifest"]["contents"]}
        assert contents(records, "stats")[0]["item"]["proc.memory.rssMB"] > 0
        assert "environment" not in {record["type"] for record in records}


@pytest.mark.parametrize("name", ["tracked", "study"])
def test_one_line_says_how_to_send_what_is_offline(name: str, request: pytest.FixtureRequest) -> None:
    done: Done = request.getfixturevalue(name)
    (line,) = [line for line in done.output.splitlines() if "wandb sync" in line]
    command = line.removeprefix("not sent yet: ").replace("wandb sync", "wandb sync --dry-run")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    found = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, cwd=done.folder, env=environment
    )
    kept = sorted(str(file.relative_to(done.folder)) for file in done.folder.rglob("offline-run-*/*.wandb"))
    assert sorted(re.findall(r"\S+\.wandb$", found.stdout + found.stderr, re.MULTILINE)) == kept
    assert len(kept) == {"tracked": 1, "study": 2}[name]


def test_a_multirun_says_once_how_to_send_all_its_runs(tmp_path: Path) -> None:
    sweep = ("-m", "seed=0,1", "hydra.sweep.dir=a sweep", "hydra/launcher=fused", "hydra.launcher.probe=false")
    done = call_main(*sweep, *TINY, "training.epochs=1", "logger=wandb", cwd=tmp_path, WANDB_PROJECT="theirs")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "wandb sync" in line] == [
        "not sent yet: wandb sync 'a sweep'/*/wandb/offline-run-*"
    ]
    for run in (tmp_path / "a sweep" / "0", tmp_path / "a sweep" / "1"):
        assert contents(inspect(run), "run")[0]["project"] == "theirs"


def test_a_mode_of_the_environment_that_is_none_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "onlin")
    with pytest.raises(InputError, match=r"WANDB_MODE=onlin: accepted: offline, online, disabled; "):
        check_requirements(compose("logger=wandb"))
    check_requirements(compose("logger=wandb", "logger.mode=offline"))


def test_a_server_that_does_not_answer_is_said_once_and_stops_nothing(study: Done) -> None:
    for log in study.folder.rglob("train.log"):
        (line,) = [line for line in log.read_text().splitlines() if "logger mlflow" in line]
        assert line.endswith("; training and record are not affected")
        assert summary(log.parent)["status"] == "completed"
    assert study.output.count("warning: logger mlflow") == 1


@pytest.mark.parametrize(
    ("overrides", "name", "mode"),
    [
        ((), "none", None),
        (("logger=none",), "none", None),
        (("logger=wandb",), "wandb", None),
        (("logger=wandb", "logger.mode=offline", "logger.wandb.name=a name"), "wandb", "offline"),
        (("logger=wandb", "logger.mode=online"), "wandb", "online"),
        (("logger=wandb", "logger.wandb.mode=online"), "wandb", "online"),
        (("logger=[tensorboard,wandb]", "logger.mode=online"), "tensorboard,wandb", "online"),
        (("logger=[mlflow,none]",), "mlflow", None),
    ],
)
def test_one_logger_or_a_list(overrides: tuple[str, ...], name: str, mode: str | None) -> None:
    config = compose(*overrides)
    assert config.logger.name == name
    assert validate(config.to_dict()) == config
    assert config.hash() == compose().hash()
    assert config.to_dict()["logger"].get("wandb", {}).get("mode") == mode


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("logger=wandb", "logger.mode=onlin"), r"logger.wandb.mode=onlin: accepted: offline, online or null"),
        (("logger=wandb", "logger.wandb.name=5"), r"logger.wandb.name=5: accepted: a text or null"),
        (("logger=wandb", "+logger.wandb.projekt=x"), r"logger.wandb.projekt=x: no such key; did you mean 'project'"),
        (("logger=tensorboard", "+logger.mode=online"), r"logger.mode=online: no such key of the chosen loggers"),
    ],
)
def test_wrong_options_are_named(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compose(*overrides)


@pytest.mark.parametrize("name", ["wandb", "tensorboard", "mlflow"])
def test_a_package_that_is_not_installed_is_said_before_training(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()  # a folder of that name is no package
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, name, raising=False)
    sys.path_importer_cache.clear()
    with pytest.raises(InputError, match=rf"logger={name}: not installed; pip install 'homotopy-bench\[{name}\]'"):
        check_requirements(compose(f"logger={name}"))
