"""MariaDB for tests."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.sweeps.database import LIMIT, PASSWORD, Server


class MariaDB(Server):
    programs = ("mariadbd", "mariadb-install-db", "mariadb-admin")
    debian = "/usr/sbin"
    users = ("mysql", "nobody")
    scheme = "mysql+pymysql"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        self.do("mariadb-install-db", "--no-defaults", f"--datadir={self._data}", "--skip-test-db")
        (self.folder / "begin.sql").write_text(
            f"CREATE DATABASE IF NOT EXISTS study;\n"
            f"CREATE USER IF NOT EXISTS study@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON study.* TO study@'127.0.0.1';\n"
        )
        (self.folder / "begin.sql").chmod(0o644)

    def start(self) -> None:
        places = (f"--datadir={self._data}", f"--socket={self._socket}", f"--init-file={self.folder / 'begin.sql'}")
        network = (f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve")
        command = self.command("mariadbd", "--no-defaults", *places, *network, "--innodb-flush-log-at-trx-commit=2")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.where())
        ping = self.command("mariadb-admin", "--no-defaults", f"--socket={self._socket}", "ping")
        end = time.monotonic() + LIMIT
        while subprocess.run(ping, capture_output=True, check=False).returncode:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT)
            self._process = None

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    @property
    def _socket(self) -> str:
        return str(self.folder / "socket")
