"""The look: palette, type and the Material theme. `static/fonts.css` holds the same palette as variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SANS = '"Inter Variable", Inter, system-ui, sans-serif'
MONO = '"JetBrains Mono", ui-monospace, monospace'


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme that charts and Material widgets need as values (a canvas reads no "
    "CSS variable)."""

    surface: str
    card: str
    hairline: str
    text: str
    muted: str
    grid: str
    accent: str
    on_accent: str


LIGHT = Palette("#f5f6f8", "#ffffff", "#dfe3e8", "#1b222c", "#5a6472", "#e9ecf0", "#2b5fb3", "#ffffff")
DARK = Palette("#0e1217", "#151a21", "#272e38", "#e3e8ee", "#97a2b0", "#222932", "#7ba6ea", "#0e1217")


def palette(is_dark: bool) -> Palette:
    """The palette of the chosen theme."""
    return DARK if is_dark else LIGHT


def material_theme() -> dict[str, Any]:
    """`theme_config` of panel-material-ui: both colour schemes, dense components, no elevation."""
    return {"light": _scheme(LIGHT, "light"), "dark": _scheme(DARK, "dark")}


def _scheme(colours: Palette, mode: str) -> dict[str, Any]:
    outline = {"borderColor": colours.hairline}
    return {
        "palette": {
            "mode": mode,
            "primary": {"main": colours.accent, "contrastText": colours.on_accent},
            "background": {"default": colours.surface, "paper": colours.card},
            "text": {"primary": colours.text, "secondary": colours.muted},
            "divider": colours.hairline,
        },
        "typography": {
            "fontFamily": SANS,
            "fontSize": 13,
            "button": {"textTransform": "none", "fontWeight": 500},
        },
        "shape": {"borderRadius": 6},
        "components": {
            "MuiDrawer": {
                "styleOverrides": {
                    "paper": {
                        "backgroundColor": colours.card,
                        "backgroundImage": "none",
                        "borderColor": colours.hairline,
                    }
                }
            },
            "MuiButtonBase": {"defaultProps": {"disableRipple": True}},
            "MuiToggleButton": {
                "styleOverrides": {
                    "root": {
                        **outline,
                        "color": colours.muted,
                        "height": 28,
                        "padding": "0 10px",
                        "fontSize": 12.5,
                        "textTransform": "none",
                        "fontVariantNumeric": "tabular-nums",
                        "@media (max-width: 600px)": {"padding": "0 7px"},
                        "&.Mui-selected": {
                            "color": f"{colours.text} !important",
                            "backgroundColor": f"{colours.grid} !important",
                        },
                    }
                }
            },
            "MuiOutlinedInput": {
                "styleOverrides": {
                    "root": {"fontSize": 13, "height": 32, "& fieldset": outline},
                    "input": {"padding": "0 10px", "height": 32},
                }
            },
            "MuiSelect": {
                "styleOverrides": {"select": {"padding": "0 28px 0 10px !important", "lineHeight": "32px"}}
            },
            "MuiMenuItem": {"styleOverrides": {"root": {"fontSize": 13, "minHeight": 32}}},
        },
    }
