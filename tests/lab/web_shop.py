"""A private authority and an Apache that answers for every name under shop.test, on the servers' side."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "capture_agent" / "httpd"))

from lab.network import SERVERS, in_namespace, inside
from private_apache import MODULES, build_module

START_DEADLINE_S = 20
IMAGES = 20
ANSWER = f"""<!doctype html><link rel="icon" href="data:,"><title>loading</title>
<script>
onload = () => document.title = `asked for ${{1 + performance.getEntriesByType("resource").length}}`;
for (let number = 0; number < {IMAGES}; number++) document.write(`<img src="?${{number}}">`);
</script>
"""
"""Every path answers with this page; a browser asks the same path for the images."""
CONFIGURATION = """\
ServerRoot {root}
ServerName shop.test
PidFile {root}/httpd.pid
DefaultRuntimeDir {root}
ErrorLog {root}/error.log
LogLevel warn
Mutex pthread
Listen 443
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule http2_module {modules}/mod_http2.so
LoadModule reqin_log_module {root}/module/mod_reqin_log.so
ReqinLogSocket {socket}
User nobody
Group nogroup
StartServers 2
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
Protocols h2 http/1.1
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
AliasMatch "^/" {root}/page.html
ForceType text/html
<Directory {root}>
  Require all granted
</Directory>
<VirtualHost *:443>
  ServerAlias *.shop.test
  SSLEngine on
  SSLCertificateFile {root}/certificate.pem
  SSLCertificateKeyFile {root}/key.pem
</VirtualHost>
"""


def make_certificates(folder: Path, names: tuple[str, ...] = ("shop.test", "*.shop.test")) -> None:
    """Write `authority.pem`, and `certificate.pem` with `key.pem` for the names, signed by it."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    authority = ("-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=Lab authority")
    request = ("-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=shop.test")
    alternatives = ("-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    signed = (
        "-CA",
        "authority.pem",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-copy_extensions",
        "copy",
    )
    for command in (
        ("req", "-x509", *key, *authority),
        ("req", *key[:-2], *request, *alternatives),
        ("x509", "-req", "-in", "request.pem", "-days", "2", *signed, "-out", "certificate.pem"),
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True, timeout=30)


class WebShop:
    """The server; a context manager. `folder` holds what it needs, `events` is the socket it reports to."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.folder = Path(tempfile.mkdtemp(prefix="ja4lab-"))
        self.folder.chmod(0o755)
        self.events = self.folder / "events.sock"
        self.authority = self.folder / "authority.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def log(self) -> str:
        """The error log and standard error."""
        files = (self.folder / "error.log", self.folder / "stderr.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _start(self) -> None:
        build_module(self.folder / "module")
        make_certificates(self.folder)
        (self.folder / "page.html").write_text(ANSWER)
        configuration = self.folder / "httpd.conf"
        configuration.write_text(CONFIGURATION.format(root=self.folder, modules=MODULES, socket=self.events))
        command = ("/usr/sbin/apache2", "-f", str(configuration), "-DFOREGROUND")
        with (self.folder / "stderr.log").open("wb") as complaints:
            self._process = subprocess.Popen(
                inside(self._namespace, *command),
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
            )
        in_namespace(self._namespace, self._wait_until_it_listens)

    def _wait_until_it_listens(self) -> None:
        give_up_s = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                socket.create_connection((SERVERS[0], 443), 1).close()
            except OSError:
                if time.monotonic() > give_up_s or self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"Apache did not listen: {self.log()}") from None
                time.sleep(0.05)
            else:
                return

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=10)
        shutil.rmtree(self.folder, ignore_errors=True)
