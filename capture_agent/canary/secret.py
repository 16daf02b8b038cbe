"""Where the canary's secret comes from."""

from __future__ import annotations

from pathlib import Path

from capture_agent.canary.token import CanaryKey

MAX_FILE_BYTES = 4_096


class UnusableSecret(ValueError):  # noqa: N818 - named for what it refuses
    """A secret that cannot be used; the text says why and never shows it."""


def canary_key(secret: str | None, file: Path | None) -> CanaryKey | None:
    """The key from one of its two places, None if neither is given. Raises UnusableSecret."""
    if secret is not None and file is not None:
        raise UnusableSecret("the canary's secret is given twice, as text and as a file")
    if file is not None:
        try:
            with file.open("rb") as opened:
                octets = opened.read(MAX_FILE_BYTES)
        except OSError as error:
            raise UnusableSecret(f"{file}: {error.strerror}") from error
    elif secret is not None:
        octets = secret.encode()
    else:
        return None
    try:
        return CanaryKey(octets.strip())
    except ValueError as error:
        raise UnusableSecret(str(error)) from error
