"""Downloads from a server on this machine: broken connections, wrong files, missing mirrors, many processes."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.data import download as downloads
from homotopy_bench.data import transfer as transfers
from homotopy_bench.data.download import Unavailable, bring, download
from homotopy_bench.data.published import PublishedFile
from homotopy_bench.data.transfer import BLOCK
from tests.data.loopback import Behaviour, serving

CONTENT = random.Random(0).randbytes(100_000)
FILE = PublishedFile("set/file.gz", len(CONTENT), hashlib.md5(CONTENT).hexdigest())


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


def leftovers(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "set").iterdir())


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT})
    with serving(behaviour) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.gz"]
    assert behaviour.requests == [0]


def test_a_broken_connection_is_continued(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT}, breaks=[2 * BLOCK + 9, BLOCK])
    with serving(behaviour) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert behaviour.requests == [0, 2 * BLOCK, 3 * BLOCK]


def test_a_server_that_sends_no_length_and_breaks_off_is_continued(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT}, breaks=[40_000], sized=False)
    with serving(behaviour) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert behaviour.requests == [0, 40_000]


def test_a_later_call_continues_what_an_earlier_one_left(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT}, breaks=[2 * BLOCK + 9, 0])
    with serving(behaviour) as address, pytest.raises(Unavailable, match=r"file.gz: the connection broke off"):
        download(FILE, [address + "file.gz"], tmp_path)
    assert leftovers(tmp_path) == ["file.gz.part"]
    assert (tmp_path / "set/file.gz.part").read_bytes() == CONTENT[: 2 * BLOCK]
    behaviour = Behaviour({"file.gz": CONTENT})
    with serving(behaviour) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert behaviour.requests == [2 * BLOCK]
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.gz"]


@pytest.mark.parametrize("part", [CONTENT, CONTENT[:-1] + b"x", CONTENT + b"x", b"other" * 100, CONTENT[:500]], ids=len)
def test_whatever_lies_in_the_part_the_published_file_comes_out(part: bytes, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.gz.part").write_bytes(part)
    with serving(Behaviour({"file.gz": CONTENT})) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.gz"]


def test_a_server_without_ranges_sends_the_whole_again(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT}, ranges=False, breaks=[2 * BLOCK, 3 * BLOCK])
    with serving(behaviour) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert behaviour.requests == [0, 2 * BLOCK, 3 * BLOCK]


def test_a_server_that_labels_the_file_as_a_compressed_answer(tmp_path: Path) -> None:
    with serving(Behaviour({"file.gz": CONTENT}, labelled=True)) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Behaviour({"file.gz": bytes(len(CONTENT))}), "its content is not the published one"),
        (Behaviour({"file.gz": CONTENT[:-1]}), "offers 99999 bytes where the published file has 100000"),
        (Behaviour({"file.gz": CONTENT[:-1]}, sized=False), "HTTP 416"),
        (Behaviour({"file.gz": CONTENT + b"x"}, sized=False), "sends more than the 100000 bytes of the published file"),
        (Behaviour({"file.gz": b"<html>"}, sized=False, ranges=False), "ended after 6 of 100000 bytes"),
        (Behaviour({"file.gz": CONTENT}, breaks=[9, 0]), "the connection broke off"),
        (Behaviour({"file.gz": CONTENT}, breaks=[BLOCK], shift=1), "sends another part of the file"),
        (Behaviour({}), "HTTP 404"),
        (Behaviour({}, status=503), "HTTP 503"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_mirror_is_named_and_the_next_one_serves(behaviour: Behaviour, reason: str, tmp_path: Path) -> None:
    with serving(behaviour) as bad, serving(Behaviour({"file.gz": CONTENT})) as good:
        breaks = list(behaviour.breaks)
        with pytest.raises(Unavailable) as caught:
            download(FILE, [bad + "file.gz"], tmp_path)
        assert reason in str(caught.value)
        assert f"{bad}file.gz: " in str(caught.value)
        assert not FILE.at(tmp_path).exists()
        behaviour.breaks[:] = breaks
        download(FILE, [bad + "file.gz", good + "file.gz"], tmp_path)
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["file.gz"]


@pytest.mark.parametrize(
    ("behaviour", "reason", "requests"),
    [
        (Behaviour({}, redirect="http://[::bad/"), "redirects to what is no web address", 1),
        (Behaviour({}, redirect=f"http://{'a' * 70}/"), "redirects to what is no web address", 1),
        (Behaviour({}, redirect="ftp://127.0.0.1/"), "redirects to what is no web address", 1),
        (Behaviour({}, redirect="http://127.0.0.1:99999/"), "redirects to what is no web address", 1),
        (Behaviour({}, redirect="/"), "redirects without end", 31),
        (Behaviour({"file.gz": CONTENT}, total="9" * 5000), "offers a number of 5000 digits of bytes", 1),
        (Behaviour({"file.gz": CONTENT}, total="07"), "offers 07 bytes", 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mirror_of_nonsense_is_asked_once_and_costs_no_part(
    behaviour: Behaviour, reason: str, requests: int, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.gz.part").write_bytes(CONTENT[:500])
    with serving(behaviour) as bad, pytest.raises(Unavailable, match=f"file.gz: {reason}"):
        download(FILE, [bad + "file.gz"], tmp_path)
    assert behaviour.requests == [500] * requests
    assert (tmp_path / "set/file.gz.part").read_bytes() == CONTENT[:500]


def test_wrong_content_behind_a_part_is_asked_for_anew_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.gz.part").write_bytes(CONTENT[:500])
    behaviour = Behaviour({"file.gz": bytes(len(CONTENT))})
    with serving(behaviour) as address, pytest.raises(Unavailable, match="its content is not the published one"):
        download(FILE, [address + "file.gz"], tmp_path)
    assert behaviour.requests == [500, 0]


def test_a_server_that_stalls_in_the_middle_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "READ_SECONDS", 0.2)
    behaviour = Behaviour({"file.gz": CONTENT}, breaks=[BLOCK, 0], stall=0.5)
    with serving(behaviour) as address, pytest.raises(Unavailable, match=r"file.gz: no answer in time"):
        download(FILE, [address + "file.gz"], tmp_path)
    assert behaviour.requests == [0, BLOCK]


def test_a_mirror_that_sends_drops_for_ever_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "ATTEMPTS", 3)
    with (
        serving(Behaviour({"file.gz": CONTENT}, breaks=[BLOCK] * 9)) as address,
        pytest.raises(Unavailable, match="broke off 3 times"),
    ):
        download(FILE, [address + "file.gz"], tmp_path)


def test_a_server_that_is_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Unavailable, match="no answer in time"):
            download(FILE, [address], tmp_path)


def test_nobody_there_is_one_line_that_says_what_to_do(tmp_path: Path, nobody: str, capsys) -> None:
    other = PublishedFile("set/other", 5, "")
    with pytest.raises(InputError) as caught:
        bring("mnist", tmp_path, [FILE, other], lambda absent: download(absent[0], [nobody, nobody + "b"], tmp_path))
    assert str(caught.value) == (
        f"paths.data={tmp_path}: set/file.gz and 1 more of mnist are missing there and could not be downloaded "
        f"({nobody}: no connection; {nobody}b: no connection); with a network, 'homotopy-data fetch mnist' downloads; "
        "without one, copy the files there, or let paths.data or HOMOTOPY_BENCH_DATA name a folder that has the files"
    )
    assert capsys.readouterr() == ("", "")


def test_a_download_is_silent_where_there_is_no_terminal(tmp_path: Path) -> None:
    # In a process of its own: a logger keeps the stream that was the standard error when it was made.
    code = (
        "import sys; from pathlib import Path; from homotopy_bench.data.download import download; "
        "from homotopy_bench.data.published import PublishedFile; "
        f"download(PublishedFile({FILE.path!r}, {FILE.size}, {FILE.md5!r}), [sys.argv[1]], Path(sys.argv[2]))"
    )
    with serving(Behaviour({"file.gz": CONTENT})) as address:
        command = [sys.executable, "-c", code, address + "file.gz", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert FILE.at(tmp_path).read_bytes() == CONTENT


def test_a_terminal_shows_a_bar_and_nothing_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with serving(Behaviour({"file.gz": CONTENT})) as address:
        download(FILE, [address + "file.gz"], tmp_path)
    assert "file.gz" in shown.getvalue()
    assert "Downloading data from" not in shown.getvalue()


def test_nothing_is_asked_for_when_all_files_are_there(tmp_path: Path) -> None:
    FILE.at(tmp_path).parent.mkdir()
    FILE.at(tmp_path).write_bytes(b"supplied by the user")

    def get(absent: list[PublishedFile]) -> None:
        raise AssertionError(absent)

    bring("set", tmp_path, [FILE], get)
    assert FILE.at(tmp_path).read_bytes() == b"supplied by the user"
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match=r"set/file.gz is missing there and cannot be written \("):
        bring("set", blocked / "below", [FILE], lambda absent: None)


def test_what_fails_once_all_files_are_there_is_no_failure(tmp_path: Path) -> None:
    def get(absent: Sequence[PublishedFile]) -> None:
        FILE.at(tmp_path).parent.mkdir()
        FILE.at(tmp_path).write_bytes(b"there")
        raise PermissionError(1, "the archive cannot be removed")

    bring("set", tmp_path, [FILE], get)
    assert FILE.at(tmp_path).read_bytes() == b"there"


def test_a_full_disk_is_named_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "transfer", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        bring("set", tmp_path, [FILE], lambda absent: download(absent[0], ["http://127.0.0.1/"], tmp_path))
    assert leftovers(tmp_path) == []


def fetch_once(root: str, address: str) -> None:
    bring("set", Path(root), [FILE], lambda absent: download(absent[0], [address + "file.gz"], Path(root)))


def test_processes_that_start_together_download_once(tmp_path: Path) -> None:
    behaviour = Behaviour({"file.gz": CONTENT})
    with serving(behaviour) as address:
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=fetch_once, args=(str(tmp_path), address)) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert behaviour.requests == [0]
    assert FILE.at(tmp_path).read_bytes() == CONTENT
    assert os.access(FILE.at(tmp_path), os.R_OK)
