"""What analysts labelled as a truth: whose word, which bots, and what is measured on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from ja4_assets.evaluation.analysts import FOUND, MISSED, PERSON, maybe_figures, truth_of
from ja4_assets.evaluation.evaluate import AVERAGE_PRECISION, RECALL, at, figure
from ja4_assets.evaluation.slices import ALL, HONEST, tier_slice

HOUR = datetime(2026, 11, 22, 14, tzinfo=UTC)


def labelled(*rows: tuple[str, str, str, float]) -> pl.DataFrame:
    """Rows of (last byte of the address, label, what the machine had said, suspicion), newest label first."""
    return pl.DataFrame(
        [
            {
                "hour": HOUR,
                "client_ip": f"::ffff:192.0.2.{last}",
                "label": label,
                "user": "ada" if number % 2 == 0 else "bob",
                "labelled_at": HOUR + timedelta(hours=2, minutes=-number),
                "machine_verdict": machine,
                "suspicion": suspicion,
                "anomaly_score": suspicion / 2,
            }
            for number, (last, label, machine, suspicion) in enumerate(rows)
        ],
        schema_overrides={name: pl.Datetime("us", "UTC") for name in ("hour", "labelled_at")},
    )


def test_bots_that_the_machine_had_found_are_apart_from_those_it_had_missed() -> None:
    truth = truth_of(
        labelled(
            ("1", "bad_bot", "suspicious", 0.9),
            ("2", "bad_bot", "human", 0.1),
            ("3", "good_bot", "unknown", 0.2),
            ("4", "human", "suspicious", 0.8),
        )
    )
    assert dict(truth.select("address", "tier").iter_rows()) == {
        "192.0.2.1": FOUND,
        "192.0.2.2": MISSED,
        "192.0.2.3": HONEST,
        "192.0.2.4": PERSON,
    }
    assert truth["is_bot"].to_list() == [True, True, True, False]
    assert truth["family"].to_list() == ["analyst:ada", "analyst:bob", "analyst:ada", "analyst:bob"]
    assert not truth["amplified"].any()


def test_an_address_is_what_its_newest_label_says() -> None:
    truth = truth_of(labelled(("1", "human", "unknown", 0.1), ("1", "bad_bot", "unknown", 0.1)))
    assert truth.select("address", "is_bot").rows() == [("192.0.2.1", False)]


def test_recall_is_given_for_the_missed_alone_and_the_note_names_the_labels() -> None:
    # Two bots above both people, one between them: before the first false alarm 2 of 3 are found.
    figures = maybe_figures(
        labelled(
            ("1", "bad_bot", "suspicious", 0.9),
            ("2", "bad_bot", "suspicious", 0.8),
            ("3", "human", "unknown", 0.5),
            ("4", "bad_bot", "human", 0.3),
            ("5", "human", "unknown", 0.1),
        ),
        "suspicion",
    )
    assert figures is not None
    assert figure(figures, ALL, at(RECALL, None)) == 2 / 3
    assert figure(figures, tier_slice(FOUND), at(RECALL, None)) == 1.0
    assert figure(figures, tier_slice(MISSED), at(RECALL, None)) == 0.0
    # Precision at the three bots: 1/1, 2/2, 3/4.
    assert abs(figure(figures, ALL, AVERAGE_PRECISION) - (1 + 1 + 3 / 4) / 3) < 1e-12
    assert set(figures["note"]) == {"2 observed people; labels of ada, bob, the newest of 2026-11-22"}


def test_nothing_is_measured_without_bots_or_without_people() -> None:
    assert maybe_figures(labelled(("1", "bad_bot", "unknown", 0.9)), "suspicion") is None
    assert maybe_figures(labelled(("1", "human", "unknown", 0.9)), "suspicion") is None
    assert maybe_figures(labelled(("1", "human", "unknown", 0.9)).clear(), "suspicion") is None
