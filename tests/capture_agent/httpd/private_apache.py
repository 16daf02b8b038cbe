"""An Apache of our own on loopback with mod_reqin_log in it, and a reader of the module's socket.

Used by the tests here and by bench/apache.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HTTPD = Path(__file__).resolve().parents[3] / "capture_agent" / "httpd"
MODULES = Path("/usr/lib/apache2/modules")
START_DEADLINE_S = 20
Event = dict[str, Any]

CONFIGURATION = """\
ServerRoot {root}
ServerName shop.test
PidFile {root}/httpd.pid
DefaultRuntimeDir {root}
ErrorLog {root}/error.log
LogLevel info
Mutex pthread
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
LoadModule mpm_{mpm}_module {modules}/mod_mpm_{mpm}.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule reqtimeout_module {modules}/mod_reqtimeout.so
LoadModule remoteip_module {modules}/mod_remoteip.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
{http2}
{load_module}
{user}
DocumentRoot {root}/www
<Directory {root}/www>
  Require all granted
</Directory>
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 15
SSLSessionCache none
<VirtualHost 127.0.0.1:{tls_port}>
  SSLEngine on
  SSLCertificateFile {root}/certificate.pem
  SSLCertificateKeyFile {root}/key.pem
</VirtualHost>
{directives}
"""


def build_module(folder: Path, sanitise: str = "") -> Path:
    """Compile the module into `folder`; raises CalledProcessError with the compiler's words on stderr."""
    subprocess.run(
        ["make", "-s", "-C", str(HTTPD), f"BUILD={folder}", f"SANITISE={sanitise}"], check=True, timeout=120
    )
    return folder / "mod_reqin_log.so"


