"""A network read back from another program's file has the logits of the network in the run's checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from homotopy_bench import load_run, train
from homotopy_bench.data.arrays import Arrays
from homotopy_bench.results import onnx_format
from homotopy_bench.results.export import about as described
from homotopy_bench.results.export import export
from homotopy_bench.results.formats import ABOUT, NAMES, export_format
from homotopy_bench.results.trained import LoadedRun
from tests.cli.runner import call_command, files, the_error_line
from tests.composing import compose
from tests.data.cifar_files import use_small_files, write_files

FEW = ("dataset.samples=300", "training.batch_size=60", "training.epochs=3")

LONG = ("training.epochs=150", "optimizer.weight_decay=0.0")

RUNS = {
    "batchnorm": ("method=baseline", "model.depth=4", "model.width=16", "model.block=batchnorm", *FEW),
    "layernorm": ("method=baseline", "model.depth=4", "model.width=16", "model.block=layernorm", *FEW),
    "rezero": ("method=baseline", "model.depth=4", "model.width=16", "model.block=rezero", *FEW),
    "cnn": ("method=baseline", "model=cnn", "model.depth=4", "model.width=6", *FEW),
    "vgg": ("method=baseline", "model=vgg11", "model.width=0.125", "dataset=cifar10", "training.batch_size=10"),
    "homotopy": ("method=identity_homotopy", "model.depth=8", "model.width=32", *FEW, *LONG),
    "float64": ("method=baseline", "model.depth=4", "model.width=16", "hardware.dtype=float64", *FEW),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedRun]:
    """Return a function from a name of :data:`RUNS` to the run, trained once."""
    known: dict[str, LoadedRun] = {}

    def run(name: str) -> LoadedRun:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            with pytest.MonkeyPatch.context() as patch:
                own: tuple[str, ...] = ()
                if name == "vgg":
                    write_files(folder / "data", use_small_files(patch))
                    own = (f"paths.data={folder / 'data'}", "training.epochs=2")
                train(compose(*RUNS[name], *own), folder / "run")
                known[name] = load_run(folder / "run")
        return known[name]

    return run


@pytest.fixture(scope="module")
def written(loaded: Callable[[str], LoadedRun]) -> Callable[[str, str], bytes]:
    """Return a function from a name of :data:`RUNS` and a format to the file, written once."""
    return cache(lambda name, form: export(loaded(name).members[0], export_format(form)).content)


def from_safetensors(file: Path, run: LoadedRun, x: Tensor) -> Tensor:
    """The tensors of the file in a network that is built anew from the configuration."""
    network: nn.Module = run.config.model.build(tuple(x.shape[1:]), 10)
    network.load_state_dict(load_file(file))
    logits: Tensor = network.to(x.dtype).eval()(x)
    return logits


def from_onnx(file: Path, run: LoadedRun, x: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(file)
    (given,), (output,) = session.get_inputs(), session.get_outputs()
    return torch.from_numpy(session.run([output.name], {given.name: x.numpy()})[0])


def from_torch(file: Path, run: LoadedRun, x: Tensor) -> Tensor:
    logits: Tensor = torch.export.load(file).module()(x)
    return logits


READERS = {"safetensors": from_safetensors, "onnx": from_onnx, "torch": from_torch}


@torch.no_grad()
@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("name", RUNS)
def test_a_file_has_the_logits_of_the_network(
    name: str,
    form: str,
    loaded: Callable[[str], LoadedRun],
    written: Callable[[str, str], bytes],
    tmp_path: Path,
) -> None:
    run = loaded(name)
    if name == "homotopy":
        assert run.summary["final"]["t"] == 1.0
        assert run.summary["final"]["train_loss"] < 0.05, "chosen so that it converges"
    file = tmp_path / f"network{export_format(form).suffix}"
    file.write_bytes(written(name, form))
    x, _ = run.samples("test")
    for count in (1, 3, len(x)):
        expected = run.network(x[:count])
        found = READERS[form](file, run, x[:count])
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        # Kernels add in other orders: rounding grows with the logits, which are near 100 in a converged network.
        assert float((found - expected).abs().max()) <= 1e-5 * max(1.0, float(expected.abs().max()))


def test_convolutions_in_float64_are_refused_as_onnx_alone(tmp_path: Path) -> None:
    words = ("method=baseline", "model=cnn", "model.depth=3", "model.width=4", "hardware.dtype=float64", *FEW)
    train(compose(*words, "training.epochs=1"), tmp_path / "run")
    before = files(tmp_path)
    done = call_command("homotopy-export", "run", "--format", "onnx", cwd=tmp_path)
    line = the_error_line(done, "homotopy-export")
    assert line.startswith("RUN_DIR=run: its network cannot be exported as onnx (NotImplemented: ")
    assert "Could not find an implementation for Conv" in line
    assert files(tmp_path) == before
    for form in ("safetensors", "torch"):
        assert call_command("homotopy-export", "run", "--format", form, cwd=tmp_path).returncode == 0


def test_tied_parameters_are_written_twice() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    network[1].weight = network[0].weight
    form, x = export_format("safetensors"), torch.randn(3, 4)
    assert torch.equal(form.logits(form.encode(network, x, "{}"), network, x), network(x))


def test_onnx_has_names_a_free_batch_and_passes_the_checker(written: Callable[[str, str], bytes]) -> None:
    model = onnx.load_from_string(written("cnn", "onnx"))
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {"x": ["batch", 40], "logits": ["batch", 10]}


def test_files_say_what_made_them_and_hold_no_folder_and_no_sample(
    loaded: Callable[[str], LoadedRun], written: Callable[[str, str], bytes], tmp_path: Path
) -> None:
    run = loaded("batchnorm")
    contents = {form: written("batchnorm", form) for form in NAMES}
    (tmp_path / "x.safetensors").write_bytes(contents["safetensors"])
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        told = {"safetensors": file.metadata()[ABOUT]}
    (tmp_path / "x.pt2").write_bytes(contents["torch"])
    extra = {ABOUT: ""}
    program = torch.export.load(tmp_path / "x.pt2", extra_files=extra)
    told["torch"] = extra[ABOUT]
    properties = onnx.load_from_string(contents["onnx"]).metadata_props
    told["onnx"] = next(one.value for one in properties if one.key == ABOUT)
    assert told["safetensors"] == told["torch"] == told["onnx"]
    about = json.loads(told["torch"])
    assert about["model"]["block"] == "batchnorm"
    assert (about["config_hash"], about["parameters"]) == (run.summary["config_hash"], "last")
    assert (about["input"], about["classes"], about["standardization"]) == ([40], 10, None)
    assert program.example_inputs is not None
    assert not program.example_inputs[0][0].any()
    member = run.members[0]
    np.savez(tmp_path / "jdoe.npz", x_train=np.zeros((4, 2)), y_train=np.arange(4))
    named = replace(member, config=replace(member.config, dataset=Arrays(file=str(tmp_path / "jdoe.npz"))))
    assert "jdoe" not in described(named, member.network, "last")
    for content in contents.values():
        assert str(Path(torch.__file__).parent).encode() not in content
        assert str(run.folder).encode() not in content
        assert str(Path(onnx_format.__file__).parents[1]).encode() not in content


def test_a_file_that_does_not_say_the_same_is_not_given(loaded: Callable[[str], LoadedRun], monkeypatch) -> None:
    form = export_format("torch")
    encode = form.encode

    def wrong(network: nn.Module, x: Tensor, about: str) -> bytes:
        with torch.no_grad():
            next(network.parameters()).mul_(1.01)
        content = encode(network, x, about)
        with torch.no_grad():
            next(network.parameters()).div_(1.01)
        return content

    monkeypatch.setattr(form, "encode", wrong)
    with pytest.raises(ValueError, match="its logits as torch differ by"):
        export(loaded("batchnorm").members[0], form)


@pytest.fixture(scope="module")
def multirun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multirun")
    for number in range(2):
        words = ("method=baseline", "model.depth=2", "optimizer.lr=0.05", *FEW, "training.epochs=12")
        train(compose(*words, f"seed={number}"), folder / "runs" / str(number))
    train(compose("method=baseline", "model.depth=2", *FEW), folder / "runs" / "torn")
    (folder / "runs" / "torn" / "checkpoint.pt").write_bytes(b"PK")
    return folder


def test_the_command_writes_a_file_for_every_run_and_names_the_others(multirun: Path) -> None:
    before = set(files(multirun))
    for parameters, name in (("last", "network"), ("best", "network-best")):
        words = ("runs", "--format", "safetensors", "--parameters", parameters)
        done = call_command("homotopy-export", *words, cwd=multirun)
        assert done.returncode == 0
        assert done.stderr.startswith("homotopy-export: left out: runs/torn: its checkpoint.pt is damaged")
        assert len(done.stderr.splitlines()) == 1
        new = set(files(multirun)) - before
        assert new == {f"runs/{number}/{name}.safetensors" for number in range(2)}
        assert [line.split(": ")[0] for line in done.stdout.splitlines()] == sorted(new)
        for number in range(2):
            run = load_run(multirun / "runs" / str(number))
            network = run.network if parameters == "last" else run.best_network
            read = load_file(multirun / "runs" / str(number) / f"{name}.safetensors")
            assert all(torch.equal(value, read[key]) for key, value in network.state_dict().items())
        before |= new


def test_wrong_input_writes_nothing(multirun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(multirun)

    def line(*words: str) -> str:
        found = the_error_line(call_command("homotopy-export", *words, cwd=multirun), "homotopy-export")
        assert files(multirun) == before
        return found

    said = line("runs", "--format", "torch", "--output", "x.pt2")
    assert said == "--output=x.pt2: is one file for 2 runs; accepted: the folder of one run, or no --output"
    assert line("runs/torn", "--format", "torch").startswith("RUN_DIR=runs/torn: its checkpoint.pt is damaged")
    monkeypatch.setattr(onnx_format, "find_spec", lambda name: None if name == "onnxscript" else find_spec(name))
    said = line("runs/0", "--format", "onnx")
    assert said == "--format=onnx: onnxscript not installed; pip install 'homotopy-bench[onnx]'"


def test_the_command_replaces_its_file_and_a_failed_write_leaves_the_old_one(
    multirun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.pt2"
    file.write_bytes(b"old")
    words = (str(multirun / "runs" / "0"), "--format", "torch", "--output", "x.pt2")

    def full(_: object, __: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("homotopy_bench.core.files.os.fsync", lambda handle: full(handle, None))
        done = call_command("homotopy-export", *words, cwd=tmp_path)
    assert the_error_line(done, "homotopy-export") == "--output=x.pt2: cannot be written: No space left on device"
    assert (file.read_bytes(), files(tmp_path)) == (b"old", ["x.pt2"])
    assert call_command("homotopy-export", *words, cwd=tmp_path).returncode == 0
    run = load_run(multirun / "runs" / "0")
    x, y = run.samples("test")
    with torch.no_grad():
        predicted = torch.export.load(file).module()(x).argmax(dim=1)
    assert float(np.mean((predicted == y).numpy())) == run.summary["final"]["test_acc_target"]
