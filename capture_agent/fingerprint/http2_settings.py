"""The HTTP/2 fingerprint: SETTINGS | WINDOW_UPDATE | PRIORITY | order of the pseudo-headers.

The form is that of "Passive Fingerprinting of HTTP/2 Clients" (Akamai, Black Hat Europe 2017): its fields are
`identifier:value` joined by `;`, the window increment or `00`, `stream:exclusive:depends_on:weight` joined by
`,` or `0`, and the first letters of the pseudo-headers joined by `,`. One rule is ours: an identifier of the
GREASE pattern of RFC 8701 is written as `GREASE`, since both numbers are drawn at random.
"""

from __future__ import annotations

from capture_agent.wire.http2 import Http2Start
from capture_agent.wire.registry import GREASE

NO_WINDOW_UPDATE = "00"
NO_PRIORITY = "0"


def h2_fingerprint(start: Http2Start) -> str:
    """Text of the form `1:65536;3:1000|15663105|3:0:0:201|m,a,s,p`."""
    settings = ";".join(
        "GREASE" if identifier in GREASE else f"{identifier}:{value}" for identifier, value in start.settings
    )
    window = NO_WINDOW_UPDATE if start.window_increment is None else str(start.window_increment)
    priorities = ",".join(
        f"{priority.stream}:{priority.is_exclusive:d}:{priority.depends_on}:{priority.weight}"
        for priority in start.priorities
    )
    pseudo_headers = ",".join(_letter(name) for name in start.pseudo_header_names)
    return "|".join((settings, window, priorities or NO_PRIORITY, pseudo_headers))


def _letter(name: bytes) -> str:
    first = name[1:2]
    return first.decode("ascii") if first.isalpha() else "".join(f"\\x{byte:02x}" for byte in first)
