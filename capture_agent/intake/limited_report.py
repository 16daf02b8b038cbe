"""Messages about input, so few of them that no sender can fill the log."""

from __future__ import annotations

from collections.abc import Callable

SHOWN_PER_WINDOW = 5
WINDOW_S = 60.0
MAX_MESSAGE_CHARS = 400


class LimitedReport:
    """Passes on the first messages of each kind in a minute, and the number of those it kept back."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._say = say
        self._clock = clock
        self._window_began: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def __call__(self, kind: str, message: str) -> None:
        """Report a problem. `kind` is a constant of the caller: each kind has a share of its own."""
        now = self._clock()
        if now - self._window_began.get(kind, -WINDOW_S) >= WINDOW_S:
            self._summarise(kind)
            self._window_began[kind] = now
            self._count[kind] = 0
        self._count[kind] += 1
        if self._count[kind] <= SHOWN_PER_WINDOW:
            self._say(_on_one_line(message))

    def summarise(self) -> None:
        """Say how many messages were kept back; called at the end."""
        for kind in list(self._count):
            self._summarise(kind)
            self._count[kind] = 0

    def _summarise(self, kind: str) -> None:
        hidden = self._count.get(kind, 0) - SHOWN_PER_WINDOW
        if hidden > 0:
            self._say(f"{hidden} more of this kind: {kind}")


def _on_one_line(message: str) -> str:
    # Parts of a message come from senders: a line break in it would forge a log line of its own.
    shown = message[:MAX_MESSAGE_CHARS]
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)
