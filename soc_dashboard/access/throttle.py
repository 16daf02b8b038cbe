"""Slows down those who guess passwords: by the name they try, and by where they come from."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable

from soc_dashboard.access.storage import AccountsFile

FREE_FAILURES = 5
"""Mistakes of a person; the next one locks the name."""
FIRST_LOCK_S = 60
LONGEST_LOCK_S = 15 * 60
"""Each further failure doubles the lock up to here: some 100 guesses a day for one name, and a person who is
locked out by somebody else waits a quarter of an hour at most."""
FORGET_AFTER_S = 24 * 3600
MAX_NAMES = 20_000
ATTEMPTS = 30
ATTEMPTS_SPAN_S = 300
MAX_ADDRESSES = 10_000


class NameLocks:
    """Failures by name in the file, so that a restart forgives nothing.

    Names that nobody has are locked like others: a lock tells nobody which names exist.
    """

    def __init__(self, file: AccountsFile, clock: Callable[[], int]) -> None:
        self._file = file
        self._clock = clock

    def wait_s(self, name: str) -> int:
        """Seconds until the name may be tried again; 0 for now."""
        row = self._file.maybe_row("select * from login_failures where name_hash = ?", (_key(name),))
        if row is None or row["failures"] < FREE_FAILURES:
            return 0
        doublings = min(row["failures"] - FREE_FAILURES, 10)
        lock_s = min(FIRST_LOCK_S * 2**doublings, LONGEST_LOCK_S)
        return int(max(row["last_failed_at"] + lock_s - self._clock(), 0))

    def failed(self, name: str) -> int:
        """Count a failure; gives the failures in a row."""
        now = self._clock()
        self._file.change("delete from login_failures where last_failed_at < ?", (now - FORGET_AFTER_S,))
        self._file.change(
            "insert into login_failures values (?, 1, ?) on conflict do update"
            " set failures = failures + 1, last_failed_at = excluded.last_failed_at",
            (_key(name), now),
        )
        self._file.change(
            "delete from login_failures where name_hash in (select name_hash from login_failures"
            " order by last_failed_at desc limit -1 offset ?)",
            (MAX_NAMES,),
        )
        row = self._file.maybe_row("select failures from login_failures where name_hash = ?", (_key(name),))
        return int(row[0]) if row else 0

    def forgive(self, name: str) -> None:
        """Forget the failures of a name."""
        self._file.change("delete from login_failures where name_hash = ?", (_key(name),))


class AddressLimit:
    """Attempts by address over a sliding span, in memory; an IPv6 address counts as its /64."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._attempts: OrderedDict[str, deque[int]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Count an attempt, unless there were too many: then the seconds until the next is heard."""
        now = self._clock()
        key = _network(address)
        times = self._attempts.setdefault(key, deque())
        self._attempts.move_to_end(key)
        while times and times[0] <= now - ATTEMPTS_SPAN_S:
            times.popleft()
        if len(times) >= ATTEMPTS:
            return times[0] + ATTEMPTS_SPAN_S - now
        times.append(now)
        while len(self._attempts) > MAX_ADDRESSES:
            self._attempts.popitem(last=False)
        return 0


def _key(name: str) -> bytes:
    return hashlib.sha256(name.casefold().encode("utf-8", "replace")).digest()


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:60]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
