"""Line icons, drawn for this project."""

from __future__ import annotations

from markupsafe import Markup

_ICONS = {
    "copy": (
        "M5 2.5h6.5a1 1 0 0 1 1 1V10"
        "M3.5 5H9a1 1 0 0 1 1 1v6.5a1 1 0 0 1-1 1H3.5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z"
    ),
    "overview": "M2.5 13.5v-5M6.2 13.5V4.5M9.8 13.5V7M13.5 13.5v-11",
    "fingerprints": (
        "M8 7.6v2.2c0 1.6.3 2.8.8 4M5.4 13.3c-.4-1.2-.5-2.4-.5-3.6V7.9a3.1 3.1 0 0 1 6.2 0v1.6"
        "c0 1.2.2 2.2.5 3.1M2.5 10.9V8a5.5 5.5 0 0 1 11 0v2.2M4.2 3.2a6.6 6.6 0 0 1 7.6 0"
    ),
    "requests": "M2.5 3.5h11M2.5 8h11M2.5 12.5h7",
    "decisions": "M8 2.5v11M4 13.5h8M3 4.5h10M3 4.5l-1.5 4.5h3zM13 4.5l-1.5 4.5h3z",
    "alerts": (
        "M8 2.2a4.2 4.2 0 0 1 4.2 4.2c0 3.6 1.3 4.8 1.3 4.8h-11s1.3-1.2 1.3-4.8A4.2 4.2 0 0 1 8 2.2z"
        "M6.6 13.6h2.8"
    ),
    "campaigns": (
        "M8 3.2a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8zM3.4 10.4a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8z"
        "M12.6 10.4a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8zM7.2 5.8l-3 4.8M8.8 5.8l3 4.8M4.8 11.8h6.4"
    ),
    "sensors": "M2.5 8.5a5.5 5.5 0 0 1 11 0M5 8.5a3 3 0 0 1 6 0M8 8.5v5M5.8 13.5h4.4",
    "find": "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3l3.4 3.4",
    "label": "M2.5 8.4V3a.5.5 0 0 1 .5-.5h5.4l5.1 5.1-5.9 5.9zM5.4 5.4v.1",
    "include": "M8 3.5v9M3.5 8h9",
    "exclude": "M3.5 8h9",
    "open": "M6.5 3.5h6v6M12.5 3.5 4 12",
    "account": "M8 7.8a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM3 13.6c.4-2.4 2.4-3.7 5-3.7s4.6 1.3 5 3.7",
    "theme": "M8 2a6 6 0 1 0 6 6 4.6 4.6 0 0 1-6-6z",
    "views": "M4.5 2.5h7v11L8 10.6l-3.5 2.9z",
    "help": (
        "M5.8 6.2a2.2 2.2 0 1 1 3.3 2c-.8.5-1.1.9-1.1 1.7M8 12.3v.2"
        "M8 1.7a6.3 6.3 0 1 1 0 12.6A6.3 6.3 0 0 1 8 1.7z"
    ),
    "earlier": "M10 3.5 5.5 8l4.5 4.5",
    "later": "M6 3.5 10.5 8 6 12.5",
    "back": "M5.5 3 2.5 6l3 3M2.8 6h6.7a3.5 3.5 0 0 1 0 7H6",
    "refresh": "M13.2 8a5.2 5.2 0 1 1-1.6-3.7L13.4 6M13.5 2.6V6h-3.4",
    "pause": "M5.5 3.5v9M10.5 3.5v9",
    "play": "M5 3.2v9.6L12.5 8z",
    "picture": "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 3 3 2-2 3 3M10.6 6.2v.1",
    "columns": "M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9",
    "export": "M8 2.5v7.2M5 6.9l3 3 3-3M3 12.8h10",
    "models": "M8 2l5.5 3v6L8 14l-5.5-3V5zM8 8v6M8 8 2.5 5M8 8l5.5-3",
    "settings": "M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3",
    "audit": "M4 2.5h6l2.5 2.5v8.5H4zM6 7h4.5M6 9.5h4.5M6 12h2.5",
    "warning": "M8 2.2 14.4 13.4H1.6zM8 6.4v3.4M8 11.6v.2",
}


def icon(name: str) -> Markup:
    """A 16 x 16 line icon."""
    return Markup(
        '<svg class="icon" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="{}"/></svg>'
    ).format(_ICONS[name])
