"""The truth about the addresses of recordings and samples, as one frame."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from sample_traffic.lab_recording import RECORDINGS, LabRecording
from sample_traffic.sample_files import LABELS

SCHEMA = {
    "address": pl.String,
    "identity": pl.String,
    "family": pl.String,
    "tier": pl.String,
    "is_bot": pl.Boolean,
    "amplified": pl.Boolean,
    "recording": pl.String,
    "network": pl.String,
    "requests": pl.Int64,
}


def recording_names() -> list[str]:
    """Names of the bundled recordings."""
    return sorted(folder.name for folder in RECORDINGS.glob("lab-*"))


def labels_of_recordings(names: Sequence[str] | None = None) -> pl.DataFrame:
    """Columns of `SCHEMA`, one row for each address; of all bundled recordings if none is named."""
    rows = [
        (one.address, one.identity, one.family, one.tier, one.is_bot, False, name, one.network, one.requests)
        for name in (recording_names() if names is None else names)
        for one in LabRecording(name).labels()
    ]
    return pl.DataFrame(rows, SCHEMA, orient="row")


def labels_of_sample(folder: Path) -> pl.DataFrame:
    """Columns of `SCHEMA` without `network`, one row for each address in what `amplify` wrote to a folder.

    Where people share an address, `identity` and `family` are those of one of them.
    """
    with (folder / LABELS).open(newline="") as file:
        rows = [
            (
                row["client_ip"],
                row["identity"],
                row["family"],
                row["tier"],
                row["label"] == "bot",
                row["amplified"] == "1",
                row["recording"],
                int(row["requests"]),
            )
            for row in csv.DictReader(file, delimiter="\t")
        ]
    schema = {name: kind for name, kind in SCHEMA.items() if name != "network"}
    table = pl.DataFrame(rows, schema, orient="row")
    others = [pl.col(name).first() for name in schema if name not in ("address", "requests")]
    return table.group_by("address").agg(*others, pl.col("requests").sum()).select(*schema).sort("address")
