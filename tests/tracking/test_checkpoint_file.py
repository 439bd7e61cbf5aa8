"""A checkpoint that is not what was written is refused, whichever bit differs."""

from __future__ import annotations

import io
import random

import pytest
import torch

from homotopy_bench.tracking.checkpoint_file import Damaged, decoded, encoded

STATE = {"step": 7, "member": {"theta": torch.linspace(0.0, 1.0, 500)}}


@pytest.fixture(scope="module")
def content() -> bytes:
    return encoded(STATE)


def test_flipped_bits_are_seen(content: bytes) -> None:
    for bit in random.Random(0).sample(range(8 * len(content)), 300):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            decoded(bytes(damaged))


def test_truncations_are_seen(content: bytes) -> None:
    for length in range(0, len(content), 7):
        with pytest.raises(Damaged):
            decoded(content[:length])


def test_torch_reads_it_too(content: bytes) -> None:
    read = torch.load(io.BytesIO(content), weights_only=True)
    assert torch.equal(read["member"]["theta"], STATE["member"]["theta"])  # type: ignore[index]  # a nested state


def test_a_file_without_digest_is_compared_with_its_own_checksums() -> None:
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    before = buffer.getvalue()
    assert decoded(before)["step"] == 7
    middle = before.index(STATE["member"]["theta"].numpy().tobytes()) + 100  # type: ignore[index]  # a nested state
    with pytest.raises(Damaged, match="CRC-32"):
        decoded(before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1 :])
