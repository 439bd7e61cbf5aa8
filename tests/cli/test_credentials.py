"""Secrets: refused before anything is printed or written, whatever the command, the key and the way to it."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import yaml

from homotopy_bench import compose
from homotopy_bench.cli import data, functions, precision, report
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.config.mapping import compose_all
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.core.credentials import refuse_arguments, refuse_credentials
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.masking import holds_secret, masked
from homotopy_bench.tracking.record import Record
from homotopy_bench.tracking.resumable import read_run
from tests.cli.runner import call_main, files, summary, the_error_line

SECRET = b"planted7"

ENVIRONMENT = {
    "TOKEN": "planted7token",
    "STORE": "http://me:planted7x@host",
    "PLAIN": "planted7plain",
    "NAMES": "TOKEN",
}

KEPT = "credentials here would be kept in every record"

MALFORMED = "accepted"
"""What is wrong is said, and it is something else."""

FILES = {
    "uri.yaml": "logger: {mlflow: {tracking_uri: 'http://me:planted7x@host'}}",
    "key.yaml": "logger: {wandb: {api_key: planted7x}}",
    "environment.yaml": "logger: {mlflow: {tracking_uri: '${oc.env:STORE}'}}",
    "env_set.yaml": "hydra: {job: {env_set: {WANDB_API_KEY: planted7x}}}",
    "paths.yaml": "paths: {data: 'http://me:planted7x@host/data'}",
    "params.yaml": "hydra: {sweeper: {params: {paths.data: \"choice('s3://me:planted7x@host', x)\"}}}",
    "indirect.yaml": "paths: {data: '${oc.env:${oc.env:NAMES}}'}",
    "broken.yaml": "logger: {wandb: {api_key: planted7x: y}}",
    "plain.yaml": "seed: 3",
}

STUDY = "hydra/sweeper=optuna"
MULTIRUN = "-m seed=1,2"

ROUTES = (
    # keys named like secrets
    ("train", "+api_token=planted7x", KEPT),
    ("train", "++logger.mlflow.tracking_token=planted7x", KEPT),
    ("train", "+logger.wandb={mode:offline,API_KEY:planted7x}", KEPT),
    ("train", "\"logger={wandb: {'password': 'planted7x'}}\"", KEPT),
    ("train", "~logger.wandb.api_key=planted7x", KEPT),
    ("train", "+hydra.job.env_set.WANDB_API_KEY=planted7x", KEPT),
    ("train", "hydra.job.env_set.MYKEY=planted7x", KEPT),
    ("train", "'hydra.job.env_set={AWS_SECRET_ACCESS_KEY: planted7x}'", KEPT),
    ("train", "+db.credentials.user=planted7x", KEPT),
    ("train", "+dbPassword=planted7x", KEPT),
    ("train", "'+api_token: planted7x'", KEPT),
    ("train", "'+api_token planted7x'", KEPT),
    ("train", "--token planted7x", KEPT),
    ("train", "--api-key=planted7x", KEPT),
    ("train", "+api_key= +api_secret=planted7x", KEPT),
    ("train", f"{MULTIRUN} +api_token=planted7x,planted7y", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=basic 'hydra.job.env_set={{DB_PASS: planted7x}}'", KEPT),
    ("train", "+api_token=planted7x --help", KEPT),
    ("train", "--cfg job +api_token=planted7x", KEPT),
    ("train", "'+api token=planted7x'", KEPT),
    ("train", "'+\"api_token\"=planted7x'", KEPT),
    ("train", "'+a.b[token]=planted7x'", KEPT),
    ("train", "'+a={\"my token\": planted7x}'", KEPT),
    ("train", "+api_keys=[planted7x]", KEPT),
    ("train", "paths.data=${oc.env:API_TOKEN,planted7x}", KEPT),
    ("train", "-m hydra/launcher=submitit_slurm 'hydra.launcher.setup=[\"export API_KEY=planted7x\"]'", KEPT),
    ("train", "'{token=planted7x'", KEPT),
    # URLs
    ("train", "paths.data=//me:planted7x@host", KEPT),
    ("train", "paths.data=s3://me:123/planted7x@host", KEPT),
    ("train", "paths.data=http://me:planted7x@host/data", KEPT),
    ("train", "paths.outputs=me:planted7x@host", KEPT),
    ("train", "'paths.outputs=s3://me:planted 7x:planted7x@host/o'", KEPT),
    ("train", "paths.data=https://planted7x@host", KEPT),
    ("train", f"{MULTIRUN} paths.data=x,me:planted7x@host", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=joblib \"paths.data='s3://me:planted7x@host',x\"", KEPT),
    ("train", "'+paths={data: s3://me:planted7x@host}'", KEPT),
    ("train", "+paths.more=[a,s3://me:planted7x@host]", KEPT),
    ("train", "logger=mlflow logger.mlflow.tracking_uri=http://me:planted7x@host", KEPT),
    ("train", "logger=mlflow logger.mlflow.tracking_uri=postgresql://me@host/runs?password=planted7x", KEPT),
    ("train", "logger=mlflow logger.mlflow.tracking_uri=https://tok/planted7x@host", KEPT),
    ("train", "http://me:planted7x@host", KEPT),
    ("train", "=http://me:planted7x@host", KEPT),
    ("train", "resume=https://me:planted7x@host/run", KEPT),
    ("train", "experiment=https://me:planted7x@host/run.yaml", KEPT),
    ("train", "--config-dir=https://me:planted7x@host", KEPT),
    ("train", "hydra.run.dir=https://me:planted7x@host", KEPT),
    ("train", f"{STUDY} hydra.sweeper.storage=postgresql+psycopg://me:planted7x@host/studies", KEPT),
    ("train", f"{STUDY} 'hydra.sweeper.storage=postgresql://me:planted7x@${{oc.env:HOST,h}}/d'", KEPT),
    ("train", "-m sweep=lr 'hydra.sweeper.storage=mysql+pymysql://me:planted 7x planted7@host/studies'", KEPT),
    ("train", "-m sweep=lr hydra.sweeper.storage=sqlite:///file:s.db?uri=true&password=planted7x", KEPT),
    # shells that have put a variable's value there
    ("train", "paths.outputs=planted7token", KEPT),
    ("train", "experiment=planted7token", KEPT),
    ("train", "method=planted7token", KEPT),
    # references to the environment
    ("train", "paths.data=${oc.env:TOKEN}", KEPT),
    ("train", "paths.outputs=out/${oc.env:TOKEN}", KEPT),
    ("train", "paths.data=${oc.env:STORE}", KEPT),
    ("train", "+logger.wandb.api_key=${oc.env:PLAIN}", KEPT),
    ("train", "hydra.run.dir=${oc.env:TOKEN}", KEPT),
    ("train", "'paths.data=${oc.env:${oc.env:NAMES}}'", MALFORMED),
    ("train", "training.epochs=${oc.env:TOKEN}", KEPT),
    ("train", "training.epochs=${oc.env:PLAIN}", MALFORMED),
    ("train", "method=${oc.env:PLAIN}", MALFORMED),
    ("train", "logger=mlflow logger.mlflow.tracking_uri=${oc.env:STORE}", KEPT),
    ("train", "--cfg job --resolve paths.data=${oc.env:TOKEN}", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=basic paths.data=${{oc.env:TOKEN}},x", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=joblib paths.data=${{oc.env:STORE}},x", KEPT),
    ("train", f"{MULTIRUN} hydra.sweep.dir=${{oc.env:STORE}}", KEPT),
    ("train", f"-m {STUDY} 'paths.data=choice(x,${{oc.env:TOKEN}})'", KEPT),
    # files
    ("train", "experiment=experiments/uri.yaml", KEPT),
    ("train", f"{MULTIRUN} experiment=experiments/uri.yaml", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=joblib experiment=experiments/key.yaml", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=basic experiment=experiments/plain.yaml,experiments/uri.yaml", KEPT),
    ("train", f"{MULTIRUN} hydra/launcher=joblib experiment=experiments/plain.yaml,experiments/key.yaml", KEPT),
    ("train", f"{MULTIRUN} experiment=experiments/plain.yaml,experiments/environment.yaml", KEPT),
    ("train", f"-m {STUDY} optimizer.lr=interval(1e-4,1e-2) experiment=experiments/paths.yaml", KEPT),
    (
        "train",
        f"-m {STUDY} hydra/launcher=basic experiment=choice(experiments/plain.yaml,experiments/uri.yaml)",
        MALFORMED,
    ),
    ("train", "experiment=experiments/env_set.yaml", KEPT),
    ("train", f"{MULTIRUN} experiment=experiments/params.yaml", KEPT),
    ("train", "experiment=experiments/indirect.yaml", KEPT),
    ("train", "experiment=experiments/broken.yaml", ""),
    ("train", "--cfg job experiment=experiments/paths.yaml", KEPT),
    # the other commands
    ("report", "outputs --baseline api_token=planted7x", KEPT),
    ("report", "https://me:planted7x@host --markdown report.md", KEPT),
    ("report", "outputs --token=planted7x", KEPT),
    ("precision", "+api_token=planted7x", KEPT),
    ("precision", "paths.data=http://me:planted7x@host", KEPT),
    ("precision", "paths.data=${oc.env:TOKEN}", KEPT),
    ("precision", "training.epochs=${oc.env:PLAIN}", MALFORMED),
    ("precision", "method=baseline --json https://me:planted7x@host/x.json", KEPT),
    ("data", "fetch mnist --data https://me:planted7x@host", KEPT),
    ("data", "fetch planted7token", KEPT),
    ("functions", "table1 --json s3://me:planted7x@host/x.json", KEPT),
    ("functions", "count rastrigin --token planted7x", KEPT),
)
"""Command, arguments, and what its one line says."""

COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "report": report.main,
    "precision": precision.main,
    "data": data.main,
    "functions": functions.main,
}


def call(command: str, arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call a command in this process, with secrets in its environment."""
    if command == "train":
        return call_main(*arguments, cwd=cwd, **ENVIRONMENT)
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        try:
            code = COMMANDS[command](arguments)
        except SystemExit as stopped:
            code = int(str(stopped.code))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with files of experiments in the folder ``experiments``."""
    (tmp_path / "experiments").mkdir()
    for name, setting in FILES.items():
        trackers = "defaults:\n  - override /logger: [wandb, mlflow]\n" if "logger:" in setting else ""
        (tmp_path / "experiments" / name).write_text(f"# @package _global_\n{trackers}{setting}\n")
    return tmp_path


def planted(folder: Path) -> list[Path]:
    """What has a secret in its content or its name, but for the user's own files."""
    found = [path for path in folder.rglob("*") if path.parent.name != "experiments"]
    return [path for path in found if SECRET in os.fsencode(path) or (path.is_file() and SECRET in path.read_bytes())]


