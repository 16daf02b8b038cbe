"""What the lab gives away by how it is built: traits of the identities of a recording."""

from __future__ import annotations

import polars as pl

from ja4_assets.evaluation.identities import MAPPED
from ja4_assets.evaluation.leaks import SEED, Leak, separation

GROUPS: dict[str, tuple[str, ...]] = {
    "address block": ("octet_1", "octet_2", "asn"),
    "first source port": ("first_port", "port_parity"),
    "time of day": ("first_hour", "first_minute", "last_hour"),
    "path markers": ("named_paths",),
    "TCP": ("ttl", "mss", "window", "option_count"),
}
"""Traits of an identity, from `mixture.TRAITS_OF_REQUESTS`."""


def leaks(traits: pl.DataFrame, truth: pl.DataFrame) -> list[Leak]:
    """One for each of `GROUPS`, over the observed identities of a recording."""
    observed = truth.filter(~pl.col("amplified"))
    people = identity_traits(traits, observed)
    return [separation(group, people, people.select(names)) for group, names in GROUPS.items()]


def identity_traits(traits: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row for each identity: identity, tier, is_bot, and the traits of all groups."""
    joined = (
        traits.with_columns(pl.col("client_ip").str.strip_prefix(MAPPED).alias("address"))
        .join(truth.select("address", "identity", "family", "tier", "is_bot"), on="address")
        .with_columns(
            pl.col("address").str.split(".").alias("octets"),
            pl.col("tcp_signature").str.split(":").alias("signature"),
        )
    )
    return (
        joined.group_by("identity", "tier", "is_bot")
        .agg(
            pl.col("octets")
            .first()
            .list.get(0, null_on_oob=True)
            .cast(pl.Float64, strict=False)
            .alias("octet_1"),
            pl.col("octets")
            .first()
            .list.get(1, null_on_oob=True)
            .cast(pl.Float64, strict=False)
            .alias("octet_2"),
            pl.col("asn").first().cast(pl.Float64),
            # How many ports there are, and how far apart, says how often somebody connected: behaviour.
            pl.col("src_port").sort_by("ts").first().alias("first_port"),
            (pl.col("src_port").sort_by("ts").first() % 2).alias("port_parity"),
            pl.col("ts").min().dt.hour().alias("first_hour"),
            pl.col("ts").min().dt.minute().alias("first_minute"),
            pl.col("ts").max().dt.hour().alias("last_hour"),
            _names_its_client().mean().alias("named_paths"),
            pl.col("tcp_ttl").max().alias("ttl"),
            pl.col("tcp_mss").max().alias("mss"),
            pl.col("tcp_signature").str.len_bytes().max().alias("option_count"),
            pl.col("tcp_signature").hash(SEED).first().mod(1024).alias("window"),
        )
        .sort("identity")
    )


def _names_its_client() -> pl.Expr:
    """The path holds the identity's or the family's name, as a careless recorder would leave it there."""
    path = pl.col("path").str.to_lowercase()
    family = pl.col("family").str.to_lowercase()
    return path.str.contains(pl.col("identity").str.to_lowercase(), literal=True) | path.str.contains(
        family, literal=True
    )


def _octet(place: int) -> pl.Expr:
    octet = pl.col("octets").first().list.get(place, null_on_oob=True)
    return octet.cast(pl.Float64, strict=False)
