"""A recording's servers: Apache with the module, nginx, HTTP/3, one site behind them, names, a capture."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "capture_agent" / "httpd"))

from lab.dns_stub import DnsStub
from lab.live_agent import LiveAgent
from lab.network import INTERFACE, in_namespace, inside
from lab.nginx_server import NginxServer
from lab.quic_process import QuicProcess
from lab.recording.site import SEARCH_ENGINE
from lab.recording.town import NGINX_SERVER, SEARCH_SERVER, SERVER, Town
from lab.shifted_clock import ShiftedClock
from lab.wait import until_it_listens
from lab.web_shop import make_certificates
from private_apache import MODULES, build_module

from sample_traffic.sites import SITES

TESTS = Path(__file__).resolve().parents[2]
BACKEND_PORT = 8081
KEEP_ALIVE_S = 5
"""Stands for 100 s at the speed of `pauses`."""
NAMES = {site.host: NGINX_SERVER if site.host == "data.test" else SERVER for site in SITES}
NAMES[SEARCH_ENGINE] = SEARCH_SERVER
SYSTEM_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
APACHE = """\
ServerRoot {root}
ServerName shop.test
PidFile {root}/httpd.pid
DefaultRuntimeDir {root}
ErrorLog {root}/error.log
LogLevel warn
Mutex pthread
Listen {address}:443
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule http2_module {modules}/mod_http2.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule reqin_log_module {root}/module/mod_reqin_log.so
ReqinLogSocket {socket}
User nobody
Group nogroup
ServerLimit 4
ThreadsPerChild 64
MaxRequestWorkers 256
Protocols h2 http/1.1
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout {keep_alive_s}
Timeout 20
AllowEncodedSlashes On
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{backend}/ nocanon
<VirtualHost *:443>
  ServerAlias *
  SSLEngine on
  SSLCertificateFile {root}/certificate.pem
  SSLCertificateKeyFile {root}/key.pem
</VirtualHost>
"""


class Servers:
    """All of them and the agent; a context manager. Afterwards its folder holds what was seen."""

    def __init__(self, town: Town, folder: Path) -> None:
        self._town, self._folder = town, folder
        self.capture = folder / "raw.pcap"
        self.apache_events, self.nginx_events, self.quic_events = (
            folder / name for name in ("apache.jsonl", "nginx.jsonl", "quic.jsonl")
        )
        self._stack = ExitStack()
        self.agent: LiveAgent

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: ExitStack) -> None:
        folder, namespace = self._folder, self._town.server_side
        build_module(folder / "module")
        make_certificates(folder, tuple(NAMES))
        authority = (folder / "authority.pem").read_text()
        (folder / "authorities.crt").write_text(SYSTEM_AUTHORITIES.read_text() + authority)
        (folder / "resolv.conf").write_text(f"nameserver {SERVER}\noptions timeout:2\n")
        in_namespace(namespace, lambda: stack.push(DnsStub(SERVER, NAMES).__enter__()))
        environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
        run = [sys.executable, "-m"]
        self._run(stack, "backend", [*run, "lab.recording.backend", str(BACKEND_PORT)], environment)
        stack.enter_context(QuicProcess(namespace, folder, SERVER, self.quic_events, "--site"))
        capture = ["tcpdump", "-i", INTERFACE, "-s", "0", "-B", "65536", "-U", "-w", str(self.capture)]
        self._run(stack, "capture", [*capture, "-Z", "root", "port 443"], environment)
        module, nginx = folder / "module.sock", folder / "nginx.sock"
        agent_socket = folder / "agent.sock"
        sources = [
            f'socket = "{agent_socket}"\nmode = 0o666',
            f'syslog = "{nginx}"\nformat = "nginx"\nmode = 0o666',
            f'file = "{self.quic_events}"\nfrom_start = true',
        ]
        self.agent = LiveAgent(namespace, folder / "agent", sources)
        stack.callback(self.agent.kill)
        stack.enter_context(ShiftedClock(module, agent_socket, copy=self.apache_events))
        configuration = APACHE.format(
            root=folder,
            address=SERVER,
            modules=MODULES,
            socket=module,
            keep_alive_s=KEEP_ALIVE_S,
            backend=BACKEND_PORT,
        )
        (folder / "httpd.conf").write_text(configuration)
        apache = ["/usr/sbin/apache2", "-f", str(folder / "httpd.conf"), "-DFOREGROUND"]
        process = self._run(stack, "apache", apache, dict(os.environ))
        until_it_listens(namespace, SERVER, process, folder / "apache.out")
        stack.enter_context(
            NginxServer(
                namespace,
                folder,
                (NGINX_SERVER, SEARCH_SERVER),
                nginx,
                backend_port=BACKEND_PORT,
                copy=self.nginx_events,
                keep_alive_s=KEEP_ALIVE_S,
            )
        )

    def _run(
        self, stack: ExitStack, name: str, command: list[str], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                inside(self._town.server_side, *command),
                stdout=out,
                stderr=out,
                env=environment,
                cwd=self._folder,
                start_new_session=True,
            )
        stack.callback(_end, process)
        return process

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        time.sleep(KEEP_ALIVE_S + 1)
        self.agent.stop()
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
