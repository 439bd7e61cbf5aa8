"""What the documentation shows works as shown."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any

import api_reference
import config_reference
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, RangeSweep

import homotopy_bench.methods
from homotopy_bench.config.compose import compose_with, experiment_file
from homotopy_bench.config.including import included, split_include
from homotopy_bench.config.reference import ABOUT
from homotopy_bench.core.conf_files import choices_of
from homotopy_bench.core.options import ROOMS, option_class
from homotopy_bench.training.trainer import Trainer
from tests.composing import Composer

ROOT = Path(__file__).parent.parent
COMMANDS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.name != "LOG.md")]
SMALL = ["model.depth=3", "model.width=8", "dataset.samples=500", "training.epochs=2"]


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found
    return found.group(1)


@pytest.fixture(scope="module")
def skip_fading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with the method that docs/methods.md adds, as configuration and as code, and with a study."""
    folder = tmp_path_factory.mktemp("documented")
    page = (ROOT / "docs" / "methods.md").read_text()
    (folder / "skip_fading.py").write_text(block(page, "python"))
    (folder / "method").mkdir()
    (folder / "method" / "skip_fading.yaml").write_text(block(page, "yaml"))
    best = folder / "outputs" / "studies" / "NAME"
    best.mkdir(parents=True)
    (best / "best.yaml").write_text("# @package _global_\ntraining:\n  epochs: 3\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(homotopy_bench.methods, "__path__", [*homotopy_bench.methods.__path__, str(folder)])
        yield folder


@pytest.fixture(scope="module")
def composed(skip_fading: Path) -> Composer:
    """Compose with the method of the page, and with a study's best setting at the place that pages name."""
    return Composer(f"hydra.searchpath=[file://{skip_fading}]")


def test_the_documented_method_is_a_method(composed: Composer) -> None:
    def trained(*overrides: str) -> torch.Tensor:
        config = composed(*overrides, *SMALL)
        training = Trainer([config], config.dataset.load(config.paths.data_root()))
        while training.step < training.total_steps:
            training.advance()
        return training.ensemble.theta

    same = ("optimizer.lr=1e-3", "optimizer.weight_decay=0.1", "continuation=constant")
    baseline = trained("method=baseline", *same)
    assert torch.equal(trained("method=skip_fading", *same), baseline)
    assert not torch.equal(trained("method=skip_fading", *same[:2]), baseline)


@dataclass(frozen=True)
class Command:
    """A command of a page, with its continued lines joined."""

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text}"


def lines_of_code(page: str) -> Iterator[str]:
    """Yield the lines of indented blocks and of ```bash blocks, and code in the text that begins like a command."""
    page = re.sub(r"```(?!bash)\w+\n.*?```", "", page, flags=re.DOTALL).replace("\\\n", " ")
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        yield from block.splitlines()
    page = re.sub(r"```bash\n.*?```", "", page, flags=re.DOTALL)
    yield from re.findall(
        r"^ {4}(?! )(.+)$", re.sub(r"^- .*\n( {2,}.*\n)*", "", page, flags=re.MULTILINE), re.MULTILINE
    )
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"(?<=\w)\n(?=\S)", " ", page)):
        if re.match(rf"({'|'.join(COMMANDS)}|make|python scripts/\S+) \S", code):
            yield code


def commands() -> list[Command]:
    """Return every command of the documentation, once."""
    found = {}
    for page in PAGES:
        for line in lines_of_code(page.read_text()):
            text = re.sub(r"(^|\s)#.*$", "", line).strip()
            if text:
                found[text] = Command(str(page.relative_to(ROOT)), text)
    return list(found.values())


class Parsed(Exception):
    """Ends a program where its arguments have been parsed."""


