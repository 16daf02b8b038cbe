"""What can be stored: header values that have a column, times that fit, and the ports that mean TLS."""

from __future__ import annotations

STORED_HEADERS = frozenset(
    {
        "user-agent",
        "accept",
        "accept-language",
        "accept-encoding",
        "referer",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "sec-fetch-user",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "signature",
        "signature-input",
        "signature-agent",
        "x-forwarded-for",
    }
)
"""Headers whose value has a column, lower case; any other value, credentials above all, is never kept."""
DEFAULT_TLS_PORTS = frozenset({443, 8443})
"""Server ports that speak TLS, for HTTP events that do not name their scheme."""
DEFAULT_CLEARTEXT_PORTS = frozenset({80, 8080})
"""Server ports on which the sensor reads cleartext HTTP itself, where it does."""
LAST_US = 7_258_118_400_000_000
"""2200-01-01. DateTime64(6) ends in 2299; one later time would fail its whole batch, so it is refused at the
door: a clock that wrong says nothing anyway."""
