"""A figure over the versions of a model, with its intervals as a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soc_dashboard.components.display_time import local_text
from soc_dashboard.store.models import CHAMPION, EvaluationRow, ModelRow
from soc_dashboard.theme import SANS, palette


def interval_options(history: Sequence[tuple[ModelRow, EvaluationRow]], is_dark: bool) -> dict[str, Any]:
    """ECharts options: value per version, its 95 % interval as a band; the champion has a mark of its own."""
    colours = palette(is_dark)
    lows = [row.low if row.low is not None else row.value for _, row in history]
    highs = [row.high if row.high is not None else row.value for _, row in history]
    text = {"color": colours.muted, "fontFamily": SANS, "fontSize": 11}
    band = {
        "type": "line",
        "stack": "interval",
        "symbol": "none",
        "lineStyle": {"opacity": 0},
        "silent": True,
    }
    return {
        "animation": False,
        "aria": {"enabled": True},
        "textStyle": {"fontFamily": SANS},
        "grid": {"left": 52, "right": 14, "top": 14, "bottom": 24},
        "tooltip": {
            "trigger": "axis",
            "backgroundColor": colours.card,
            "borderColor": colours.hairline,
            "textStyle": {"color": colours.text, "fontSize": 12, "fontFamily": SANS},
            "extraCssText": "box-shadow:none;",
        },
        "xAxis": {
            "type": "category",
            "data": [
                f"{model.model_version} · {local_text(model.trained_at, '%d %b')}" for model, _ in history
            ],
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.hairline}},
            "axisLabel": {**text, "hideOverlap": True},
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "axisLabel": text,
            "splitLine": {"lineStyle": {"color": colours.grid}},
        },
        "series": [
            {**band, "name": "from", "data": lows},
            {
                **band,
                "name": "interval",
                "data": [high - low for low, high in zip(lows, highs, strict=True)],
                "areaStyle": {"color": colours.accent, "opacity": 0.18},
            },
            {
                "name": "value",
                "type": "line",
                "data": [
                    {
                        "value": row.value,
                        "symbol": "diamond" if model.alias == CHAMPION else "circle",
                        "symbolSize": 12 if model.alias == CHAMPION else 7,
                    }
                    for model, row in history
                ],
                "lineStyle": {"color": colours.accent, "width": 1.5},
                "itemStyle": {"color": colours.accent},
            },
        ],
    }
