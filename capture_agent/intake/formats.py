"""The formats of HTTP events by name."""

from __future__ import annotations

from capture_agent.intake.event_lines import EventDecoder, LineDecoder
from capture_agent.intake.mapped_lines import MappedDecoder
from capture_agent.intake.mapping import load_mapping
from capture_agent.intake.normal_form import NormalForm

NATIVE = "native"
"""One HttpEvent a line, as mod_reqin_log writes it."""


def line_decoder(name: str, form: NormalForm) -> LineDecoder:
    """What reads a format: `native`, a ready mapping or a mapping file. Raises mapping.UnusableMapping."""
    return EventDecoder(form) if name == NATIVE else MappedDecoder(load_mapping(name), form)
