"""homotopy-data: what it prints, how it exits, and what it does not load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homotopy_bench.cli.data import main
from homotopy_bench.data import cifar10, mnist
from tests.data.cifar_files import use_small_files, write_files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small set in CIFAR-10's layout, and no mirrors anywhere."""
    write_files(tmp_path, use_small_files(monkeypatch))
    monkeypatch.setattr(cifar10, "MIRRORS", ())
    monkeypatch.setattr(mnist, "MIRRORS", ())
    return tmp_path


def test_check_of_good_files(root: Path, capsys) -> None:
    assert main(["check", "cifar10", "--data", str(root)]) == 0
    out, error = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"cifar10 in {root}"
    assert lines[1].split() == ["cifar-10-batches-bin/data_batch_1.bin", "36,876", "official", "readable"]
    assert len(lines) == 7
    assert error == ""


def test_check_tells_of_other_checksums_and_accepts_them(root: Path, capsys) -> None:
    path = root / "cifar-10-batches-bin/test_batch.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert main(["check", "cifar10", "--data", str(root)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[6].split() == ["cifar-10-batches-bin/test_batch.bin", "36,876", "not", "official", "readable"]
    assert out[7] == "1 of 6 files are not the published ones: say so beside every figure."


def test_check_of_missing_and_damaged_files(root: Path, capsys) -> None:
    (root / "cifar-10-batches-bin/data_batch_1.bin").unlink()
    (root / "cifar-10-batches-bin/data_batch_2.bin").write_bytes(b"cut")
    assert main(["check", "cifar10", "--data", str(root)]) == 2
    out, error = capsys.readouterr()
    assert out.splitlines()[1].split()[1:] == ["-", "-", "missing"]
    assert "this file has fewer than 36876 bytes; delete it and get it anew" in out.splitlines()[2]
    assert error == ("homotopy-data: 2 of 6 files cannot be used; homotopy-data fetch cifar10 brings what is missing\n")


def test_fetch_says_what_is_there(root: Path, capsys) -> None:
    assert main(["fetch", "cifar10", "--data", str(root)]) == 0
    assert "readable" in capsys.readouterr().out


def test_fetch_without_a_network_is_one_line(root: Path, capsys) -> None:
    assert main(["fetch", "mnist", "--data", str(root)]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith(f"homotopy-data: paths.data={root}: mnist/train-images-idx3-ubyte.gz and 3 more of mnist ")


def test_fetch_generates_mnist1d_and_check_reads_it(tmp_path: Path, capsys) -> None:
    assert main(["check", "mnist1d", "--data", str(tmp_path)]) == 2
    assert main(["fetch", "mnist1d", "--data", str(tmp_path)]) == 0
    assert (tmp_path / "mnist1d/mnist1d_5000.npz").is_file()
    assert main(["check", "mnist1d", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2:] == ["-", "readable"]
    (tmp_path / "mnist1d/mnist1d_5000.npz").write_bytes(b"cut")
    assert main(["check", "mnist1d", "--data", str(tmp_path)]) == 2
    assert main(["fetch", "mnist1d", "--data", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_fetch_of_mnist1d_into_a_folder_that_cannot_be_written(tmp_path: Path, capsys) -> None:
    blocked = tmp_path / "mnist1d"
    blocked.write_text("")
    assert main(["fetch", "mnist1d", "--data", str(blocked)]) == 2
    assert f"paths.data={blocked}: {blocked} is no folder" in capsys.readouterr().err
    assert main(["fetch", "mnist1d", "--data", str(tmp_path)]) == 2
    assert "mnist1d/mnist1d_5000.npz cannot be written there" in capsys.readouterr().err


def test_an_unknown_name_gets_a_hint(capsys) -> None:
    accepted = "accepted: cifar10, mnist, mnist1d, shakespeare"
    for name, hint in (("cifar", "; did you mean 'cifar10'?"), ("text", "")):  # the latter has a file of the user's own
        assert main(["fetch", name]) == 2
        assert capsys.readouterr().err == f"homotopy-data: NAME={name}: {accepted}{hint}\n"


def test_the_folder_is_that_of_training(root: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("HOMOTOPY_BENCH_DATA", str(root))
    assert main(["check", "cifar10"]) == 0
    monkeypatch.delenv("HOMOTOPY_BENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root))
    main(["check", "cifar10"])
    assert capsys.readouterr().out.splitlines()[7] == f"cifar10 in {root}/homotopy-bench"


def test_an_interruption_says_that_it_continues(root: Path, capsys, monkeypatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mnist.MNIST, "fetch", interrupt)
    assert main(["fetch", "mnist", "--data", str(root)]) == 130
    assert capsys.readouterr().err == "homotopy-data: interrupted; the same command continues\n"


def test_it_runs_as_a_module_and_loads_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, homotopy_bench.cli.data as cli; code = cli.main(['check', 'mnist', '--data', sys.argv[1]]); "
        "heavy = {'torch', 'hydra', 'pooch', 'requests', 'rich'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else code)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert result.returncode == 2, result.stderr
    environment = {**os.environ, "HOMOTOPY_BENCH_DATA": str(tmp_path)}
    module = [sys.executable, "-m", "homotopy_bench.cli.data"]
    result = subprocess.run([*module, "check", "mnist"], capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    assert result.stdout.startswith(f"mnist in {tmp_path}")
    assert "4 of 4 files cannot be used" in result.stderr
    result = subprocess.run([*module, "--help"], capture_output=True, text=True)
    assert result.returncode == 0


def test_options_load_neither_torch_nor_numpy() -> None:
    code = (
        "import sys; from homotopy_bench.data import cifar10, mnist, mnist1d; cifar10.CIFAR10(subset=100); "
        "sys.exit(str({'torch', 'numpy', 'pooch', 'requests', 'tarfile'} & set(sys.modules) or ''))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == ""
