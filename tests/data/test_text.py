"""Texts by bytes: windows, parts in order without overlap, what cannot be used, and windows that begin anywhere."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from homotopy_bench.core.errors import InputError
from homotopy_bench.data import shakespeare
from homotopy_bench.data.shakespeare import Shakespeare
from homotopy_bench.data.text import Text
from homotopy_bench.data.windows import Windows
from homotopy_bench.runs.fusing import Fusing
from homotopy_bench.runs.job import Job
from homotopy_bench.runs.many import train_members
from homotopy_bench.runs.member import Member
from homotopy_bench.training.batches import Batches, TensorSplit
from tests.cases import CASES, need_data
from tests.composing import compose
from tests.training_runs import begin

CONTENT = bytes(range(256)) * 4 + bytes([0xFF, 0xFE, 0x80])
"""1027 bytes, which are no UTF-8."""


def written(folder: Path, content: bytes = CONTENT) -> str:
    file = folder / "a text"
    file.write_bytes(content)
    return str(file)


def of(windows: object) -> list[int]:
    """The bytes that the windows of a part are made of."""
    assert isinstance(windows, Windows)
    return [*windows.x.flatten().tolist(), int(windows.y[-1, -1])]


@pytest.mark.parametrize("protocol", ["standard", "source"])
def test_parts_come_in_order_and_do_not_overlap(protocol: str, tmp_path: Path) -> None:
    options = {"protocol": protocol, "validation_fraction": 0.2, "test_fraction": 0.1, "context": 10}
    splits = Text.model_validate({"file": written(tmp_path), **options}).load(tmp_path)
    test = 1027 - round(102.7)
    validation = test - (round(test * 0.2) if protocol == "standard" else 0)
    assert isinstance(splits.train, Windows)
    assert bytes(splits.train.tokens.tolist()) == CONTENT[:validation]
    assert bytes(of(splits.test)) == CONTENT[test:][: len(of(splits.test))]
    expected = CONTENT[validation:test] if protocol == "standard" else CONTENT[test:]
    assert bytes(of(splits.validation)) == expected[: len(of(splits.validation))]
    assert len(expected) - len(of(splits.validation)) < 10
    assert (splits.validation is splits.test) == (protocol == "source")
    for part in (splits.train, splits.validation, splits.test):
        assert np.array_equal(part.x.flatten()[1:], part.y.flatten()[:-1])
    assert (splits.classes, splits.objective) == (256, "next_token")


def test_subsets_are_the_beginnings(tmp_path: Path) -> None:
    file = written(tmp_path)
    splits = Text(file=file, context=10, subset=40, test_subset=3).load(tmp_path)
    assert bytes(of(splits.test)) == CONTENT[-51:][:31]
    assert isinstance(splits.train, Windows)
    assert len(splits.train.tokens) == 401 - round(0.05 * 401)
    with pytest.raises(InputError, match=r"dataset.test_subset=9: accepted: at most the 5 windows of the test part"):
        Text(file=file, context=10, test_subset=9).load(tmp_path)


def test_a_run_goes_on_with_the_text_that_it_began_with_alone(tmp_path: Path) -> None:
    file = Path(written(tmp_path))
    small = ("model.depth=1", "model.width=8", "model.heads=2", "training.epochs=2", "training.batch_size=8")
    config = compose(
        "dataset=text", f"dataset.file={file}", "dataset.context=8", "model=transformer", "method=baseline", *small,
        "training.checkpoint_every=1",
    )  # fmt: skip
    stopping = Job(config, tmp_path / "run", [], on_evaluation=lambda _: signal.raise_signal(signal.SIGINT))
    assert not train_members([Member.begin(stopping)], Fusing())
    file.write_bytes(CONTENT[::-1])
    job = Job(config, tmp_path / "run", [])
    (member,) = members = [Member.continued(job)]
    train_members(members, Fusing())
    assert "its data have changed since it began" in str(member.error)
    file.write_bytes(CONTENT)
    (member,) = members = [Member.continued(job)]
    assert train_members(members, Fusing())
    assert member.status == "completed"


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"", {}, r"this file is empty; accepted: a text"),
        (CONTENT, {"context": 60}, r"dataset.context=60: the test part of the text has 51 bytes; accepted: at most 50"),
        (CONTENT, {"context": 50, "validation_fraction": 0.95}, r"the training part .* has 49 bytes; .* at most 24"),
        (b"ab", {"context": 1}, r"the test part of the text has 0 bytes; accepted: a longer text"),
    ],
)
def test_texts_that_cannot_be_used_are_refused(
    content: bytes, options: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        Text.model_validate({"file": written(tmp_path, content), **options}).check_sources(tmp_path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for file, words in (
        (str(tmp_path), "Is a directory"),
        (str(tmp_path / "no"), "No such file"),
        (None, "the path of"),
    ):
        with pytest.raises(InputError, match=words):
            Text(file=file).check_sources(tmp_path)


def test_a_model_that_cannot_learn_the_data_is_refused() -> None:
    with pytest.raises(InputError, match=r"model=mlp: dataset=text is for next token.*accepted: gpt2, transformer"):
        compose("dataset=text", "model=mlp", "method=baseline")
    with pytest.raises(InputError, match=r"model=gpt2: dataset=mnist1d is for classification.*, vit"):
        compose("dataset=mnist1d", "model=gpt2", "method=baseline")


def test_windows_begin_anywhere_and_an_epoch_reads_no_token_twice(tmp_path: Path) -> None:
    tokens = np.arange(256, dtype=np.uint8)
    split = TensorSplit.on(Windows.of(tokens, 10, spare=True), torch.device("cpu"), torch.float32)
    batches = Batches(split, 4, None)
    batches.follow([3, 4, 3])
    begins = set()
    for epoch in range(60):
        x, y = zip(*(batches(6 * epoch + position) for position in range(6)), strict=True)
        inputs, labels = torch.cat(x, dim=1), torch.cat(y, dim=1)
        assert torch.equal(labels, inputs + 1)
        assert torch.equal(inputs[0], inputs[2])
        for row in inputs:
            assert len(row.unique()) == row.numel() == 240
        begins.add(int(inputs[0].min()) % 10)
    assert begins == set(range(10))
    assert not torch.equal(inputs[0], inputs[1])


def test_a_member_reads_windows_of_its_own() -> None:
    case = CASES["baseline/transformer/text"]
    training = begin(case, (*case, "seed=1"))
    x, y = training.batches(0)
    assert (x.dtype, x.shape, y.shape) == (torch.int64, (2, 12, 8), (2, 12, 8))
    assert not torch.equal(x[0], x[1])


def test_bits_are_the_loss_over_ln_2() -> None:
    training = begin(CASES["baseline/transformer/text"])
    (score,) = training.evaluate("test")
    figures = score.figures("test", "target")
    assert figures["test_bits_per_byte_target"] == pytest.approx(score.loss / np.log(2))
    network, split = training.target_network(0), training.splits["test"]
    logits = network(split.x)
    assert score.accuracy == (logits.argmax(-1) == split.y).double().mean().item()
    of_windows = [torch.nn.functional.cross_entropy(z, y).item() for z, y in zip(logits, split.y, strict=True)]
    assert score.loss == pytest.approx(np.mean(of_windows), rel=1e-12)


def test_another_text_in_place_of_shakespeare_is_refused(tmp_path: Path) -> None:
    shakespeare.FILE.at(tmp_path).parent.mkdir(parents=True)
    shakespeare.FILE.at(tmp_path).write_bytes(CONTENT)
    with pytest.raises(InputError, match=r"has 1027 bytes where the published one has 1115394"):
        Shakespeare().load(tmp_path)
    (check,) = Shakespeare().check(tmp_path)
    assert check.problem is not None


@pytest.mark.data
def test_shakespeare(data_root: Path) -> None:
    need_data("shakespeare", data_root)
    splits = Shakespeare().load(data_root)
    assert isinstance(splits.train, Windows)
    assert bytes(splits.train.tokens[:13].tolist()) == b"First Citizen"
    (known,) = Shakespeare().provenance(data_root)
    assert known["published"] is True
    import hashlib

    digest = hashlib.sha256(shakespeare.FILE.at(data_root).read_bytes()).hexdigest()
    assert digest == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
