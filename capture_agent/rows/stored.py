"""What of a request has a column, and which server ports count as TLS unless configured."""

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
        "x-forwarded-for",
    }
)
"""Headers whose value has a column, lower case; any other value, credentials above all, is never kept."""
DEFAULT_TLS_PORTS = frozenset({443, 8443})
"""Server ports that speak TLS, for HTTP events that do not name their scheme."""
