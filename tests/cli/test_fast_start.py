"""What needs no network and no data answers without loading torch, and what is shipped works as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pexpect
import pytest

from homotopy_bench import __version__, compose, train
from homotopy_bench.config.reference import ABOUT, path_keys, run_keys
from homotopy_bench.config.reference import choices as described
from homotopy_bench.config.schema import Config
from homotopy_bench.core.conf_files import conf_dir
from tests.cases import FOLDERS, need_data
from tests.cli.runner import LIMIT, TINY, call_main, environment, run, run_cli, summary
from tests.report.conftest import write_run

CONSOLE_SCRIPT = Path(sys.executable).with_name("homotopy-train")

HEAVY = ("torch", "numpy", "scipy", "matplotlib", "mnist1d", "rich")

REPORT_IMPORTS = f"""
import atexit, sys
atexit.register(lambda: print("heavy:", *[name for name in {HEAVY} if name in sys.modules]))
from homotopy_bench.cli.train import main
sys.argv[0] = "homotopy-train"
sys.exit(main())
"""


def run_counting_imports(*arguments: str, cwd: Path, **more: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the command line; return also which heavy packages its process had loaded in the end."""
    done = run(sys.executable, "-c", REPORT_IMPORTS, *arguments, cwd=cwd, **more)
    last = done.stdout.splitlines()[-1]
    assert last.startswith("heavy:"), done.stdout
    return done, last.split()[1:]


