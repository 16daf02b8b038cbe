"""An nginx of our own that reports its requests as syslog datagrams, in the format of its how-to page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.network import inside
from lab.wait import until_it_listens

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "http-events-from-nginx.md"
CONFIGURATION = """\
daemon off;
master_process on;
worker_processes 1;
user nobody nogroup;
pid {root}/nginx.pid;
error_log {root}/nginx-error.log warn;
events {{ worker_connections 2048; }}
http {{
  {log_format}
  access_log syslog:server=unix:{socket},nohostname ja4;
  {copy}
  keepalive_timeout {keep_alive_s};
  keepalive_requests 100000;
  client_body_temp_path {root}/nginx-tmp;
  proxy_temp_path {root}/nginx-tmp;
  fastcgi_temp_path {root}/nginx-tmp;
  uwsgi_temp_path {root}/nginx-tmp;
  scgi_temp_path {root}/nginx-tmp;
  {upstream}
  server {{
    {listen}
    ssl_certificate {root}/certificate.pem;
    ssl_certificate_key {root}/key.pem;
    ssl_session_cache shared:tickets:2m;
    location / {{ {location} }}
  }}
}}
"""
UPSTREAM = "upstream site {{ server 127.0.0.1:{port}; keepalive 32; }}"
PROXY = (
    'proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection ""; '
    "proxy_set_header Host $host;"
)


def log_format() -> str:
    """The `log_format` that the how-to page tells its reader to use."""
    found = re.search(r"^```nginx\n(log_format .*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE} has no log_format")
    return found[1]


class NginxServer:
    """The server; a context manager. The folder holds `certificate.pem` and `key.pem`."""

    def __init__(
        self,
        namespace: str,
        folder: Path,
        addresses: tuple[str, ...],
        socket: Path,
        *,
        backend_port: int | None = None,
        copy: Path | None = None,
        keep_alive_s: int = 60,
    ) -> None:
        """Without a backend every request is answered with 200; `copy` gets the lines as well."""
        self._namespace, self._folder, self._address = namespace, folder, addresses[0]
        self._configuration = CONFIGURATION.format(
            root=folder,
            log_format=log_format(),
            socket=socket,
            copy=f"access_log {copy} ja4;" if copy else "",
            keep_alive_s=keep_alive_s,
            upstream=UPSTREAM.format(port=backend_port) if backend_port else "",
            listen=" ".join(f"listen {address}:443 ssl http2;" for address in addresses),
            location=PROXY if backend_port else 'return 200 "hello\\n";',
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        file = self._folder / "nginx.conf"
        file.write_text(self._configuration)
        with (self._folder / "nginx.out").open("wb") as out:
            command = inside(self._namespace, "/usr/sbin/nginx", "-c", str(file), "-p", str(self._folder))
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            until_it_listens(self._namespace, self._address, self._process, self._folder / "nginx.out")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)
