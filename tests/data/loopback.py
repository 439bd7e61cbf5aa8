"""A web server on this machine that behaves as badly as asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        files: Path -> content.
        ranges: Whether it serves parts of a file; otherwise it always sends the whole.
        breaks: Numbers of bytes after which the first connections are dropped, one after the other.
        status: Answer every request with this error.
        labelled: Calls its answer gzip-compressed, as some servers do with files that end in .gz.
        shift: Serves a part that begins this many bytes late.
        sized: Says how long its answer is.
        total: What it says is the size of the whole where it sends a part; the truth by default.
        redirect: Send every request there.
        stall: Seconds for which it says nothing after the bytes of a break, before it drops the connection.
        requests: The byte at which each request began.
    """

    files: Mapping[str, bytes]
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    status: int | None = None
    labelled: bool = False
    shift: int = 0
    sized: bool = True
    total: str | None = None
    redirect: str | None = None
    stall: float = 0.0
    requests: list[int] = field(default_factory=list)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve until the context ends; yield the address, with a slash at its end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            behaviour.requests.append(begin)
            content = behaviour.files.get(self.path.lstrip("/"))
            if behaviour.redirect:
                self.send_response(302)
                self.send_header("Location", behaviour.redirect)
                self.end_headers()
                return
            if behaviour.status or content is None:
                self.send_error(behaviour.status or 404)
                return
            if begin and behaviour.ranges:
                if begin >= len(content):
                    self.send_error(416)
                    return
                begin += behaviour.shift
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{behaviour.total or len(content)}")
                body = content[begin:]
            else:
                self.send_response(200)
                body = content
            if behaviour.sized:
                self.send_header("Content-Length", str(len(body)))
            if behaviour.labelled:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            if behaviour.breaks:
                self.wfile.write(body[: behaviour.breaks.pop(0)])
                time.sleep(behaviour.stall)
            else:
                self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *arguments: Any) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