def complete(typed: str, cwd: Path) -> list[str]:
    """What bash is offered for a command line that has been typed so far."""
    line = f"homotopy-train {typed}"
    done = call_main("-sc", "query=bash", cwd=cwd, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()[0].split()


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


GROUPS = [field.name for field in fields(Config) if (conf_dir() / field.name).is_dir()]


def test_the_check_of_imports_sees_torch(tmp_path: Path) -> None:
    done, heavy = run_counting_imports(*TINY, "training.batch_size=500", cwd=tmp_path)
    assert done.returncode == 2
    assert {"torch", "numpy"} <= set(heavy)


ANSWERS = (
    (("--help",), 0),
    (("--hydra-help",), 0),
    (("--version",), 0),
    (("--cfg", "job"), 0),
    (("--cfg", "job", "--resolve", "method=baseline", "optimizer=sgd"), 0),
    (("--cfg", "hydra"), 0),
    (("--info", "defaults-tree"), 0),
    (("-sc", "install=bash"), 0),
    (("method=hta", "--help"), 0),
    (("-sc", "query=bash"), 0),
    (("--frobnicate",), 2),
    (("logger.wandb.projet=x",), 2),
    (("sead=1",), 2),
    (("method=basline",), 2),
    (("training.epochs=0",), 2),
    (("seed=[",), 2),
    (("resume=nowhere",), 2),
    (("lr_schedule=trace", "lr_schedule.run=nowhere"), 2),
)

ANSWER_ALL = f"""
import sys
from homotopy_bench.cli.train import main
for arguments, code in {ANSWERS}:
    sys.argv = ["homotopy-train", *arguments]
    try:
        answer = main()
    except SystemExit as stopped:
        answer = stopped.code
    heavy = [name for name in {HEAVY} if name in sys.modules]
    assert (answer, heavy) == (code, []), (arguments, answer, heavy)
"""


def test_answers_without_loading_torch(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", ANSWER_ALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


IMPORTS = """
import sys
from homotopy_bench import __all__, read_runs
read_runs(sys.argv[1])
heavy = [name for name in ("torch", "matplotlib", "pandas") if name in sys.modules]
assert heavy == [] and "load_run" in __all__, heavy
"""


def test_records_are_read_without_loading_torch_or_pandas(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    done = run(sys.executable, "-c", IMPORTS, str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
"""A proxy that is not there."""


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_missing_data_are_named_without_loading_torch(dataset: str, tmp_path: Path) -> None:
    done, heavy = run_counting_imports(f"dataset={dataset}", "paths.data=data", cwd=tmp_path, **NO_NETWORK)
    assert done.returncode == 2
    assert done.stderr.startswith(f"homotopy-train: paths.data=data: {FOLDERS[dataset]}/")
    assert "of " + dataset + " are missing there and could not be downloaded" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "torch" not in heavy
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert [path.suffix for path in (tmp_path / "data").rglob("*") if path.is_file()] == [".lock"]


def test_showing_a_configuration_brings_no_data(tmp_path: Path) -> None:
    done, heavy = run_counting_imports("dataset=mnist", "paths.data=data", "--cfg", "job", cwd=tmp_path, **NO_NETWORK)
    assert (done.returncode, done.stderr, heavy) == (0, "", [])
    assert list(tmp_path.iterdir()) == []


def test_missing_data_fail_their_job_of_a_multirun_alone(tmp_path: Path) -> None:
    jobs = ("-m", "dataset=mnist,cifar10", "paths.data=data", "hydra.sweep.dir=sweep")
    done, heavy = run_counting_imports(*jobs, cwd=tmp_path, **NO_NETWORK)
    assert done.returncode == 2
    assert "torch" not in heavy
    for job, dataset in enumerate(("mnist", "cifar10")):
        record = summary(tmp_path / "sweep" / str(job))
        assert record["status"] == "failed"
        assert record["reason"].startswith(f"paths.data=data: {FOLDERS[dataset]}/")
        assert f"homotopy-train: {record['reason']}" in done.stderr.splitlines()


def test_help_names_groups_choices_examples_and_resume(tmp_path: Path) -> None:
    text = subprocess.run([CONSOLE_SCRIPT, "--help"], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert text.returncode == 0
    assert text.stderr == ""
    lines = text.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    groups = [*GROUPS, "experiment", "sweep", "hydra/launcher"]
    for group, lines_of in listed(lines, groups).items():
        assert set(lines_of) >= set(choices(group)), group
        assert all(lines_of.values()), (group, lines_of)
    for example in ("homotopy-train method=baseline seed=3", "homotopy-train -m ", "homotopy-train resume="):
        assert example in text.stdout
    assert "HYDRA_FULL_ERROR=1" in text.stdout
    first_screen = "\n".join(lines[:24])
    for what in ("Usage:", "Examples:", "Options", "-m, --multirun", "--help", "--version", "resume=FOLDER"):
        assert what in first_screen


def listed(lines: list[str], groups: list[str]) -> dict[str, dict[str, str]]:
    """The choices below each group, with what is said of them."""
    found: dict[str, dict[str, str]] = {}
    for group in groups:
        (begin,) = (i for i, line in enumerate(lines) if line.split()[:1] == [group] and not line.startswith(" "))
        length = lines[begin:].index("")
        matches = [re.fullmatch(r"  [* ] (\S+) +(\S.*)", line) for line in lines[begin + 1 : begin + length]]
        found[group] = {match[1]: match[2] for match in matches if match}
    return found


def test_help_names_every_key_with_default_and_what_is_accepted(tmp_path: Path) -> None:
    text = " ".join(call_main("--help", cwd=tmp_path).stdout.split())
    for key in [*run_keys(), *path_keys(), *(key for group in ABOUT for one in described(group) for key in one.keys)]:
        assert " ".join(f"{key.name}={key.default} {key.description.rstrip('.')} [{key.accepted}]".split()) in text
    assert "training.epochs=100 Passes over the training split [an integer >= 1]" in text
    assert "hydra.launcher.max_members=null" in text
    assert "hydra.sweeper.n_trials=32" in text


def test_help_of_a_choice_has_only_its_keys(tmp_path: Path) -> None:
    text = call_main("method=identity_homotopy", "--help", cwd=tmp_path).stdout
    assert "method.path=circular" in text
    assert "[linear, residual, circular, fading, preactivation]" in text
    assert "Chooses continuation=linear, optimizer=adamw" in text
    assert len(text.splitlines()) < 12
    lines = call_main("--help", "optimizer", cwd=tmp_path).stdout.splitlines()
    assert [line for line in lines if line.startswith("optimizer=")] == [f"optimizer={o}" for o in choices("optimizer")]
    assert call_main("-h", "training", cwd=tmp_path).stdout.count("  training.") == 11
    assert "looks_linear" in call_main("model.init", "--help", cwd=tmp_path).stdout
    assert "Slurm" in call_main("hydra/launcher=submitit_slurm", "--help", cwd=tmp_path).stdout
    assert "where lr_schedule.form=cap" in call_main("sweep=curvature", "--help", cwd=tmp_path).stdout
    assert "github.com/ecotner" in call_main("experiment", "--help", cwd=tmp_path).stdout
    assert call_main("seed=3", "--help", cwd=tmp_path).stdout == call_main("--help", cwd=tmp_path).stdout


def test_the_version_is_ours(tmp_path: Path) -> None:
    assert call_main("--version", cwd=tmp_path).stdout == f"homotopy-bench {__version__}\n"


@pytest.mark.parametrize("order", ["seed=3 --cfg job method=baseline", "--cfg job seed=3 method=baseline"])
def test_flags_may_stand_among_overrides(order: str, tmp_path: Path) -> None:
    expected = call_main("seed=3", "method=baseline", "--cfg", "job", cwd=tmp_path)
    done = call_main(*order.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, expected.stdout, "")


def test_a_multirun_may_be_asked_for_between_overrides(tmp_path: Path) -> None:
    words = ("training.epochs=0", "seed=0,1", "-m", "method=baseline", "hydra.sweep.dir=sweep")
    done = call_main(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "homotopy-train: training.epochs=0: accepted: an integer >= 1\n" * 2
    assert [summary(tmp_path / "sweep" / str(job))["status"] for job in range(2)] == ["failed", "failed"]


def test_the_examples_of_the_help_are_commands_that_compose(tmp_path: Path) -> None:
    text = call_main("--help", cwd=tmp_path).stdout.partition("Examples:")[2].partition("\n\n")[0]
    commands = [line.split("  ")[0].split()[1:] for line in text.strip().splitlines() if "homotopy-train" in line]
    plain = [words for words in commands if words[:1] != ["-m"] and all("=" in word for word in words)]
    assert len(plain) >= 2
    for words in plain:
        if not words or not words[0].startswith("resume="):
            compose(*words)


def test_completion_offers_groups_choices_and_keys(tmp_path: Path) -> None:
    typed = {"COMP_LINE": "homotopy-train method=", "COMP_POINT": "22"}
    done, heavy = run_counting_imports("-sc", "query=bash", cwd=tmp_path, **typed)
    assert (done.stdout.splitlines()[0].split(), heavy) == (complete("method=", tmp_path), [])
    assert complete("method=", tmp_path) == [f"method={choice}" for choice in choices("method")]
    assert {f"{group}=" for group in GROUPS} <= set(complete("", tmp_path))
    assert {"training.epochs=", "training.batch_size="} <= set(complete("training.", tmp_path))
    assert complete("optimizer=adam", tmp_path) == ["optimizer=adam", "optimizer=adamw"]
    assert {"resume=", "seed=", "training.", "hydra/launcher="} <= set(complete("", tmp_path))
    assert complete("--mul", tmp_path) == ["--multirun"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("model.init=", ["default", "identity", "kaiming", "looks_linear", "mean_preserving", "orthogonal"]),
        ("model=cnn model.init=", ["default", "delta_orthogonal", "glorot", "identity", "kaiming", "orthogonal"]),
        ("-m model.init=orthogonal,k", ["orthogonal,kaiming"]),
        ("-m method=hta,b", ["hta,baseline"]),
        ("dataset.standardize=", ["false", "true"]),
        ("training.epochs=", ["100"]),
        ("logger=wandb logger.wandb.mode=", ["null", "offline", "online"]),
        ("hydra.launcher.probe=", ["false", "true"]),
        ("sweep=lr hydra.sweeper.pruner=h", ["hyperband"]),
        ("hydra/launcher=s", ["submitit_local", "submitit_slurm"]),
        ("model=nonsense training.eval_every=", ["1"]),
        ("nonsense=", []),
    ],
)
def test_completion_offers_the_values_of_a_key(typed: str, offered: list[str], tmp_path: Path) -> None:
    key = typed.split()[-1].partition("=")[0]
    assert complete(typed, tmp_path) == [f"{key}={value}" for value in offered]


def test_completion_offers_the_folders_that_can_be_resumed(tmp_path: Path) -> None:
    for folder in ("outputs/DATE/TIME", "outputs/multirun/DATE/TIME/0", "other/run"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "metrics.jsonl").touch()
    (tmp_path / "outputs/multirun/DATE/TIME/multirun.yaml").touch()
    for nothing in ("empty/folder", ".hidden/run", "with space/run"):
        (tmp_path / nothing).mkdir(parents=True)
    (tmp_path / ".hidden/run/metrics.jsonl").touch()
    (tmp_path / "with space/run/metrics.jsonl").touch()
    assert complete("resume=", tmp_path) == ["resume=other/", "resume=outputs/"]
    assert complete("resume=outputs/", tmp_path) == ["resume=outputs/DATE/", "resume=outputs/multirun/"]
    assert complete("resume=outputs/D", tmp_path) == ["resume=outputs/DATE/"]
    assert complete("resume=outputs/DATE/", tmp_path) == ["resume=outputs/DATE/TIME"]
    assert complete("resume=outputs/multirun/DATE/", tmp_path) == ["resume=outputs/multirun/DATE/TIME"]
    assert complete("resume=outputs/multirun/DATE/TIME/", tmp_path) == ["resume=outputs/multirun/DATE/TIME/0"]
    assert complete(f"resume={tmp_path}/oth", tmp_path) == [f"resume={tmp_path}/other/"]
    assert complete("resume=nowhere/", tmp_path) == []


def test_each_shell_gets_its_own_separator(tmp_path: Path) -> None:
    typed = {"COMP_LINE": "homotopy-train model.init=", "COMP_POINT": "26"}
    said = {shell: call_main("-sc", f"query={shell}", cwd=tmp_path, **typed).stdout for shell in ("zsh", "fish")}
    assert len(said["zsh"].splitlines()) == 1
    assert said["fish"].splitlines() == said["zsh"].split()
    assert len(said["zsh"].split()) == 6


BASH = """
eval "$(homotopy-train -sc install=bash)"
COMP_LINE="homotopy-train method=" COMP_POINT=22 COMP_WORDS=(homotopy-train method=) COMP_CWORD=1
hydra_bash_completion
echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
def test_bash_completes_after_the_command_in_the_help(tmp_path: Path) -> None:
    path = f"{CONSOLE_SCRIPT.parent}:{os.environ['PATH']}"
    done = run("bash", "-c", BASH, cwd=tmp_path, PATH=path)
    assert done.stdout.split() == [f"method={choice}" for choice in choices("method")], done.stderr


SUITS = {
    "levels": ("method=hta",),  # only methods with levels go with it
    **dict.fromkeys(("gpt2", "transformer"), ("dataset=text",)),
    **dict.fromkeys(("shakespeare", "text"), ("model=transformer",)),
}
"""What a choice does not compose without."""


@pytest.mark.parametrize(("group", "choice"), [(group, choice) for group in GROUPS for choice in choices(group)])
def test_every_choice_composes(group: str, choice: str) -> None:
    config = compose(f"{group}={choice}", *SUITS.get(choice, ()))
    if group != "paths":
        assert getattr(config, group).name == choice


# Those of HTA are for CIFAR-10 and run in tests/methods/test_hta.py, on small files in its layout.
EXPERIMENTS = [name for name in choices("experiment") if not name.startswith("hta_")]


FEW = {
    "mnist1d": ("dataset.samples=500",),
    "mnist": ("dataset.subset=400", "dataset.test_subset=100"),
    "cifar10": ("dataset.subset=400", "dataset.test_subset=100"),
    "shakespeare": ("dataset.subset=100", "dataset.test_subset=10"),
}
"""How each data set is made small."""


ON_REAL_DATA = [
    name for name in EXPERIMENTS if name.startswith(("convexity_annealing_", "shakespeare", "transformer_"))
]


@pytest.mark.parametrize(
    "experiment",
    [pytest.param(name, marks=[pytest.mark.data] if name in ON_REAL_DATA else []) for name in EXPERIMENTS],
)
def test_every_shipped_experiment_runs(experiment: str, data_root: Path, tmp_path: Path, real_curves: None) -> None:
    dataset = compose(f"experiment={experiment}").dataset.name
    assert (dataset in FOLDERS) == (experiment in ON_REAL_DATA)
    need_data(dataset, data_root)
    small = ("training.epochs=1", "training.batch_size=30", "model.depth=3", "model.width=8", *FEW[dataset])
    result = train(compose(f"experiment={experiment}", *small), tmp_path / "run")
    assert result.summary["status"] == "completed"
    assert (tmp_path / "run" / "curves.png").stat().st_size > 5000


def test_a_file_gets_lines_and_nothing_that_only_a_terminal_understands(tmp_path: Path) -> None:
    done = run_cli(*TINY, "training.epochs=1", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert summary(tmp_path / "run")["status"] == "completed"
    assert done.stderr == ""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)
    lines = done.stdout.splitlines()
    figures = r"epoch 1  t 1\.000  lr \S+  loss \S+  target [\d.]+ %  path [\d.]+ %"
    assert sum(re.fullmatch(figures, line) is not None for line in lines) == 1
    assert lines[-1] == "record: run"


def test_a_terminal_shows_a_live_bar(tmp_path: Path) -> None:
    shown = pexpect.run(
        f"{CONSOLE_SCRIPT} {' '.join(TINY)} training.epochs=3 hydra.run.dir=run",
        cwd=str(tmp_path),
        env=environment(TERM="xterm-256color"),
        timeout=LIMIT,
        withexitstatus=True,
    )
    screen, code = shown[0].decode(), shown[1]
    assert code == 0, screen
    assert "\x1b[" in screen
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)
    bar = re.compile(r"━.*t \d\.\d+ +lr \S+ +loss \S+ +target [\d.]+ % +path [\d.]+ % +\d+:\d\d left")
    drawn = [line for line in re.split(r"[\r\n]+", plain) if bar.search(line)]
    assert drawn, plain
    assert all(len(line) <= 80 for line in drawn)
    assert "record: run" in plain
