"""The wheel: installed elsewhere and run from an empty folder, it finds its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed, without its dependencies: those come from this environment."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def run_from_wheel(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "homotopy_bench", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_the_wheel_carries_every_configuration_file(site: Path) -> None:
    shipped = {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}
    installed = {
        path.relative_to(site / "homotopy_bench/conf") for path in (site / "homotopy_bench/conf").rglob("*.yaml")
    }
    assert installed == shipped


def test_the_wheel_trains_choices_of_ones_own_with_its_launcher_from_an_empty_folder(
    site: Path, tmp_path: Path
) -> None:
    assert not (site / "hydra_plugins" / "__init__.py").exists()  # others have plugins in this package too
    shutil.copytree(ROOT / "examples", tmp_path / "own", ignore=shutil.ignore_patterns("*.ipynb"))
    own = ("include=own/progressive_depth,own/small_resnet", "method=progressive_depth", "model=small_resnet")
    data = ("dataset=arrays", "dataset.file=own/digits/digits.npz", "dataset.subset=200", "training.batch_size=60")
    small = ("model.width=4", "training.epochs=1", "hydra.sweep.dir=sweep")
    run = run_from_wheel(site, tmp_path, "-m", "hydra/launcher=fused", *own, *data, *small, "seed=0,1")
    assert run.returncode == 0, run.stderr
    assert "2 runs as one program" in run.stdout
    written = subprocess.run(
        [sys.executable, "-m", "homotopy_bench.cli.new", "model", "mine"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert written.stdout.splitlines()[0] == "models/mine.py"


def test_hydra_finds_the_sweeper_of_the_wheel(site: Path, tmp_path: Path) -> None:
    names = ("hydra_plugins.homotopy_bench.optuna_sweeper.__file__", "homotopy_bench.core.conf_files.conf_dir()")
    code = (
        f"import hydra_plugins.homotopy_bench.optuna_sweeper, homotopy_bench.core.conf_files\nprint({', '.join(names)})"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    plugin, conf = found.stdout.split()
    assert Path(plugin).is_relative_to(site)
    assert Path(conf) == site / "homotopy_bench" / "conf"
    run = run_from_wheel(site, tmp_path, "-m", "hydra/sweeper=optuna")
    assert run.returncode == 2
    assert run.stderr.startswith("homotopy-train: hydra.sweeper.params={}: nothing to search"), run.stderr


def test_the_wheel_is_typed_and_licensed(site: Path) -> None:
    assert (site / "homotopy_bench" / "py.typed").is_file()
    (licence,) = site.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_text() == (ROOT / "LICENSE").read_text()
    (metadata,) = site.glob("*.dist-info/METADATA")
    lines = metadata.read_text().splitlines()
    assert "License-Expression: MIT" in lines
    assert "Author: homotopy-bench contributors" in lines


def test_the_metadata_names_every_command(site: Path) -> None:
    (entry_points,) = site.glob("*.dist-info/entry_points.txt")
    text = entry_points.read_text()
    for command in ("train", "report", "data", "functions", "precision", "new"):
        assert f"homotopy-{command} = homotopy_bench.cli.{command}:main" in text
