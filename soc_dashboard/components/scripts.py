"""The scripts of every page, with what they need to know of it."""

from __future__ import annotations

import json

from markupsafe import Markup

from soc_dashboard.assets import asset
from soc_dashboard.components.markup import joined
from soc_dashboard.components.pivots import FIELD_OF_COLUMN, PAGE_OF_FIELD
from soc_dashboard.personal import Preferences

SCRIPTS = ("tables", "page", "looked", "cells", "help", "picture", "tour", "find", "keys")
"""In this order: the later ones use the earlier."""


def head_scripts(help_name: str, preferences: Preferences) -> Markup:
    """Script tags for the head. The first runs before anything is painted: it sets the theme."""
    shell = Markup('<script src="{}" data-theme="{}"></script>').format(asset("shell.js"), preferences.theme)
    facts = {
        "cells": {"fields": json.dumps(FIELD_OF_COLUMN), "pages": json.dumps(PAGE_OF_FIELD)},
        "help": {"help": help_name},
        "keys": {"shortcuts": "on" if preferences.has_shortcuts else "off"},
        "tour": {"tour": "done" if preferences.has_seen_tour else ""},
    }
    rest = joined([_script(f"scripts/{name}.js", facts.get(name, {})) for name in SCRIPTS])
    return shell + rest + _script("triage.js", {})


def _script(name: str, facts: dict[str, str]) -> Markup:
    attributes = joined([Markup(' data-{}="{}"').format(key, value) for key, value in facts.items()])
    return Markup('<script src="{}" defer{}></script>').format(asset(name), attributes)
