"""What one person chose for the screen: saved views, theme, refresh. Kept beside the account."""

from __future__ import annotations

from collections.abc import Callable

from soc_dashboard.access.storage import AccountsFile

MAX_NAME = 100
MAX_VALUE_BYTES = 64 * 1024
MAX_PREFERENCES = 200


class PreferenceRefusedError(ValueError):
    """A preference that is not kept; the message is for the person."""


class Preferences:
    """Texts by user and name; what they mean is the page's business (JSON, as a rule)."""

    def __init__(self, file: AccountsFile, clock: Callable[[], int]) -> None:
        self._file = file
        self._clock = clock

    def of(self, user: str) -> dict[str, str]:
        """All preferences of a user: name -> value; empty for a user who has none."""
        rows = self._file.rows(
            "select preferences.name, value from preferences join users using (user_id)"
            " where users.name = ? order by preferences.name",
            (user,),
        )
        return {row["name"]: row["value"] for row in rows}

    def keep(self, user: str, name: str, value: str) -> None:
        """Set one preference. Raises PreferenceRefusedError beyond the bounds."""
        if not 0 < len(name) <= MAX_NAME:
            raise PreferenceRefusedError(f"a name has 1 to {MAX_NAME} characters")
        if len(value.encode("utf-8", "replace")) > MAX_VALUE_BYTES:
            raise PreferenceRefusedError(f"this is longer than {MAX_VALUE_BYTES} bytes")
        with self._file.transaction():
            if not self._file.change(
                "insert into preferences select user_id, ?, ?, ? from users where name = ?"
                " on conflict do update set value = excluded.value, changed_at = excluded.changed_at",
                (name, value, self._clock(), user),
            ):
                raise PreferenceRefusedError(f"there is no user {user!r}")
            kept = self._file.maybe_row(
                "select count(*) from preferences join users using (user_id) where users.name = ?", (user,)
            )
            if kept is not None and kept[0] > MAX_PREFERENCES:
                raise PreferenceRefusedError(f"there are {MAX_PREFERENCES} already: delete some")

    def drop(self, user: str, name: str) -> None:
        """Delete one preference, if there is one."""
        self._file.change(
            "delete from preferences where name = ?"
            " and user_id = (select user_id from users where users.name = ?)",
            (name, user),
        )
