"""Whole data sets fetched from a server on this machine, and what an archive may and may not do."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.data import cifar10, mnist
from homotopy_bench.data.archive import unpack
from homotopy_bench.data.cifar10 import CIFAR10
from homotopy_bench.data.download import Unavailable
from homotopy_bench.data.mnist import MNIST
from homotopy_bench.data.transfer import BLOCK
from tests.cases import need_data
from tests.data.cifar_files import archive_of, use_small_files, write_files
from tests.data.loopback import Behaviour, serving


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cifar10, "MIRRORS", ())
    return use_small_files(monkeypatch)


def publish(monkeypatch: pytest.MonkeyPatch, archive: bytes) -> None:
    file = replace(cifar10.ARCHIVE, size=len(archive), md5=hashlib.md5(archive).hexdigest())
    monkeypatch.setattr(cifar10, "ARCHIVE", file)


def files_under(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_cifar10_is_downloaded_unpacked_and_read(contents, tmp_path, monkeypatch) -> None:
    archive = archive_of(contents)
    publish(monkeypatch, archive)
    behaviour = Behaviour({"cifar-10-binary.tar.gz": archive}, breaks=[BLOCK])
    with serving(behaviour) as address:
        monkeypatch.setattr(cifar10, "MIRRORS", (address + "nowhere/", address))
        train, _, _ = CIFAR10().read(tmp_path)
        CIFAR10().fetch(tmp_path)
    assert behaviour.requests == [0, 0, BLOCK]
    assert files_under(tmp_path) == sorted(contents)
    for path, content in contents.items():
        assert (tmp_path / path).read_bytes() == content
    assert train.y[0] == contents["cifar-10-batches-bin/data_batch_1.bin"][0]


def test_an_archive_in_the_data_folder_needs_no_network_and_stays(contents, tmp_path, monkeypatch) -> None:
    archive = archive_of(contents)
    publish(monkeypatch, archive)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive)
    CIFAR10().fetch(tmp_path)
    assert files_under(tmp_path) == sorted([*contents, "cifar-10-binary.tar.gz"])


def test_another_archive_in_the_data_folder_is_neither_used_nor_replaced(contents, tmp_path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive_of(contents))
    with pytest.raises(InputError, match=r"cifar-10-binary.tar.gz there is not the official one \(delete it\)"):
        CIFAR10().fetch(tmp_path)
    assert files_under(tmp_path) == ["cifar-10-binary.tar.gz"]


def test_files_of_the_user_are_kept(contents, tmp_path, monkeypatch) -> None:
    archive = archive_of(contents)
    publish(monkeypatch, archive)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive)
    write_files(tmp_path, {"cifar-10-batches-bin/data_batch_2.bin": b"the user's own"})
    CIFAR10().fetch(tmp_path)
    assert (tmp_path / "cifar-10-batches-bin/data_batch_2.bin").read_bytes() == b"the user's own"
    assert len(files_under(tmp_path)) == 7


def test_without_network_the_archive_can_be_copied(contents, tmp_path) -> None:
    with pytest.raises(InputError) as caught:
        CIFAR10().read(tmp_path)
    line = str(caught.value)
    assert line.startswith(
        f"paths.data={tmp_path}: cifar-10-batches-bin/data_batch_1.bin and 5 more of cifar10 are mis"
    )
    assert "copy cifar-10-binary.tar.gz there" in line
    assert "\n" not in line


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def test_an_archive_cannot_write_elsewhere(contents, tmp_path) -> None:
    wanted = cifar10.FILES
    hostile = [
        member("../escaped", size=36876),
        member(str(tmp_path / "absolute"), size=36876),
        member("cifar-10-batches-bin/../../escaped", size=36876),
        member("cifar-10-batches-bin/extra.bin", size=36876),
        member("cifar-10-batches-bin/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("cifar-10-batches-bin/device", tarfile.CHRTYPE),
    ]
    (tmp_path / "archive.tar.gz").write_bytes(archive_of(contents, *hostile))
    root = tmp_path / "deeper" / "root"
    unpack(tmp_path / "archive.tar.gz", wanted, root)
    assert files_under(tmp_path) == sorted(["archive.tar.gz", *(f"deeper/root/{path}" for path in contents)])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_wanted_name_must_be_a_regular_file(kind: bytes, contents, tmp_path) -> None:
    name = "cifar-10-batches-bin/test_batch.bin"
    del contents[name]
    other = member(name, kind, link="cifar-10-batches-bin/data_batch_1.bin", size=36876)
    (tmp_path / "archive.tar.gz").write_bytes(archive_of(contents, other))
    with pytest.raises(Unavailable, match=rf"archive.tar.gz does not have {name}"):
        unpack(tmp_path / "archive.tar.gz", cifar10.FILES, tmp_path)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("size", [0, 36875, 36877])
def test_a_wanted_name_must_have_its_size(size: int, contents, tmp_path) -> None:
    name = "cifar-10-batches-bin/test_batch.bin"
    del contents[name]
    (tmp_path / "archive.tar.gz").write_bytes(archive_of(contents, member(name, size=size)))
    with pytest.raises(Unavailable, match="does not have"):
        unpack(tmp_path / "archive.tar.gz", cifar10.FILES, tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 5000, -20_000])
def test_a_cut_archive_is_refused_and_leaves_whole_files_only(keep: int, contents, tmp_path) -> None:
    (tmp_path / "archive.tar.gz").write_bytes(archive_of(contents)[:keep])
    with pytest.raises(Unavailable, match=r"archive.tar.gz (is damaged|does not have)"):
        unpack(tmp_path / "archive.tar.gz", cifar10.FILES, tmp_path)
    for path in files_under(tmp_path):
        assert path == "archive.tar.gz" or (tmp_path / path).read_bytes() == contents[path]


@pytest.mark.data
def test_real_mnist_comes_over_a_broken_connection(data_root: Path, tmp_path, monkeypatch) -> None:
    need_data("mnist", data_root)
    files = {file.name: file.at(data_root).read_bytes() for file in mnist.FILES}
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Behaviour(files, breaks=[5_000_000])) as address:
        monkeypatch.setattr(mnist, "MIRRORS", (address + "nowhere/", address))
        MNIST().fetch(tmp_path)
    assert [check.official for check in MNIST().check(tmp_path)] == [True] * 4
    assert files_under(tmp_path) == sorted(file.path for file in mnist.FILES)
    assert np.bincount(MNIST().read(tmp_path)[1].y)[0] == 980
