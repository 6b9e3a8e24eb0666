"""A server on this machine that breaks off, refuses, or lies as told."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest


@dataclass
class Host:
    """What a test server holds and does.

    Attributes:
        files: by path.
        etags: by path, with their quotes; sent with the file and compared with `If-Range`.
        headers: sent with every file.
        requests: method, `Range` and `If-Range` of each request for a file, in order.
        statuses: to answer with instead, one a request, until used up.
        cut: bytes after which a connection breaks, one a GET, until used up.
        understands_ranges: whether it sends parts.
        heeds_if_range: whether it sends the whole file where the version is another.
        then: called after each GET, as to change a file.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    understands_ranges: bool = True
    heeds_if_range: bool = True
    then: Callable[[], None] = lambda: None
    url: str = ""

    @property
    def ranges(self) -> list[str | None]:
        """The `Range` of each GET."""
        return [wanted for method, wanted, _ in self.requests if method == "GET"]


def handler_of(host: Host) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            content = self.answer()
            if content is not None:
                self.wfile.write(content[: host.cut.pop(0)] if host.cut else content)
            host.then()

        def answer(self) -> bytes | None:
            asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
            host.requests.append((self.command, asked, condition))
            content = host.files.get(self.path)
            if host.statuses or content is None:
                self.send_error(host.statuses.pop(0) if host.statuses else 404)
                return None
            etag = host.etags.get(self.path, "")
            start = self.start(asked, condition, etag)
            self.send_response(206 if start else 200)
            sent = {"Content-Length": str(len(content) - start), "ETag": etag, **host.headers}
            if start:
                sent["Content-Range"] = f"bytes {start}-/{len(content)}"
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            return content[start:]

        def start(self, asked: str | None, condition: str | None, etag: str) -> int:
            wanted = re.fullmatch(r"bytes=(\d+)-", asked or "")
            same = not (host.heeds_if_range and condition) or condition == etag
            return int(wanted[1]) if wanted and host.understands_ranges and same else 0

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def host() -> Iterator[Host]:
    state = Host()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(state)) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()