@pytest.mark.parametrize(("command", "arguments", "says"), ROUTES, ids=[f"{one[0]} {one[1]}" for one in ROUTES])
def test_no_byte_of_a_secret_is_printed_or_written(command: str, arguments: str, says: str, folder: Path) -> None:
    assert SECRET.decode() in arguments + str(FILES) + str(ENVIRONMENT)
    done = call(command, shlex.split(arguments), folder)
    assert SECRET.decode() not in done.stdout + done.stderr
    assert done.returncode != 0, done.stdout
    (line,) = done.stderr.splitlines()
    assert says in line
    assert planted(folder) == []
    # A multirun whose own settings have none has a folder before its jobs are composed.
    left = [Path(name).name for name in files(folder) if Path(name).parent.name != "experiments"]
    assert left in ([], ["multirun.yaml"])
    if left:
        assert "," in arguments


@pytest.mark.parametrize("way", ["parse_known_args", "parse_known_intermixed_args"])
def test_secrets_are_refused_before_any_way_of_parsing(
    way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ways call each other in some versions of Python and not in others."""
    parser = OneLineParser(prog="homotopy-x")
    monkeypatch.setattr(argparse.ArgumentParser, way, lambda *_: pytest.fail("parsed"))
    with pytest.raises(SystemExit, match="2"):
        getattr(parser, way)(["--json", "https://me:planted7x@host/x.json"])
    assert KEPT in capsys.readouterr().err


def test_a_configuration_that_refers_to_secrets_is_shown_without_them(tmp_path: Path) -> None:
    references = (STUDY, "hydra.sweeper.storage=${oc.env:STORE}", "+hydra.job.env_set.X=${oc.env:TOKEN}")
    written = call("train", ["--cfg", "hydra", *references], tmp_path)
    assert "storage: ${oc.env:STORE}" in written.stdout, written.stderr
    resolved = call("train", ["--cfg", "all", "--resolve", *references], tmp_path)
    assert "storage: http://***@host" in resolved.stdout, resolved.stderr
    assert "X: ***" in resolved.stdout
    assert SECRET.decode() not in written.stdout + resolved.stdout + resolved.stderr


def test_a_run_of_a_program_with_a_secret_on_its_command_line_does_not_record_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from homotopy_bench.tracking.environment import command_line

    monkeypatch.setattr(sys, "argv", ["study.py", "--token", "planted7x", "--api-key=planted7x", "s3://a:planted7@h"])
    assert command_line() == "study.py --token '***' '--api-key=***' 's3://a:***@h'"


def test_the_record_of_a_failure_has_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", ENVIRONMENT["TOKEN"])
    record = Record(tmp_path)
    said = f"no answer from http://me:planted7x@host for {ENVIRONMENT['TOKEN']}"
    record.log(said)
    record.finish({"status": "failed", "reason": said})
    assert summary(tmp_path)["reason"] == "no answer from http://***@host for ***"
    assert planted(tmp_path) == []


def test_a_record_with_a_secret_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("logger: {wandb: {api_key: planted7x}}\n")
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[]\n")
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(InputError, match=KEPT) as refused:
        read_run(tmp_path)
    assert SECRET.decode() not in str(refused.value)


LEGITIMATE = (
    "hydra.launcher.setup=['export API_KEY=$API_KEY']",
    "+hydra.job.env_set.API_KEY=${oc.env:API_KEY}",
    "logger.wandb.tags=[token]",
    "logger.wandb.project=key",
    "logger.wandb.notes='the key: a token'",
    "+monkey=1",
    "+tokenizer=planted",
    "hydra.job.config.override_dirname.exclude_keys=[seed]",
    "hydra.launcher.additional_parameters={mail-type:END,mail-user:me@host.org}",
    "hydra.launcher.init.address=ray://me@head:10001",
    "hydra.sweeper.storage=postgresql+psycopg://me@host:5432/studies",
    "logger.mlflow.tracking_uri=http://127.0.0.1:5000",
    "+logger.wandb.api_key=null",
    "+use_token=false",
    "hydra.sweeper.storage=${oc.env:STUDY_URL}",
    "outputs/2026-01-01/10:20:30",
)


@pytest.mark.parametrize("argument", LEGITIMATE)
def test_other_arguments_are_accepted(argument: str) -> None:
    refuse_arguments([argument])


def test_all_keys_of_conf_are_accepted() -> None:
    refuse_credentials(compose_all(["hydra/sweeper=optuna", "logger=[wandb,mlflow,tensorboard]"]))
    for file in conf_dir().rglob("*.yaml"):
        refuse_credentials(yaml.safe_load(file.read_text()))


def test_the_line_names_the_key_and_where_its_secret_belongs(folder: Path) -> None:
    mlflow = "logger.mlflow.tracking_uri=http://"
    storage = "hydra.sweeper.storage=postgresql://me:"
    lines = {
        f"{mlflow}me:planted7x@host": f"{mlflow}***@host: {KEPT}; accepted: none here but in the tracker's own "
        "variables, such as WANDB_API_KEY, MLFLOW_TRACKING_URI or MLFLOW_TRACKING_PASSWORD",
        f"{storage}planted7x@host/d": f"{storage}***@host/d: {KEPT}; accepted: none here but PGPASSWORD or ~/.pgpass, "
        "or all of it as '${oc.env:NAME}'",
        "+logger.wandb={API_KEY:planted7x}": f"logger.wandb: API_KEY=***: {KEPT}; accepted: none here but in the",
        "+api_token=planted7x": f"api_token=***: {KEPT}; accepted: none here; programs take them from the environment",
    }
    for argument, line in lines.items():
        assert the_error_line(call("train", [argument], folder)).startswith(line)


def test_compose_refuses_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", ENVIRONMENT["STORE"])
    with pytest.raises(InputError, match=rf"tracking_uri=\${{oc.env:STORE}}: {KEPT}"):
        compose("logger=mlflow", "logger.mlflow.tracking_uri=${oc.env:STORE}")


@pytest.mark.parametrize(
    "url", ["https://me:se/cret@host/path", "https://tok/en@host/path", "http://me:p@ss@host/path"]
)
def test_credentials_with_characters_of_paths_are_seen_and_masked(url: str) -> None:
    assert holds_secret(url)
    assert masked(url) == f"{url.partition(':')[0]}://***@host/path"


def test_a_secret_is_masked_whatever_a_path_of_its_value_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, short = "x1" * 200, "abcdef12"  # the first is too long for the name of a file
    for name, value in (("A_TOKEN", short), ("B_TOKEN", f"{short}-rest"), ("LONG_TOKEN", long)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "stat", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "closed")))
    assert masked(f"a {long} b {short}-rest c {short} d") == "a *** b *** c *** d"
    monkeypatch.undo()
    monkeypatch.setenv("PWD", str(tmp_path / "gone"))
    assert not holds_secret(str(tmp_path / "gone" / "outputs"))


def test_a_secret_that_is_a_word_is_no_part_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "postgres")
    assert not holds_secret("postgresql://db/studies")
    assert holds_secret("name=postgres")
    assert holds_secret("a_postgres.b")
    monkeypatch.setenv("PGPASSWORD", "secret12")
    assert holds_secret("notasecret12x")


def test_masked_text_stays_as_it_is() -> None:
    for text in ("s3://me:***@host", "http://***@host/?token=***", "http://host:80/ and postgresql://USER@HOST:5432/D"):
        assert masked(text) == text
        assert not holds_secret(text)
