"""The people who may sign in."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from soc_dashboard.access.log import AccessLog
from soc_dashboard.access.passwords import PasswordHashes, checked_password, one_time_password
from soc_dashboard.access.roles import Role, User
from soc_dashboard.access.storage import AccountsFile

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}\Z")


class AccountRefusedError(ValueError):
    """A change that is not made; the message is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Account:
    """One row of the users."""

    user_id: int
    name: str
    role: Role
    is_local: bool
    """Has a password here; otherwise the OpenID provider says who it is."""
    must_change_password: bool
    is_disabled: bool
    created_at: int
    last_login_at: int | None

    @property
    def user(self) -> User:
        """The account as pages see it."""
        return User(self.name, self.role)


class Users:
    """Accounts in the file. Whatever changes what an account may do ends its sessions."""

    def __init__(
        self, file: AccountsFile, hashes: PasswordHashes, log: AccessLog, clock: Callable[[], int]
    ) -> None:
        self._file = file
        self._hashes = hashes
        self._log = log
        self._clock = clock

    def all(self) -> list[Account]:
        """Every account by name."""
        return [account_of(row) for row in self._file.rows("select * from users order by name")]

    def maybe_named(self, name: str) -> Account | None:
        """The account of this name, whatever its case."""
        row = self._file.maybe_row("select * from users where name = ?", (name,))
        return account_of(row) if row else None

    def maybe_external(self, issuer: str, subject: str) -> Account | None:
        """The account that an OpenID provider knows under `subject`."""
        row = self._file.maybe_row("select * from users where issuer = ? and subject = ?", (issuer, subject))
        return account_of(row) if row else None

    def add(self, actor: str, name: str, role: Role) -> str:
        """Make a local account; gives its one-time password. Raises AccountRefusedError."""
        password = one_time_password()
        self._insert(
            "insert into users (name, role, password_hash, must_change_password, created_at)"
            " values (?, ?, ?, 1, ?)",
            (checked_name(name), role, self._hashes.hashed(password), self._clock()),
        )
        self._log.note(actor, "add-user", f"{name} as {role}")
        return password

    def add_external(self, name: str, role: Role, issuer: str, subject: str) -> Account:
        """Make the account of somebody who signed in with an OpenID provider. Raises AccountRefusedError."""
        self._insert(
            "insert into users (name, role, issuer, subject, created_at) values (?, ?, ?, ?, ?)",
            (checked_name(name), role, issuer, subject, self._clock()),
        )
        self._log.note(name, "add-user", f"{name} as {role}, by {issuer}")
        return self._named(name)

    def reset_password(self, actor: str, name: str) -> str:
        """Give a local account a new one-time password, end its sessions, lift a lock-out."""
        account = self._local(name)
        password = one_time_password()
        self._set_password(account, self._hashes.hashed(password), must_change=True)
        self._log.note(actor, "reset-password", account.name)
        return password

    def change_password(self, account: Account, password: str) -> None:
        """Set the password that its owner chose; ends all sessions. Raises PasswordRefusedError."""
        kept = self._hashes.hashed(checked_password(password, account.name))
        self._set_password(account, kept, must_change=False)
        self._log.note(account.name, "change-password", "")

    def is_password(self, name: str, password: str) -> bool:
        """Whether a local account that may sign in has this name and password; takes as long if not."""
        row = self._file.maybe_row("select password_hash, is_disabled from users where name = ?", (name,))
        kept = row["password_hash"] if row and not row["is_disabled"] else None
        is_right = self._hashes.is_right(kept, password)
        if is_right and kept is not None and self._hashes.is_outdated(kept):
            self._file.change(
                "update users set password_hash = ? where name = ?", (self._hashes.hashed(password), name)
            )
        return is_right

    def set_role(self, actor: str, name: str, role: Role) -> None:
        """Give another role. Raises AccountRefusedError for the last admin."""
        account = self._named(name)
        if role is not Role.ADMIN:
            self._refuse_last_admin(account)
        with self._file.transaction():
            self._file.change("update users set role = ? where user_id = ?", (role, account.user_id))
            self._end_sessions(account)
        self._log.note(actor, "set-role", f"{account.name}: {account.role} to {role}")

    def set_disabled(self, actor: str, name: str, is_disabled: bool) -> None:
        """Shut an account out, with its sessions and tokens, or let it in again."""
        account = self._named(name)
        if is_disabled:
            self._refuse_last_admin(account)
        with self._file.transaction():
            self._file.change(
                "update users set is_disabled = ? where user_id = ?", (int(is_disabled), account.user_id)
            )
            self._end_sessions(account)
        self._log.note(actor, "disable" if is_disabled else "enable", account.name)

    def note_login(self, account: Account, how: str) -> None:
        """Remember a sign-in."""
        self._file.change(
            "update users set last_login_at = ? where user_id = ?", (self._clock(), account.user_id)
        )
        self._log.note(account.name, "sign-in", how)

    def _named(self, name: str) -> Account:
        account = self.maybe_named(name)
        if account is None:
            raise AccountRefusedError(f"there is no user {name!r}")
        return account

    def _local(self, name: str) -> Account:
        account = self._named(name)
        if not account.is_local:
            raise AccountRefusedError(
                f"{account.name} signs in with the OpenID provider: no password is here"
            )
        return account

    def _insert(self, sql: str, values: tuple[object, ...]) -> None:
        try:
            self._file.change(sql, values)
        except sqlite3.IntegrityError:
            raise AccountRefusedError(f"there is a user {values[0]!r} already") from None

    def _set_password(self, account: Account, kept: str, must_change: bool) -> None:
        with self._file.transaction():
            self._file.change(
                "update users set password_hash = ?, must_change_password = ? where user_id = ?",
                (kept, int(must_change), account.user_id),
            )
            self._end_sessions(account)

    def _end_sessions(self, account: Account) -> None:
        self._file.change("delete from sessions where user_id = ?", (account.user_id,))

    def _refuse_last_admin(self, account: Account) -> None:
        others = self._file.maybe_row(
            "select 1 from users where role = 'admin' and not is_disabled and user_id <> ?",
            (account.user_id,),
        )
        if account.role is Role.ADMIN and not account.is_disabled and others is None:
            raise AccountRefusedError(f"{account.name} is the last admin: make another one first")


def checked_name(name: str) -> str:
    """The name, if a user may have it. Raises AccountRefusedError."""
    if not NAME.match(name):
        raise AccountRefusedError(
            "a user's name has 1 to 100 letters, digits or . _ @ + - and begins with a letter or digit"
        )
    return name


def account_of(row: sqlite3.Row) -> Account:
    """The account in a row that has the columns of `users`."""
    return Account(
        user_id=row["user_id"],
        name=row["name"],
        role=Role(row["role"]),
        is_local=row["issuer"] is None,
        must_change_password=bool(row["must_change_password"]),
        is_disabled=bool(row["is_disabled"]),
        created_at=row["created_at"],
        last_login_at=row["last_login_at"],
    )
