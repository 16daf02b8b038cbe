"""Features and verdicts in words."""

from __future__ import annotations

from types import ModuleType

import pytest

from soc_dashboard.feature_words import FEATURES, feature_label, feature_sentence
from soc_dashboard.theme import DARK, LIGHT, Palette
from soc_dashboard.verdicts import SEVERITY, VERDICTS, verdict_style


def test_every_feature_of_the_mart_has_words(mart_tables: ModuleType) -> None:
    columns = mart_tables.declared_marts()["fct_entity_hour"]
    assert set(FEATURES) == {name for name, kind in columns.items() if kind == "Nullable(Float64)"}


def test_value_stands_against_its_norm() -> None:
    sentence = feature_sentence("secfetch_missing", 0.97, 0.02)
    assert sentence.startswith("97 % ")
    assert sentence.endswith("typical in training: 2 %.")


def test_unobserved_value_is_not_shown_as_zero() -> None:
    assert "0 %" not in feature_sentence("secfetch_missing", None, 0.0)


def test_feature_without_words_keeps_its_name() -> None:
    assert feature_label("a_feature_of_tomorrow") == "a_feature_of_tomorrow"


def test_verdicts_differ_in_shape_as_well_as_in_colour() -> None:
    assert len({style.icon for style in VERDICTS}) == len(VERDICTS)
    assert (
        len({style.light for style in VERDICTS}) == len({style.dark for style in VERDICTS}) == len(VERDICTS)
    )
    assert verdict_style("something new").key == "unknown"
    assert {*SEVERITY} == {style.key for style in VERDICTS}


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(palette: Palette) -> None:
    for background in (palette.card, palette.surface):
        assert contrast(palette.text, background) >= 4.5
        assert contrast(palette.muted, background) >= 4.5
        assert contrast(palette.accent, background) >= 4.5


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG 2.1."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, WCAG 2.1."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