@pytest.fixture
def parse_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """End every program that uses argparse behind its parser: what it would do is not what a page gets wrong."""

    def ending(parse: Callable[..., Any]) -> Callable[..., Any]:
        def parse_and_end(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> None:
            parsed = parse(self, *args, **kwargs)
            raise Parsed(parsed)

        return parse_and_end

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", ending(argparse.ArgumentParser.parse_args))
    intermixed = ending(argparse.ArgumentParser.parse_known_intermixed_args)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_intermixed_args", intermixed)


def jobs(arguments: list[str]) -> list[list[str]]:
    """Return overrides of jobs with every value of every sweep: of a range the last, of an interval both ends."""
    values = []
    for override in OverridesParser.create().parse_overrides(arguments):
        if not override.is_sweep_override():
            values.append([override.input_line or ""])
            continue
        swept = override.value()
        name = override.get_key_element()
        if isinstance(swept, IntervalSweep):
            chosen = [str(swept.start), str(swept.end)]
        else:
            chosen = [str(value) for value in override.sweep_string_iterator()]
            chosen = chosen[-1:] if isinstance(swept, RangeSweep) else chosen
        values.append([f"{name}={value}" for value in chosen])
    return [[one[i % len(one)] for one in values] for i in range(max(map(len, values), default=1))]


def compose_training(arguments: list[str], compose: Composer) -> None:
    """Compose and check the configuration of every job of a command, as the command line does."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    assert set(flags) <= {"-m", "--cfg", "-p", "--help", "-sc", "--hydra-help", "--version"}, flags
    for flag in ("--cfg", "-p", "-sc"):
        if flag in arguments:
            del arguments[arguments.index(flag) : arguments.index(flag) + 2]
    overrides = [experiment_file(argument) for argument in arguments if argument not in flags]
    if any(override.startswith("resume=") for override in overrides):
        others = [override for override in overrides if not override.startswith("resume=")]
        assert all(override.startswith("hardware.devices=") for override in others), "a run continues as it was begun"
        return
    folders, overrides = split_include(overrides)
    if folders:
        trees = included([ROOT / folder for folder in folders])
        for job in jobs(overrides):
            compose_with(trees, [re.sub("=examples/", f"={ROOT}/examples/", override) for override in job])
        return
    for job in jobs(overrides):
        named = (re.sub("=outputs/DATE/TIME$", "=outputs/studies/NAME", override) for override in job)
        compose(*(re.sub("=examples/", f"={ROOT}/examples/", override) for override in named))


def run_script(arguments: list[str], monkeypatch: pytest.MonkeyPatch, compose: Composer) -> None:
    """Parse the arguments of a script; compose the overrides among them."""
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(Parsed) as parsed:
        importlib.import_module(Path(arguments[0]).stem).main()
    compose_training(list(getattr(parsed.value.args[0], "overrides", [])), compose)


OTHERS = {"cd", "mlflow", "tensorboard", "optuna-dashboard", "wandb", ".", "eval"}
"""Programs and shell words of others, which pages mention."""


# A package that the dashboard needs has validators in the style of pydantic 1.
@pytest.mark.filterwarnings("ignore:Pydantic V1 style")
@pytest.mark.parametrize("command", commands(), ids=str)
def test_documented_commands_are_understood(
    command: Command, composed: Composer, skip_fading: Path, parse_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(skip_fading)
    monkeypatch.setenv("STUDY_URL", "sqlite:///study.db")
    understand(shlex.split(command.text), monkeypatch, composed)


def understand(words: list[str], monkeypatch: pytest.MonkeyPatch, compose: Composer) -> None:
    """Parse or compose one command.

    Raises:
        AssertionError: If nothing knows the command.
    """
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    program, *arguments = words
    if program == "homotopy-train":
        compose_training(arguments, compose)
    elif program.startswith("homotopy-"):
        main = importlib.import_module(f"homotopy_bench.cli.{program.removeprefix('homotopy-')}").main
        with pytest.raises(Parsed):
            main(arguments)
    elif program == "python":
        assert (ROOT / arguments[0]).is_file()
        if arguments[0] == "scripts/config_reference.py":
            return
        run_script(arguments, monkeypatch, compose)
    elif program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        given = [word.removeprefix("ARGS=").split() for word in arguments[1:]]
        compose_training([word for part in given for word in part], compose)
    elif program == "pip":
        extras = re.findall(r"\[(\w+)\]", arguments[1])
        assert arguments[0] == "install"
        assert set(extras) <= set(
            tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        )
    elif program in ("srun", "torchrun"):  # options of their own, then a program
        understand(list(dropwhile(lambda word: word.startswith("-"), arguments)), monkeypatch, compose)
    elif program == "sbatch":
        understand(shlex.split(arguments[arguments.index("--wrap") + 1]), monkeypatch, compose)
    elif program == "export":
        assert re.match(r"[A-Z_]+=", arguments[0])
    else:
        assert program in OTHERS, program


def test_the_documented_training_of_a_network_of_ones_own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (ROOT / "docs" / "index.md").read_text().partition("With a network and data of your own")[2]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block(own, "python"), names)
    assert names["result"].summary["status"] == "completed"


def test_links_of_the_readme_lead_to_files() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_what_is_said_to_be_proved_is_proved_there() -> None:
    lines = [line.split("|") for line in (ROOT / "tests" / "README.md").read_text().splitlines()]
    named = [one for line in lines if len(line) > 3 for one in re.findall(r"([\w/]+\.py)::(\w+)", line[2])]
    assert len(named) > 20
    for file, test in named:
        definition = f"def {test}" if test.endswith("_") else f"def {test}("  # the former is written test_..._*
        assert definition in (ROOT / "tests" / file).read_text(), f"{file}::{test}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_configuration_reference_has_every_key() -> None:
    page = config_reference.page()
    for group in ROOMS:
        for choice in choices_of(group):
            assert f"### {group}={choice}\n" in page
            fields = option_class(group, choice).model_fields
            for key in {field.alias or name for name, field in fields.items() if name != "name"}:
                prefix = f"{group}.{choice}" if group == "logger" else group
                assert f"| `{prefix}.{key}` | " in page
    assert set(ABOUT) == set(ROOMS)
    # Type, range, default and description of one key, written out.
    assert "| `training.epochs` | an integer >= 1 | `100` |  | Passes over the training split |" in page
    assert "| `optimizer.weight_decay` | a number >= 0 | `0.01` | yes | Decoupled weight decay |" in page


def test_every_room_has_a_page_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert len(api_reference.pages()) >= 15
    assert not [path for path in api_reference.pages() if f": {path}\n" not in navigation]
