"""PostgreSQL for tests."""

from __future__ import annotations

from tests.sweeps.database import LIMIT, PASSWORD, Server


class PostgreSQL(Server):
    programs = ("initdb", "pg_ctl")
    debian = "/usr/lib/postgresql/*/bin"
    users = ("postgres", "nobody")
    scheme = "postgresql+psycopg"

    def prepare(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        access = ("--username=study", f"--pwfile={secret}", "--auth=scram-sha-256")
        self.do("initdb", f"--pgdata={self._data}", *access, "--no-sync", "--encoding=UTF8", "--locale=C")

    @property
    def url(self) -> str:
        return super().url.removesuffix("/study") + "/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", f"--log={self.folder / 'log'}", f"--options={options}")

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._control("stop", "--mode=immediate")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _control(self, what: str, *how: str) -> None:
        self.do("pg_ctl", what, f"--pgdata={self._data}", "--wait", f"--timeout={LIMIT // 2}", *how)
