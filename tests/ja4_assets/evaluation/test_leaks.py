"""Leaks are found where there are any, and the recordings' ports and times give nothing away."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ja4_assets.evaluation.leaks import separation
from sample_traffic.lab_recording import LabRecording

PEOPLE = pl.DataFrame(
    {
        "identity": [f"one-{number}" for number in range(200)],
        "tier": ["scanner" if number % 3 else "returning" for number in range(200)],
        "is_bot": [bool(number % 3) for number in range(200)],
    }
)


def test_a_column_that_follows_the_truth_is_found() -> None:
    rng = np.random.default_rng(3)
    told = PEOPLE["is_bot"].cast(pl.Float64).to_numpy() + rng.normal(0.0, 0.3, PEOPLE.height)
    found = separation("told", PEOPLE, pl.DataFrame({"told": told}))
    assert found.area > 0.9
    assert not found.is_at_chance


def test_dice_and_a_constant_are_at_chance() -> None:
    rng = np.random.default_rng(4)
    dice = separation("dice", PEOPLE, pl.DataFrame({"dice": rng.normal(size=PEOPLE.height)}))
    assert dice.is_at_chance
    same = separation("same", PEOPLE, pl.DataFrame({"same": [1.0] * PEOPLE.height}))
    assert (same.area, same.low, same.high) == (0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def recorded() -> pl.DataFrame:
    """One row for each identity of lab-1, with its first port and its first moment."""
    recording = LabRecording("lab-1")
    events = pl.DataFrame(
        [(event.src_ip, event.src_port, at_us) for at_us, event in recording.events()],
        {"address": pl.String, "port": pl.Int64, "at_us": pl.Int64},
        orient="row",
    )
    labels = pl.DataFrame(
        [(one.address, one.identity, one.tier, one.is_bot) for one in recording.labels()],
        dict.fromkeys(("address", "identity", "tier"), pl.String) | {"is_bot": pl.Boolean},
        orient="row",
    )
    return (
        events.join(labels, on="address")
        .group_by("identity", "tier", "is_bot")
        .agg(
            # One port only: how many there are and how far apart says how often somebody connected.
            pl.col("port").first().alias("first_port"),
            (pl.col("at_us").min() // 3_600_000_000).alias("first_hour"),
            (pl.col("at_us").min() // 60_000_000 % 60).alias("first_minute"),
        )
        .sort("identity")
    )


@pytest.mark.parametrize("columns", [("first_port",), ("first_hour", "first_minute")])
def test_ports_and_times_of_the_recording_are_at_chance(
    recorded: pl.DataFrame, columns: tuple[str, ...]
) -> None:
    assert separation(columns[0], recorded, recorded.select(columns)).is_at_chance
