"""Starts the processes of the Procfile in the background, and stops them again."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path

import psutil

from operator_cli.settings import ROOT, Service, Settings

STOP_DEADLINE_S = 30.0
POLL_S = 0.2
LOG_TAIL_LINES = 25


class PlatformError(Exception):
    """Something a person has to mend; the text says what, where and how."""


class Supervisor:
    """The honcho process that holds the platform's processes, found again through a state file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state_file = settings.state_dir / "run" / "platform.json"

    @property
    def log_file(self) -> Path:
        """Everything that the processes print."""
        return self._settings.state_dir / "log" / "platform.log"

    def maybe_running(self) -> psutil.Process | None:
        """The supervisor of an earlier start if it still lives, told from a reused pid by its start time."""
        try:
            state = json.loads(self._state_file.read_text())
            process = psutil.Process(state["pid"])
            if process.create_time() != state["create_time"] or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except (FileNotFoundError, json.JSONDecodeError, KeyError, psutil.NoSuchProcess):
            return None
        return process

    def start(self) -> psutil.Process:
        """Start all services in a session of their own; raises PlatformError if a port is taken."""
        services = self._settings.services
        for service in services:
            refuse_taken_port(service)
        with self.log_file.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "honcho", "--no-colour", "start", "-f", "Procfile"]
                + [service.name for service in services],
                cwd=ROOT,
                env=self._settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = psutil.Process(child.pid)
        self._state_file.write_text(json.dumps({"pid": child.pid, "create_time": process.create_time()}))
        return process

    def stop(self) -> bool:
        """Stop the supervisor and all it started; False if nothing ran."""
        process = self.maybe_running()
        if process is None:
            self._state_file.unlink(missing_ok=True)
            return False
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_DEADLINE_S)
        for survivor in alive:
            survivor.kill()
        psutil.wait_procs(alive, timeout=5)
        self._state_file.unlink(missing_ok=True)
        return True

    def wait_until_ready(self, service: Service, deadline_s: float) -> None:
        """Poll a service until it answers; raises PlatformError with the end of the log if it cannot."""
        give_up = time.monotonic() + deadline_s
        while not answers(service):
            if self.maybe_running() is None:
                raise PlatformError(f"a process ended while {service.name} was starting:\n{self._log_tail()}")
            if time.monotonic() > give_up:
                raise PlatformError(
                    f"{service.name} did not answer on port {service.port} within {deadline_s:.0f} s; "
                    f"the end of {self.log_file}:\n{self._log_tail()}"
                )
            time.sleep(POLL_S)

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def refuse_taken_port(service: Service) -> None:
    """Raise PlatformError if somebody listens on the service's port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", service.port))
        except OSError as error:
            raise PlatformError(
                f"port {service.port} ({service.name}) cannot be used: {error.strerror}. Stop what holds it, "
                f"or choose another port: {service.setting}=… make up"
            ) from error


def answers(service: Service) -> bool:
    """The service answers its readiness path with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
    try:
        connection.request("GET", service.ready_path)
        return connection.getresponse().status == HTTPStatus.OK
    except (http.client.HTTPException, OSError):
        return False
    finally:
        connection.close()
