"""Serves `site` over plain HTTP/1.1 to the web servers in front of it.

python -m lab.recording.backend PORT
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.recording.site import Asked, answer


class _Handler(BaseHTTPRequestHandler):
    """One connection of a web server."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(
            self.command,
            self.headers.get("Host", ""),
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        found = answer(asked)
        self.send_response(found.status)
        for name, value in found.headers:
            self.send_header(name, value.encode("latin-1", "replace").decode("latin-1").replace("\n", ""))
        if found.status not in (204, 304):
            self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        if self.command != "HEAD" and found.status not in (204, 304):
            self.wfile.write(found.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """The servers in front keep the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


if __name__ == "__main__":
    _Server(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
