"""Everything about accounts in one place, for the application and for the command line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soc_dashboard.access.first_login import FirstLogin
from soc_dashboard.access.log import AccessLog
from soc_dashboard.access.passwords import PasswordHashes
from soc_dashboard.access.preferences import Preferences
from soc_dashboard.access.sessions import Sessions
from soc_dashboard.access.storage import AccountsFile
from soc_dashboard.access.throttle import AddressLimit, NameLocks
from soc_dashboard.access.tokens import Tokens
from soc_dashboard.access.users import Users

FOLDER = "dashboard"
DEFAULT_IDLE_S = 2 * 3600
DEFAULT_ABSOLUTE_S = 12 * 3600
"""A shift."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The open accounts of one state folder."""

    file: AccountsFile
    log: AccessLog
    users: Users
    sessions: Sessions
    tokens: Tokens
    preferences: Preferences
    name_locks: NameLocks
    address_limit: AddressLimit
    first_login: FirstLogin


def open_accounts(
    home: Path,
    idle_s: int = DEFAULT_IDLE_S,
    absolute_s: int = DEFAULT_ABSOLUTE_S,
    clock: Callable[[], int] = lambda: int(time.time()),
    hashes: PasswordHashes | None = None,
) -> Accounts:
    """Open the accounts below the state folder `home`, which is made if absent. Raises OSError."""
    folder = home / FOLDER
    file = AccountsFile(folder)
    log = AccessLog(file, clock)
    users = Users(file, hashes or PasswordHashes(), log, clock)
    return Accounts(
        file,
        log,
        users,
        Sessions(file, clock, idle_s, absolute_s),
        Tokens(file, log, clock),
        Preferences(file, clock),
        NameLocks(file, clock),
        AddressLimit(clock),
        FirstLogin(folder, users),
    )
