"""Starts the database: `python -m embedded_clickhouse --path DIR --port 8123`."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from embedded_clickhouse.bodies import MAX_BODY_BYTES
from embedded_clickhouse.data_directory import DirectoryHeldError, hold
from embedded_clickhouse.request import Credentials

DEFAULT_MAX_MEMORY_BYTES = 8 * 10**9
DRAIN_DEADLINE_S = 20.0
EXIT_USAGE = 2


class StartError(Exception):
    """The database cannot start; the message is for the person who started it."""


def port_number(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError, which argparse words for the user."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port between 1 and 65535")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="python -m embedded_clickhouse", description="chDB behind the ClickHouse HTTP interface."
    )
    result.add_argument("--path", type=Path, required=True, help="data directory; made if absent")
    result.add_argument("--port", type=port_number, default=8123, help="TCP port (default 8123)")
    result.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    result.add_argument(
        "--password-file", type=Path, help="file with the password, instead of JA4_CLICKHOUSE_PASSWORD"
    )
    result.add_argument(
        "--max-memory-bytes",
        type=int,
        default=DEFAULT_MAX_MEMORY_BYTES,
        help="limit on the engine's memory (default 8 GB)",
    )
    result.add_argument(
        "--max-body-bytes",
        type=int,
        default=MAX_BODY_BYTES,
        help="limit on one request's body, unpacked (default 512 MiB)",
    )
    return result


def login(maybe_password_file: Path | None) -> Credentials:
    """User and password from the environment or the file. Raises StartError if there is no password."""
    user = os.environ.get("JA4_CLICKHOUSE_USER", "ja4")
    password = os.environ.get("JA4_CLICKHOUSE_PASSWORD", "")
    if maybe_password_file is not None:
        try:
            password = maybe_password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StartError(f"cannot read the password from {maybe_password_file}: {error}") from error
    if not password:
        raise StartError("no password: set JA4_CLICKHOUSE_PASSWORD or give --password-file")
    return Credentials(user, password)


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; ends the process itself. Raises StartError."""
    credentials = login(arguments.password_file)
    try:
        hold(arguments.path)
    except DirectoryHeldError as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise StartError(f"cannot use the data directory {arguments.path}: {error}") from error

    # The engine takes its zone from here, whatever its configuration says; clients are promised UTC.
    os.environ["TZ"] = "UTC"
    time.tzset()
    # chDB takes a third of a second to load: only after everything that can be refused at once.
    from embedded_clickhouse.client_watch import ClientWatch
    from embedded_clickhouse.configuration import write_configuration
    from embedded_clickhouse.engine import Engine
    from embedded_clickhouse.handler import GatewayHandler
    from embedded_clickhouse.server import Gateway, GatewayServer, port_is_taken
    from embedded_clickhouse.sessions import SessionStore

    address = (arguments.host, arguments.port)
    if port_is_taken(address):
        raise StartError(f"port {arguments.port} on {arguments.host} is taken; choose another with --port")
    configuration = write_configuration(arguments.path, arguments.max_memory_bytes)
    engine = Engine(arguments.path, configuration)
    sessions = SessionStore()
    gateway = Gateway(
        engine,
        sessions,
        ClientWatch(engine.kill),
        credentials,
        arguments.path.resolve() / "spool",
        arguments.max_body_bytes,
    )
    try:
        server = GatewayServer(address, gateway, GatewayHandler)
    except OSError as error:
        reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise StartError(
            f"port {arguments.port} on {arguments.host} {reason}; choose another with --port"
        ) from error

    def stop(number: int, _frame: object) -> None:
        logging.info("signal %d: finishing the requests under way", number)
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    logging.info(
        "ClickHouse %s answers on http://%s:%d, data in %s", engine.version, *address, arguments.path
    )
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    left = server.drain(DRAIN_DEADLINE_S)
    if left:
        logging.warning("%d requests did not finish within %d s", left, DRAIN_DEADLINE_S)
    else:
        sessions.close()
        engine.close()
    logging.shutdown()
    # The interpreter's own end can abort inside chDB while a connection is open.
    os._exit(0)


def main() -> int:
    """Entry point: 2 and one sentence on standard error if the database cannot start."""
    logging.basicConfig(level=logging.INFO, format="embedded_clickhouse: %(message)s", stream=sys.stderr)
    arguments = parser().parse_args()
    try:
        run(arguments)
    except StartError as error:
        sys.stderr.write(f"embedded_clickhouse: {error}\n")
        sys.stderr.flush()
        os._exit(EXIT_USAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
