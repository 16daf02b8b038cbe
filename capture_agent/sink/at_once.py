"""What sinks that hold nothing back have in common, as far as a live agent asks."""

from __future__ import annotations

from capture_agent.ports import SpoolDepth


class WritesAtOnce:
    """The part of `ports.LiveSink` that is about waiting: nothing waits."""

    failure: str | None = None

    def held_rows(self) -> int:
        """None."""
        return 0

    def depth(self) -> SpoolDepth:
        """There is no spool."""
        return SpoolDepth()

    def tend(self) -> None:
        """Nothing becomes due."""

    def ticket(self) -> int:
        """All tickets are alike."""
        return 0

    def is_safe(self, ticket: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """What was flushed has left the agent."""
        return True

    def flush(self) -> None:
        """Nothing is held back."""

    def finish(self, within_s: float) -> None:  # noqa: ARG002 - the protocol's signature
        """Flush."""
        self.flush()
