"""Whose truth is known on this platform: clients of a labelled recording, and clients that analysts labelled.

The truth of a recording is a file beside it (`sample_labels.tsv`, written with the sample that `make up`
replays). What an analyst said of an address outweighs it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from ja4_assets.evaluation.identities import TRUTH_SCHEMA
from ja4_assets.evaluation.slices import HONEST

ACTIVE_LABELS = """
select
    toString(scope) as scope,
    ifNull(toString(client_ip), '') as client_ip,
    ifNull(ja4, '') as ja4,
    ifNull(host, '') as host,
    toString(label) as label
from (
    select *
    from analyst_labels
    order by labelled_at desc
    limit 1 by label_id
)
where not is_revoked and ifNull(expires_at > now64(6, 'UTC'), true) and label != 'unknown'
"""
"""What analysts hold now; grain: a label. `client_ip` with the ::ffff: prefix, empty where the scope has
none."""

LABELS_SCHEMA = dict.fromkeys(("scope", "client_ip", "ja4", "host", "label"), pl.String())

LABELLED_BOT, LABELLED_PERSON = "labelled_bot", "labelled_person"
"""Tiers of clients that an analyst labelled, beside those of the recordings."""

FILE_COLUMNS = ("client_ip", "label", "tier", "family", "identity", "amplified")


class TruthFileError(ValueError):
    """A file of labels lacks a column."""


def truth_of_file(path: Path) -> pl.DataFrame:
    """Truth (`TRUTH_SCHEMA`) of a tab-separated file with `FILE_COLUMNS`, empty if there is no file.

    Raises TruthFileError.
    """
    if not path.exists():
        return pl.DataFrame(schema=TRUTH_SCHEMA)
    table = pl.read_csv(path, separator="\t", infer_schema=False, quote_char=None)
    missing = [name for name in FILE_COLUMNS if name not in table.columns]
    if missing:
        raise TruthFileError(f"{path.name} lacks {', '.join(missing)}")
    return (
        table.select(
            pl.col("client_ip").alias("address"),
            "identity",
            "family",
            "tier",
            (pl.col("label") == "bot").alias("is_bot"),
            (pl.col("amplified") == "1").alias("amplified"),
        )
        .unique("address", keep="first", maintain_order=True)
        .sort("address")
    )


def truth_of_labels(labels: pl.DataFrame) -> pl.DataFrame:
    """Truth of what analysts said about addresses; rows of ACTIVE_LABELS with other scopes name nobody."""
    is_bot = pl.col("label") != "human"
    tier = (
        pl.when(pl.col("label") == "good_bot")
        .then(pl.lit(HONEST))
        .when(is_bot)
        .then(pl.lit(LABELLED_BOT))
        .otherwise(pl.lit(LABELLED_PERSON))
    )
    address = pl.col("client_ip").str.strip_prefix("::ffff:")
    return (
        labels.filter(pl.col("scope").is_in(["entity", "client_ip"]))
        .select(
            address.alias("address"),
            address.alias("identity"),
            pl.lit("analyst").alias("family"),
            tier.alias("tier"),
            is_bot.alias("is_bot"),
            pl.lit(False).alias("amplified"),
        )
        .unique("address", keep="first", maintain_order=True)
    )


def known_truth(from_file: pl.DataFrame, from_labels: pl.DataFrame) -> pl.DataFrame:
    """Both, an analyst's word first; an identity of the file that the analyst contradicts keeps its other
    addresses."""
    both = pl.concat([from_labels, from_file]).unique("address", keep="first", maintain_order=True)
    return both.sort("address")


def labelled_bots(entities: pl.DataFrame, labels: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Which entity hours an analyst's active label names a bot, whatever its scope but exact JA4."""
    bots = labels.filter(pl.col("label").is_in(["good_bot", "bad_bot"]))
    addresses = bots.filter(pl.col("scope") == "client_ip")["client_ip"]
    fingerprints = bots.filter(pl.col("scope") == "ja4_stable")["ja4"]
    named = bots.filter(pl.col("scope") == "entity").select(
        "client_ip", pl.col("ja4").alias("ja4_stable"), "host"
    )
    keys = entities.select("client_ip", "ja4_stable", "host").with_columns(
        (
            pl.col("client_ip").is_in(addresses.implode())
            | pl.col("ja4_stable").is_in(fingerprints.implode())
        ).alias("is_named")
    )
    marked = keys.join(
        named.unique().with_columns(pl.lit(True).alias("is_entity")),
        on=["client_ip", "ja4_stable", "host"],
        how="left",
        maintain_order="left",
    )
    found = marked.select(pl.col("is_named") | pl.col("is_entity").fill_null(False)).to_series()
    return found.to_numpy().astype(np.bool_)
