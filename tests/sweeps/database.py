"""Database servers of the tests' own: their data in a temporary folder, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

LIMIT = 60
"""Seconds that each step may take."""

PASSWORD = "Pl4nted-s3cret"
"""Of the only user; what must never be read anywhere."""


class Server(ABC):
    """A server that can be stopped as a crash would, and started again.

    Args:
        folder: A folder of its own.
    """

    programs: ClassVar[tuple[str, ...]]
    """What it needs."""

    debian: ClassVar[str]
    """Where Debian has that, besides the PATH."""

    users: ClassVar[tuple[str, ...]]
    """Whom it may run as where the tests run as root, which servers refuse."""

    scheme: ClassVar[str]
    """Of its URL: what it is, and the Python package that is its driver."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            import pwd

            someone = next(pwd.getpwnam(name) for name in self.users if name in _users())
            self._as = {"user": someone.pw_uid, "group": someone.pw_gid, "extra_groups": []}
            os.chown(folder, someone.pw_uid, someone.pw_gid)

    @classmethod
    def lacking(cls) -> str | None:
        """Return why there is none on this machine; None where there can be one."""
        if os.name != "posix":
            return "the tests start servers on POSIX systems only"
        for program in cls.programs:
            if cls.find(program) is None:
                return f"{program} is not installed"
        driver = cls.scheme.partition("+")[2]
        if find_spec(driver) is None:
            return f"{driver} is not installed"
        if os.geteuid() == 0 and not set(cls.users) & _users():
            return f"there is none of the users {', '.join(cls.users)} to run it as"
        return None

    @classmethod
    def find(cls, program: str) -> str | None:
        """Return the path of a program; the newest one of Debian's."""
        folders = sorted(Path("/").glob(cls.debian.lstrip("/")), key=lambda path: (len(str(path)), path))
        return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], *map(str, reversed(folders))]))

    @property
    def url(self) -> str:
        """Its database, with the password."""
        return f"{self.scheme}://study:{PASSWORD}@127.0.0.1:{self.port}/study"

    @property
    def shown(self) -> str:
        """The same as messages show it."""
        return self.url.replace(PASSWORD, "***")

    @abstractmethod
    def prepare(self) -> None:
        """Make its data, with the user and the database."""

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it as a crash would, and wait until it is gone."""

    def command(self, *words: str) -> list[str]:
        """Return a command with the path of its program."""
        path = self.find(words[0])
        assert path is not None, words[0]
        return [path, *words[1:]]

    def do(self, *words: str, says: str = "") -> None:
        """Run one of its programs to the end, which must be a good one."""
        # A pipe would stay open for as long as a server lives that was started here.
        with (self.folder / "said").open("w+") as said:
            done = subprocess.run(
                self.command(*words), input=says, text=True, stdout=said, stderr=said, timeout=LIMIT, **self.where()
            )
            said.seek(0)
            assert done.returncode == 0, said.read()

    def where(self) -> Mapping[str, Any]:
        """Return where and as whom its programs run."""
        return {"cwd": self.folder, **self._as}


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """A server that runs; it is stopped at the end and its data are removed."""
    with tempfile.TemporaryDirectory() as name:
        server = kind(Path(name))
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _users() -> set[str]:
    import pwd

    return {entry.pw_name for entry in pwd.getpwall()}
