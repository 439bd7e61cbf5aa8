"""Credentials in the options of trackers: refused before anything is written, wherever they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homotopy_bench import compose
from homotopy_bench.core.errors import InputError
from homotopy_bench.loggers.credentials import holds_credentials, masked, refuse_credentials
from tests.cli.runner import TINY, run_cli, the_error_line

CREDENTIALS = [
    "logger.mlflow.tracking_uri=http://me:planted7x@host",
    "logger.mlflow.tracking_uri=https://planted7x@host",
    "logger.mlflow.tracking_uri='postgresql://me@host/runs?password=planted7x'",
]


@pytest.mark.parametrize("argument", CREDENTIALS)
@pytest.mark.parametrize("multirun", [(), ("-m",)], ids=["single", "multirun"])
def test_credentials_in_an_option_are_refused_before_anything_is_written(
    argument: str, multirun: tuple[str, ...], tmp_path: Path
) -> None:
    done = run_cli(*multirun, "logger=mlflow", argument, cwd=tmp_path)
    line = the_error_line(done)
    assert "logger.mlflow.tracking_uri" in line
    assert "MLFLOW_TRACKING_PASSWORD" in line
    assert "planted7" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_credentials_from_the_environment_are_refused_in_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", "http://me:planted7x@host")
    with pytest.raises(InputError, match=r"tracking_uri=http://\*\*\*@host: credentials"):
        compose("logger=mlflow", "logger.mlflow.tracking_uri=${oc.env:STORE}")


@pytest.mark.parametrize("url", ["https://me:se/cret@host/path", "https://tok/en@host", "http://me:p@ss@host"])
def test_credentials_with_characters_of_paths_are_seen_and_masked(url: str) -> None:
    assert holds_credentials(url)
    assert re.fullmatch(r"https?://\*\*\*@host(/path)?", masked(url))


@pytest.mark.parametrize(
    "argument",
    [
        "+logger.wandb.api_key=planted7y",
        "++logger.mlflow.tracking_token=planted7y",
        "+logger.wandb={mode:offline,API_KEY:planted7y}",
        "logger={wandb:{'password':planted7y}}",
    ],
)
def test_keys_named_like_credentials_are_refused(argument: str) -> None:
    with pytest.raises(InputError, match="credentials here would be kept") as refused:
        refuse_credentials(["seed=1", argument])
    assert "planted7" not in str(refused.value)


@pytest.mark.parametrize("argument", ["optimizer.key=x", "logger.wandb.tags=[token]", "logger.wandb.project=key"])
def test_other_options_are_none_of_their_business(argument: str) -> None:
    refuse_credentials([argument])


FILES = {
    "uri.yaml": "mlflow: {tracking_uri: 'http://me:planted7x@host'}",
    "key.yaml": "wandb: {api_key: planted7x}",
    "environment.yaml": "mlflow: {tracking_uri: '${oc.env:STORE}'}",
}


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments"
    folder.mkdir()
    for name, logger in FILES.items():
        (folder / name).write_text(
            f"# @package _global_\ndefaults:\n  - override /logger: [wandb, mlflow]\nlogger:\n  {logger}\n"
        )
    (folder / "plain.yaml").write_text("# @package _global_\nseed: 3\n")
    return folder


def planted(folder: Path) -> list[Path]:
    """Files with a credential, but for the user's own."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "experiments"]
    return [path for path in files if b"planted7" in path.read_bytes()]


@pytest.mark.parametrize(("file", "launcher"), [("uri.yaml", "fused"), ("key.yaml", "joblib"), ("uri.yaml", "basic")])
def test_credentials_in_a_file_are_refused_before_a_multirun_writes_it(
    file: str, launcher: str, experiments: Path
) -> None:
    arguments = ["-m", f"hydra/launcher={launcher}", f"experiment={experiments / file}", "seed=1,2"]
    done = run_cli(*arguments, *TINY, cwd=experiments.parent)
    line = the_error_line(done)
    assert line.startswith(("logger.mlflow.tracking_uri=http://***@host: ", "logger.wandb.api_key=***: "))
    assert "planted7" not in done.stdout + done.stderr
    assert list(experiments.parent.iterdir()) == [experiments]


@pytest.mark.parametrize("launcher", ["fused", "joblib"])
def test_credentials_in_one_of_several_files_are_written_nowhere(launcher: str, experiments: Path) -> None:
    names = ",".join(str(experiments / name) for name in ("uri.yaml", "environment.yaml"))
    arguments = ["-m", f"hydra/launcher={launcher}", f"experiment={names}"]
    done = run_cli(*arguments, *TINY, cwd=experiments.parent, STORE="https://planted7x@host")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("credentials here would be kept") == 2
    assert "planted7" not in done.stdout + done.stderr
    assert list(experiments.parent.rglob("multirun.yaml"))
    assert planted(experiments.parent) == []
