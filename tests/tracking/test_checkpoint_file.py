"""A checkpoint that is not what was written is refused, whichever bit differs."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest
import torch

from homotopy_bench.core.files import DamagedFile
from homotopy_bench.tracking.checkpoint_file import MARK, encoded, read_checkpoint

STATE = {"step": 7, "member": {"theta": torch.linspace(0.0, 1.0, 500)}}


@pytest.fixture(scope="module")
def content() -> bytes:
    return encoded(STATE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pt"


def refused(file: Path, content: bytes, says: str = "is damaged") -> None:
    file.write_bytes(content)
    with pytest.raises(DamagedFile, match=says):
        read_checkpoint(file)


def test_what_was_written_is_read(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    assert read_checkpoint(file)["step"] == 7


def test_flipped_bits_are_seen(content: bytes, file: Path) -> None:
    for bit in random.Random(0).sample(range(8 * len(content)), 300):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        refused(file, bytes(damaged))


def test_truncations_are_seen(content: bytes, file: Path) -> None:
    for length in range(0, len(content), 7):
        refused(file, content[:length])


def test_torch_reads_it_too(content: bytes) -> None:
    read = torch.load(io.BytesIO(content), weights_only=True)
    assert torch.equal(read["member"]["theta"], STATE["member"]["theta"])  # type: ignore[index]  # a nested state


def test_a_file_without_digest_is_compared_with_its_own_checksums(file: Path) -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    before = buffer.getvalue()
    file.write_bytes(before)
    assert read_checkpoint(file)["step"] == 7
    middle = before.index(STATE["member"]["theta"].numpy().tobytes()) + 100  # type: ignore[index]  # a nested state
    refused(file, before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1 :], "CRC-32")


@pytest.mark.parametrize("signed", [False, True])
def test_what_unpacks_to_more_than_it_is_is_refused(signed: bool, content: bytes, file: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for part in whole.namelist():
            packed.writestr(part, bytes(10_000_000) if part.endswith("data/0") else whole.read(part))
    archive = bomb.getvalue()
    comment = MARK + hashlib.sha256(archive).hexdigest().encode()
    if signed:
        archive = archive[:-2] + len(comment).to_bytes(2, "little") + comment
    refused(file, archive, "its parts unpack to 0.01 GB")
