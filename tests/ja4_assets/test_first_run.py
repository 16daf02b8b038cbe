"""The first run goes through a long span in bounded runs: build all, train once, judge all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg

from ja4_assets.first_run import Step, steps
from ja4_assets.warehouse.run_hours import RUN_HOURS

LAST = datetime(2026, 11, 22, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)


def names(step: Step) -> set[str]:
    """The assets of a step's selection."""
    assert step.assets is not None
    return {key.to_user_string() for key in step.assets}


def test_hours_of_one_run_are_one_run_of_everything() -> None:
    first = LAST - HOUR * (RUN_HOURS - 1)
    assert steps(first, LAST) == [
        Step("observe_raw"),
        Step("everything", hours=(first, LAST)),
        Step("watch_models"),
    ]


def test_a_longer_span_with_few_requests_is_one_run_too() -> None:
    first = LAST - HOUR * (3 * RUN_HOURS)
    assert steps(first, LAST, has_few_requests=True) == [
        Step("observe_raw"),
        Step("everything", hours=(first, LAST), has_few_requests=True),
        Step("watch_models"),
    ]


def test_a_longer_span_is_built_then_trained_on_then_judged() -> None:
    found = steps(LAST - HOUR * (2 * RUN_HOURS), LAST)
    assert [step.job for step in found] == [
        "observe_raw", "everything", "everything", "everything", "train",
        "everything", "everything", "everything", "watch_models",
    ]  # fmt: skip
    built, again, judged = found[1], found[2], found[5]
    assert [step.hours for step in found[1:4]] == [step.hours for step in found[5:8]]
    assert {"fct_entity_hour", "bot_identities", "intel_networks", "user_agent_families"} <= names(built)
    assert names(built) - names(again) == {n for n in names(built) if n.startswith(("intel_", "reference_"))}
    assert {"bot_scores", "verdicts", "fct_entity_judgement", "campaigns", "review_ranks"} <= names(judged)
    assert not names(judged) & names(built)


def test_no_asset_of_everything_is_left_out_of_a_longer_span() -> None:
    from ja4_assets.definitions import defs

    def of_job(name: str) -> set[dg.AssetKey]:
        return set(defs.resolve_job_def(name).asset_layer.executable_asset_keys)

    done: set[dg.AssetKey] = set()
    for step in steps(LAST - HOUR * RUN_HOURS, LAST):
        done |= set(step.assets) if step.assets is not None else of_job(step.job)
    assert of_job("everything") <= done
