"""The first admin: made with a one-time password when there is nobody yet, so that no default one exists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from soc_dashboard.access.roles import Role
from soc_dashboard.access.users import Users

FIRST_ADMIN = "admin"
FILE_NAME = "first-login"


@dataclass(frozen=True, slots=True)
class OneTimeLogin:
    """A name and a password that works once: signing in asks for a new one."""

    name: str
    password: str
    path: Path
    """Where it stands until then, readable by the owner of the accounts only."""


class FirstLogin:
    """Keeps the one-time password of the first admin in a file until it was used."""

    def __init__(self, folder: Path, users: Users) -> None:
        self._path = folder / FILE_NAME
        self._users = users

    def maybe_pending(self) -> OneTimeLogin | None:
        """The first admin's one-time login, made now if there is no user at all; None once it was used."""
        if not self._users.all():
            password = self._users.add("first start", FIRST_ADMIN, Role.ADMIN)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{password}\n")
        if not self._path.exists():
            return None
        password = self._path.read_text("utf-8").strip()
        admin = self._users.maybe_named(FIRST_ADMIN)
        is_pending = admin is not None and admin.must_change_password
        # It may have been reset since: then whoever did that was told the new one.
        if not is_pending or not self._users.is_password(FIRST_ADMIN, password):
            self._path.unlink()
            return None
        return OneTimeLogin(FIRST_ADMIN, password, self._path)

    def used(self) -> None:
        """The first admin has chosen a password: the file goes."""
        self._path.unlink(missing_ok=True)