def two_free_ports() -> tuple[int, int]:
    """Two TCP ports of loopback that nobody listened on."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


class PrivateApache:
    """One server; use as a context manager. Its folder is readable by the user that its children become."""

    def __init__(
        self,
        module: Path | None,
        *,
        mpm: str = "event",
        directives: str = "",
        environment: dict[str, str] | None = None,
        single_process: bool = False,
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="reqin-log-"))
        self.root.chmod(0o755)
        self.socket_path = self.root / "agent.sock"
        self.port, self.tls_port = two_free_ports()
        self._environment = environment or {}
        self._wrapper: tuple[str, ...] = ()
        self._single_process = single_process
        (self.root / "www").mkdir()
        (self.root / "www" / "index.html").write_text("hello\n")
        (self.root / "www" / "missing.html").write_text("not here\n")
        self._make_certificate()
        load = f"LoadModule reqin_log_module {module}\nReqinLogSocket {self.socket_path}\n" if module else ""
        http2 = f"LoadModule http2_module {MODULES}/mod_http2.so\nProtocols h2 h2c http/1.1"
        (self.root / "httpd.conf").write_text(
            CONFIGURATION.format(
                root=self.root,
                port=self.port,
                tls_port=self.tls_port,
                mpm=mpm,
                modules=MODULES,
                http2=http2 if mpm != "prefork" else "",
                load_module=load,
                user="User nobody\nGroup nogroup" if os.geteuid() == 0 else "",
                directives=directives,
            )
        )
        self.process: subprocess.Popen[bytes] | None = None

    def _make_certificate(self) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-nodes", "-days", "30", "-subj", "/CN=shop.test"),
                *("-addext", "subjectAltName=DNS:shop.test"),
                *("-keyout", "key.pem", "-out", "certificate.pem"),
            ],
            cwd=self.root,
            check=True,
            capture_output=True,
            timeout=30,
        )

    def run_under(self, *wrapper: str) -> None:
        """Start the server as the argument of another program."""
        self._wrapper = wrapper

    def __enter__(self) -> PrivateApache:
        flags = ["-X"] if self._single_process else ["-DFOREGROUND"]
        self.process = subprocess.Popen(
            [*self._wrapper, "/usr/sbin/apache2", "-f", str(self.root / "httpd.conf"), *flags],
            env={"PATH": "/usr/sbin:/usr/bin:/bin", **self._environment},
            stdout=subprocess.DEVNULL,
            stderr=(self.root / "stderr.log").open("wb"),
            # The prefork MPM signals its whole process group when it ends; that must not be ours.
            start_new_session=True,
        )
        try:
            wait_for(self._answers, START_DEADLINE_S, "Apache did not listen")
        except AssertionError as error:
            self.stop()
            log = self.log()
            shutil.rmtree(self.root, ignore_errors=True)
            raise AssertionError(f"{error}: {log}") from error
        return self

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def stop(self) -> int | None:
        """End the server and wait for it; the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=10)

    def restart_gracefully(self) -> None:
        """Replace the children once their requests are done (`apachectl graceful`)."""
        assert self.process is not None
        before = self.log().count("configured -- resuming normal operations")
        self.process.send_signal(signal.SIGUSR1)
        wait_for(
            lambda: self.log().count("configured -- resuming normal operations") > before,
            START_DEADLINE_S,
            "Apache did not restart",
        )

    def log(self) -> str:
        """Error log and standard error of the server."""
        files = (self.root / "error.log", self.root / "stderr.log")
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def children(self) -> list[int]:
        """Process ids of the server's children."""
        assert self.process is not None
        return [
            int(pid)
            for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def connect(self) -> socket.socket:
        """A cleartext connection to the server."""
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def connect_tls(self, *alpn: str) -> ssl.SSLSocket:
        """A TLS connection that offers `alpn`."""
        context = ssl.create_default_context(cafile=str(self.root / "certificate.pem"))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        plain = socket.create_connection(("127.0.0.1", self.tls_port), 10)
        return context.wrap_socket(plain, server_hostname="shop.test")


def wait_for(condition: Callable[[], bool], deadline_s: float, complaint: str) -> None:
    """Poll until `condition` holds; raise AssertionError with `complaint` if it never does."""
    give_up = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < give_up, complaint
        time.sleep(0.02)


class EventReader:
    """Listens where the module connects to; every line is kept as received, and decoded when asked for.

    Decoding is strict: a line that is not JSON, or not UTF-8, raises ValueError.
    """

    def __init__(self, path: Path, *, keeps_events: bool = True) -> None:
        self._path = path
        self._keeps_events = keeps_events
        self.lines: list[bytes] = []
        self.bytes_read = 0
        self._decoded: list[Event] = []
        self._reads = threading.Event()
        self._reads.set()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def start(self) -> EventReader:
        """Listen, replacing a socket file left from before."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        self._path.chmod(0o666)
        listener.listen(64)
        self._listener = listener
        self._spawn(self._accept, listener)
        return self

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
            self._spawn(self._read, connection)

    def _read(self, connection: socket.socket) -> None:
        rest = b""
        while True:
            self._reads.wait()
            try:
                piece = connection.recv(1 << 18)
            except OSError:
                break
            if not piece:
                break
            self.bytes_read += len(piece)
            if not self._keeps_events:
                continue
            *whole, rest = (rest + piece).split(b"\n")
            with self._lock:
                self.lines += whole

    @property
    def events(self) -> list[Event]:
        """Everything received so far, decoded."""
        with self._lock:
            for line in self.lines[len(self._decoded) :]:
                self._decoded.append(json.loads(line.decode("utf-8")))
            return list(self._decoded)

    def stall(self) -> None:
        """Stop reading; connections stay open."""
        self._reads.clear()

    def resume(self) -> None:
        """Read again after `stall`."""
        self._reads.set()

    def die(self) -> None:
        """Close every connection and the listener, as a killed process does; the socket file stays."""
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            self._open.clear()
        self._reads.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._threads.clear()

    def of_kind(self, kind: str) -> list[Event]:
        """Events received so far whose `ev` is `kind`."""
        return [event for event in self.events if event["ev"] == kind]

    def requests(self, count: int, deadline_s: float = 5) -> list[Event]:
        """The finished requests, once there are `count` of them."""
        wait_for(
            lambda: len(self.of_kind("end")) >= count,
            deadline_s,
            f"fewer than {count} finished requests were reported",
        )
        return self.of_kind("end")

    def lost(self) -> int:
        """Numbers missing between 1 and the highest of each source."""
        seen: dict[str, set[int]] = {}
        for event in self.events:
            seen.setdefault(event["source_id"], set()).add(event["source_seq"])
        return sum(max(numbers) - len(numbers) for numbers in seen.values())

    def dropped(self) -> int:
        """Events that the sources say they dropped: the last report of each."""
        last: dict[str, int] = {}
        for event in self.of_kind("source"):
            last[event["source_id"]] = event["dropped_full"] + event["dropped_long"]
        return sum(last.values())


def answer_of(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    pieces: list[bytes] = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


@contextlib.contextmanager
def reporting_apache(module: Path, **options: Any) -> Iterator[tuple[PrivateApache, EventReader]]:
    """A server and its reader, both started, the reader first."""
    apache = PrivateApache(module, **options)
    reader = EventReader(apache.socket_path).start()
    try:
        with apache:
            yield apache, reader
    finally:
        reader.die()
