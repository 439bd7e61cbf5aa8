"""What the documentation shows works as shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

import homotopy_bench.methods
from homotopy_bench import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.config.validation import validate
from homotopy_bench.core.conf_files import conf_dir
from homotopy_bench.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL = ["model.depth=3", "model.width=8", "dataset.samples=500", "training.epochs=2"]


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found
    return found.group(1)


def compose_with(folder: Path, *overrides: str) -> Config:
    search = f"hydra.searchpath=[file://{folder}]"
    with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
        composed = hydra_compose("config", overrides=[search, *overrides])
    raw = OmegaConf.to_container(composed, resolve=True)
    assert isinstance(raw, dict)
    return validate({str(key): value for key, value in raw.items()})


def test_the_documented_method_is_a_method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "methods.md").read_text()
    (tmp_path / "skip_fading.py").write_text(block(page, "python"))
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "skip_fading.yaml").write_text(block(page, "yaml"))
    monkeypatch.setattr(homotopy_bench.methods, "__path__", [*homotopy_bench.methods.__path__, str(tmp_path)])

    def trained(*overrides: str) -> torch.Tensor:
        config = compose_with(tmp_path, *overrides, *SMALL)
        training = Trainer([config], config.dataset.load(config.paths.data_root()))
        while training.step < training.total_steps:
            training.advance()
        return training.ensemble.theta

    same = ("optimizer.lr=1e-3", "optimizer.weight_decay=0.1", "continuation=constant")
    baseline = trained("method=baseline", *same)
    assert torch.equal(trained("method=skip_fading", *same), baseline)
    assert not torch.equal(trained("method=skip_fading", *same[:2]), baseline)


def commands() -> list[str]:
    """Every homotopy-train command of the documentation, its continued lines joined."""
    text = "\n".join(page.read_text().replace("\\\n", " ") for page in PAGES)
    found = re.findall(r"^(?: {4}|\$ )?(homotopy-train(?: [^\n#]*)?)", text, re.MULTILINE)
    # A run's folder and the example method exist elsewhere: in the tests of resume and in the test above.
    return sorted({command.strip() for command in found if "resume=" not in command and "skip_fading" not in command})


@pytest.mark.parametrize("command", commands())
def test_documented_commands_compose(command: str) -> None:
    arguments = [argument for argument in shlex.split(command)[1:] if not argument.startswith("-")]
    # The first choice of a sweep stands for all of them.
    compose(*(re.sub(r"^([^=]+)=(?:range\((\d+).*\)|([^,\[(]+),.*)$", r"\1=\2\3", argument) for argument in arguments))
