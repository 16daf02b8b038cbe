"""Models in words: what a version is, how it was measured, and how the traffic drifted from its training."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.markup import ago, joined, number, percent, text, utc_text
from soc_dashboard.components.states import asked_text
from soc_dashboard.feature_words import feature_label
from soc_dashboard.store.models import DriftRow, EvaluationRow, ModelRow, ModelsReading
from soc_dashboard.window import Window

SHIFT, LARGE_SHIFT = 0.1, 0.25
"""Population stability index from which a feature has shifted, and shifted far (the usual reading of PSI)."""
MAX_FEATURES = 12
MAX_LINES = 300


def model_facts(model: ModelRow | None, alias: str, mlflow_url: str, now: datetime) -> Markup:
    """What one version is; says so when no version has the alias."""
    if model is None:
        return Markup(
            '<div class="empty" role="status"><strong>No {}</strong>A version gets this alias '
            "when it is trained and passes its checks.</div>"
        ).format(alias)
    facts: list[tuple[str, Markup]] = [
        (
            "Version",
            Markup("<b>{}</b> of {}").format(text(model.model_version, 20), text(model.model_name, 60)),
        ),
        ("Trained", ago(model.trained_at, now)),
        (
            "On",
            Markup("{} entity hours, {} – {}").format(
                number(model.training_rows), utc_text(model.window_start), utc_text(model.window_end)
            ),
        ),
        ("Features", Markup("{}").format(number(len(model.features)))),
        ("Why", text(model.reason or "no reason was recorded")),
        ("Alias since", ago(model.changed_at, now)),
        ("Code", text(model.code_version, 80)),
        ("Seed", Markup("{}").format(model.seed)),
        ("MLflow", _links(model, mlflow_url)),
    ]
    return Markup('<dl class="raw">{}</dl>').format(
        joined([Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in facts])
    )


def slices(reading: ModelsReading) -> Markup:
    """Every measurement of champion and challenger side by side, with its interval."""
    models = [reading.maybe_with_alias(alias) for alias in ("champion", "challenger")]
    known = {(row.key, row.figure): row for row in reading.evaluations}
    keys = [model.key if model else None for model in models]
    figures = sorted({row.figure for row in reading.evaluations if row.key in keys})
    if not figures:
        return Markup(
            '<div class="empty" role="status"><strong>Nothing was measured yet</strong>'
            "Training measures a model; a daily run measures the champion again.</div>"
        )
    lines = []
    for figure in figures[:MAX_LINES]:
        data_set, part, metric = figure
        found = [known.get((key, figure)) if key else None for key in keys]
        any_row = next(row for row in found if row is not None)
        lines.append(
            Markup(
                '<tr><td>{}</td><td>{}</td><td>{}</td><td class="num">{}</td><td class="num">{}</td>'
                '<td class="num">{}</td><td>{}</td></tr>'
            ).format(
                text(data_set, 40),
                text(part or "all", 60),
                text(metric.replace("_", " "), 60),
                *(_figure(row) for row in found),
                number(any_row.identities),
                text(any_row.note, 160),
            )
        )
    more = len(figures) - MAX_LINES
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="Measurements"><table class="plain">'
        "<thead><tr><th>Data set</th><th>Slice</th><th>Metric</th>"
        '<th class="num">Champion</th><th class="num">Challenger</th><th class="num">Clients</th>'
        "<th>Note</th></tr></thead><tbody>{}</tbody></table>{}</div>"
    ).format(joined(lines), Markup('<p class="muted">and {} more</p>').format(more) if more > 0 else "")


def drift(rows: list[DriftRow], model: ModelRow | None, window: Window) -> Markup:
    """What moved most from the champion's training, and the share of fingerprints that it never saw."""
    mine = [row for row in rows if model is not None and row.key == model.key]
    features = [row for row in mine if row.feature and row.psi is not None][:MAX_FEATURES]
    if not mine:
        return Markup(
            '<div class="empty" role="status"><strong>No comparison in this range</strong>Asked: {}. '
            "Drift of the champion is computed every hour.</div>"
        ).format(asked_text(window))
    unseen = next((row for row in mine if not row.feature), None)
    note = (
        Markup(
            "<p>{} of {} entity hours have a JA4 that training did not see, in the day up to {}.</p>"
        ).format(percent(unseen.unseen_ja4_share), number(unseen.entity_hours), utc_text(unseen.newest_hour))
        if unseen is not None
        else Markup("")
    )
    top = max((row.psi or 0 for row in features), default=0) or 1
    return Markup('<div class="bars">{}{}</div>').format(
        note, joined([_drift_bar(row, top) for row in features])
    )


def _drift_bar(row: DriftRow, top: float) -> Markup:
    psi = row.psi or 0
    words = "large shift" if psi >= LARGE_SHIFT else "shift" if psi >= SHIFT else "stable"
    return Markup(
        '<div class="bar-row"><span class="name" title="{}">{}</span><span class="figure">'
        '<b>{:.2f}</b> · {}</span><span class="track"><i class="{}" style="width:{:.1f}%"></i></span></div>'
    ).format(
        row.feature, feature_label(row.feature), psi, words, "hostile" if psi >= LARGE_SHIFT else "accent",
        psi / top * 100,
    )  # fmt: skip


def _figure(row: EvaluationRow | None) -> Markup:
    if row is None:
        return Markup('<span class="muted">–</span>')
    interval = (
        f"{row.low:.3f} – {row.high:.3f}" if row.low is not None and row.high is not None else "no interval"
    )
    return Markup('<b>{:.3f}</b> <span class="muted">{}</span>').format(row.value, interval)


def _links(model: ModelRow, mlflow_url: str) -> Markup:
    if not mlflow_url:
        return Markup('<span class="muted">run {}</span>').format(text(model.run_id or "not recorded", 40))
    base = mlflow_url.rstrip("/")
    version = Markup(
        '<a href="{}/#/models/{}/versions/{}" target="_blank" rel="noreferrer">this version</a>'
    ).format(base, quote(model.model_name, safe=""), quote(model.model_version, safe=""))
    run = (
        Markup(', <a href="{}/#/runs/{}" target="_blank" rel="noreferrer">its run</a>').format(
            base, quote(model.run_id, safe="")
        )
        if model.run_id
        else Markup("")
    )
    return version + run
