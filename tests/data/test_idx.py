"""The IDX reader: equal to a parser written by hand, and an InputError for whatever is not the file."""

from __future__ import annotations

import gzip
import os
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homotopy_bench.core.errors import InputError
from homotopy_bench.data.idx import read_idx
from tests.data.idx_files import idx_bytes, parse_idx, write_idx

SHAPE = (3, 4, 5)
VALUES = bytes(range(7, 67))


def refused(path: Path, shape: tuple[int, ...] = SHAPE) -> str:
    with pytest.raises(InputError) as caught:
        read_idx(path, shape, "mnist")
    line = str(caught.value)
    assert line.startswith(f"paths.data={path}: this file ")
    assert line.endswith("; delete it and get it anew: homotopy-data fetch mnist")
    assert "\n" not in line
    return line


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.integers(1, 6), min_size=1, max_size=3), random=st.randoms(use_true_random=False))
def test_reads_what_a_parser_written_by_hand_reads(shape, random, tmp_path) -> None:
    path = tmp_path / "file.gz"
    write_idx(path, tuple(shape), random.randbytes(prod(shape)))
    expected_shape, values = parse_idx(path)
    read = read_idx(path, tuple(shape), "mnist")
    assert read.dtype == np.uint8
    assert read.shape == expected_shape
    assert read.tobytes() == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_cut_files_are_refused(data, tmp_path) -> None:
    whole = gzip.compress(idx_bytes(SHAPE, VALUES), mtime=0)
    path = tmp_path / "cut.gz"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_a_flipped_byte_is_refused_or_changes_nothing(data, tmp_path) -> None:
    content = bytearray(gzip.compress(idx_bytes(SHAPE, VALUES), mtime=0))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "flipped.gz"
    path.write_bytes(bytes(content))
    try:
        read = read_idx(path, SHAPE, "mnist")
    except InputError:
        return
    # Bytes of gzip's header say when and where a file was compressed; the values are covered by its checksum.
    assert read.tobytes() == VALUES


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(content=st.binary(max_size=200))
def test_foreign_contents_are_refused(content, tmp_path) -> None:
    path = tmp_path / "foreign.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    refused(path)
    path.write_bytes(content)
    refused(path)


def test_every_kind_of_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    write_idx(path, SHAPE, VALUES, kind=0x0D)
    assert "is no IDX file of unsigned bytes" in refused(path)
    for start in (b"", b"\0\0\x08", b"\0\0\x08\x03", b"\0\0\x08\xff" + VALUES):
        path.write_bytes(gzip.compress(start))
        assert "is no IDX file of unsigned bytes" in refused(path)
    write_idx(path, SHAPE, VALUES)
    assert "has the shape (3, 4, 5), not (3, 5, 4)" in refused(path, (3, 5, 4))
    assert "has the shape (3, 4, 5), not (60,)" in refused(path, (60,))
    write_idx(path, SHAPE, VALUES[:-1])
    assert "holds fewer than the 60 values" in refused(path)
    write_idx(path, SHAPE, VALUES + b"\0")
    assert "holds more than the 60 values" in refused(path)
    whole = gzip.compress(idx_bytes(SHAPE, VALUES), mtime=0)
    path.write_bytes(whole[:-1])
    assert "is cut short" in refused(path)
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])
    assert "damaged" in refused(path)
    path.write_bytes(whole + b"garbage")
    assert "damaged" in refused(path)
    path.write_bytes(idx_bytes(SHAPE, VALUES))
    assert "not compressed with gzip" in refused(path)
    path.unlink()
    path.mkdir()
    assert "cannot be read (Is a directory)" in refused(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    write_idx(path, SHAPE, VALUES)
    path.chmod(0)
    assert "cannot be read (Permission denied)" in refused(path)


def test_a_file_that_unpacks_to_much_more_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(idx_bytes(SHAPE, VALUES))
        for _ in range(64):
            file.write(bytes(1 << 20))
    # A reader that reached the end would notice the checksum, which is wrong here.
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    assert "holds more than the 60 values" in refused(path)
