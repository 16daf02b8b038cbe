"""Databases with the marts that dbt declares: one with a day of rows, one with hostile ones, one empty."""

from __future__ import annotations

import importlib
import re
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import clickhouse_connect
import pytest
from argon2 import PasswordHasher
from clickhouse_connect.driver.client import Client
from fastapi.testclient import TestClient
from pydantic import SecretStr

from ja4_assets.storage import migrate
from soc_dashboard.access.passwords import PasswordHashes
from soc_dashboard.access.registry import Accounts, open_accounts
from soc_dashboard.access.roles import Role
from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings
from soc_dashboard.store.database import MartDatabase

PASSWORD = "only for these tests"
QUICK_HASHES = PasswordHashes(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Of no strength: tests make many accounts."""


def add_person(accounts: Accounts, name: str, role: Role) -> None:
    """Make an account that has chosen PASSWORD."""
    accounts.users.add("tests", name, role)
    account = accounts.users.maybe_named(name)
    assert account is not None
    accounts.users.change_password(account, PASSWORD)


def form_token(page: str) -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> str:
    """Sign in by the form, as a browser does; gives the form token of the session."""
    fields = {"csrf": form_token(client.get("/login").text), "next": "/", "name": name, "password": password}
    assert client.post("/login", data=fields, follow_redirects=False).status_code == 303
    return form_token(client.get("/account/password").text)


@pytest.fixture
def sign_in_as() -> Callable[..., str]:
    """`sign_in`, for tests."""
    return sign_in


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    """Accounts with one person of each role, named as the role is."""
    opened = open_accounts(tmp_path / "home", hashes=QUICK_HASHES)
    for role in Role:
        add_person(opened, role, role)
    yield opened
    opened.file.close()


@pytest.fixture(scope="module")
def open_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], TestClient]]:
    """Opens a dashboard on a DSN and gives a client that is signed in, an admin unless told otherwise."""
    opened = open_accounts(tmp_path_factory.mktemp("accounts"), hashes=QUICK_HASHES)
    for role in Role:
        add_person(opened, role, role)
    with ExitStack() as clients:

        def open_on(dsn: str, role: Role = Role.ADMIN) -> TestClient:
            app = create_app(Settings(JA4_CLICKHOUSE_URL=SecretStr(dsn)), opened)
            client = TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)
            clients.enter_context(client)
            sign_in(client, role)
            return client

        yield open_on
    opened.file.close()


@pytest.fixture(scope="session")
def mart_tables() -> ModuleType:
    """The module that makes and fills the marts."""
    # Tests are no package; the module is also a script that runs from its folder.
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        return importlib.import_module("mart_tables")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The time at which the rows end."""
    return datetime.now(UTC)


@contextmanager
def new_database(dsn: str, fill: Callable[[Client], None]) -> Iterator[str]:
    """DSN of a database of its own, dropped afterwards."""
    name = f"dashboard_{uuid.uuid4().hex[:12]}"
    with clickhouse_connect.get_client(dsn=dsn) as root:
        root.command(f"create database {name} engine = Atomic")
        migrate.upgrade(f"{dsn}/{name}")
        with clickhouse_connect.get_client(dsn=dsn, database=name) as client:
            fill(client)
        yield f"{dsn}/{name}"
        root.command(f"drop database {name} sync")


@pytest.fixture(scope="session")
def day_dsn(clickhouse_dsn: str, mart_tables: ModuleType, now: datetime) -> Iterator[str]:
    """A day of a small shop."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)
        mart_tables.fill(client, now)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def hostile_dsn(clickhouse_dsn: str, mart_tables: ModuleType, now: datetime) -> Iterator[str]:
    """Every text that a client controls holds something hostile."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)
        mart_tables.fill_hostile(client, now)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def empty_dsn(clickhouse_dsn: str, mart_tables: ModuleType) -> Iterator[str]:
    """The marts without rows."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture
def day_marts(day_dsn: str) -> Iterator[MartDatabase]:
    """The store over the day of rows."""
    marts = MartDatabase(day_dsn)
    yield marts
    marts.close()


@pytest.fixture
def empty_marts(empty_dsn: str) -> Iterator[MartDatabase]:
    """The store over empty marts."""
    marts = MartDatabase(empty_dsn)
    yield marts
    marts.close()
