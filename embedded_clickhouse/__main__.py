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
from collections.abc import Sequence
from pathlib import Path

from embedded_clickhouse.accounts import Account, Accounts, Grants, UnusableGrantsError, read_grants
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
        "--restricted-user",
        nargs=2,
        type=Path,
        metavar=("GRANTS", "PASSWORD_FILE"),
        action="append",
        default=[],
        help="SQL file with a further user's grants, and the file with that user's password; may be repeated",
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
        password = _text_of(maybe_password_file, "the password").strip()
    if not password:
        raise StartError("no password: set JA4_CLICKHOUSE_PASSWORD or give --password-file")
    return Credentials(user, password)


def restricted_users(files: Sequence[Sequence[Path]], admin: str) -> list[tuple[Grants, Credentials]]:
    """Each restricted user by its files of grants and of the password. Raises StartError."""
    found: list[tuple[Grants, Credentials]] = []
    for grants_file, password_file in files:
        try:
            grants = read_grants(_text_of(grants_file, "grants"))
        except UnusableGrantsError as error:
            raise StartError(f"{grants_file}: {error}") from error
        if grants.user in {admin, *(other.user for other, _ in found)}:
            raise StartError(f"{grants_file}: there is a user {grants.user} already")
        password = _text_of(password_file, "the password").strip()
        if not password:
            raise StartError(f"{password_file} is empty: it must hold the password of {grants.user}")
        found.append((grants, Credentials(grants.user, password)))
    return found


def _text_of(path: Path, subject: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"cannot read {subject} from {path}: {error}") from error


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; ends the process itself. Raises StartError."""
    credentials = login(arguments.password_file)
    restricted = restricted_users(arguments.restricted_user, credentials.user)
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

    address = (arguments.host, arguments.port)
    if port_is_taken(address):
        raise StartError(f"port {arguments.port} on {arguments.host} is taken; choose another with --port")
    configuration = write_configuration(
        arguments.path, arguments.max_memory_bytes, [grants for grants, _ in restricted]
    )
    engine = Engine(arguments.path, configuration)
    accounts = Accounts(
        [Account(credentials), *(Account(theirs, grants.user) for grants, theirs in restricted)]
    )
    gateway = Gateway(
        engine,
        accounts,
        ClientWatch(engine.kill),
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
        accounts.close_sessions()
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
