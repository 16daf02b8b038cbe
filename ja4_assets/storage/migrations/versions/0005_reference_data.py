"""Reference data about networks and clients, kept by version, and the dictionaries that look it up.

A refresh writes its rows under a new version and then one row into `intel_sources`: that single insert is the
switch. Dictionaries read the version that was activated last, so a refresh that dies half-way changes nothing
that anybody sees, and going back is one more row.

Revision ID: 0005
Revises: 0006
"""

from __future__ import annotations

from alembic import op

from ja4_assets.storage.columns import column
from ja4_assets.storage.dictionaries import create_dictionary
from ja4_assets.storage.engines import table_engine

revision = "0005"
down_revision = "0006"
branch_labels = None
depends_on = None

REPEATED = "LowCardinality(String)"
VERSIONED = (column("source", REPEATED), column("version", REPEATED))
# A version is a partition, so that an old one is dropped without rewriting the others.
BY_VERSION = "(source, version)"


def active(columns: str, table: str, source: str) -> str:
    """Query for the rows of the version of `source` that was activated last; the names are constants here."""
    newest = f"select argMax(version, activated_at) from {{database}}.intel_sources where source = '{source}'"  # noqa: S608
    return (
        f"select {columns} from {{database}}.{table} "  # noqa: S608
        f"where source = '{source}' and version = ({newest})"
    )


DICTIONARIES = {
    "intel_asn": (
        "prefix String, asn UInt32 default 0",
        "prefix",
        active("prefix, asn", "intel_networks", "asn"),
        "ip_trie",
    ),
    "intel_country": (
        "prefix String, country String default ''",
        "prefix",
        active("prefix, country", "intel_networks", "country"),
        "ip_trie",
    ),
    "intel_cloud": (
        "prefix String, name String default ''",
        "prefix",
        active("prefix, name", "intel_networks", "cloud"),
        "ip_trie",
    ),
    "intel_crawler_range": (
        "prefix String, name String default '', operator String default ''",
        "prefix",
        active("prefix, name, operator", "intel_networks", "crawler_ranges"),
        "ip_trie",
    ),
    "intel_anonymiser": (
        "prefix String, name String default ''",
        "prefix",
        active("prefix, name", "intel_networks", "anonymisers"),
        "ip_trie",
    ),
    "intel_autonomous_system": (
        "asn UInt64, name String default '', kind String default '', country String default ''",
        "asn",
        active("toUInt64(asn) as asn, name, kind, country", "intel_autonomous_systems", "asn"),
        "hashed",
    ),
}
"""Name -> attributes, key, query of the rows, layout."""


def upgrade() -> None:
    """Create the tables, then the dictionaries over them."""
    op.create_table(
        "intel_sources",
        *VERSIONED,
        column("activated_at", "DateTime64(6, 'UTC')"),
        column("published_on", "Date", "date of the data, not of its download"),
        column("origin", REPEATED, "package name and version, path, URL, or default"),
        column("licence", REPEATED, "SPDX identifier"),
        column("attribution", "String", "what the licence asks to be named"),
        column("stored_rows", "UInt64"),
        column("is_default", "Bool", "the extract that comes with the platform"),
        clickhousedb_engine=table_engine(
            # Append-only: which data stood behind a verdict can be told afterwards. A few rows a day.
            order_by=("source", "activated_at"),
            partition_by="toYear(activated_at)",
        ),
        comment="Versions of the reference data; the latest activated_at of a source holds.",
        if_not_exists=True,
    )
    op.create_table(
        "intel_networks",
        *VERSIONED,
        column("prefix", "String", "CIDR, IPv4 or IPv6"),
        column("asn", "UInt32", "0 where the source names none"),
        column("country", REPEATED, "ISO 3166-1 alpha-2"),
        column("name", REPEATED, "cloud provider, crawler, or kind of anonymiser"),
        column("operator", REPEATED),
        clickhousedb_engine=table_engine(order_by=("source", "prefix"), partition_by=BY_VERSION),
        comment="Prefixes with what is known of them, of every source and version kept.",
        if_not_exists=True,
    )
    op.create_table(
        "intel_autonomous_systems",
        *VERSIONED,
        column("asn", "UInt32"),
        column("name", "String"),
        column("kind", REPEATED, "hosting, isp, mobile, education, or empty"),
        column("country", REPEATED, "ISO 3166-1 alpha-2 of most of its addresses"),
        clickhousedb_engine=table_engine(order_by=("source", "asn"), partition_by=BY_VERSION),
        comment="Autonomous systems by number.",
        if_not_exists=True,
    )
    op.create_table(
        "intel_crawlers",
        *VERSIONED,
        column("pattern", "String", "RE2 pattern looked for in the user agent"),
        column("name", REPEATED),
        column("operator", REPEATED),
        column("purpose", REPEATED),
        column("is_ai", "Bool"),
        clickhousedb_engine=table_engine(order_by=("source", "name"), partition_by=BY_VERSION),
        comment="Crawlers by what their user agents say.",
        if_not_exists=True,
    )
    op.create_table(
        "intel_public_suffixes",
        *VERSIONED,
        column("suffix", "String", "lower case, without the marks of wildcard and exception"),
        column("rule", "Enum8('suffix' = 1, 'wildcard' = 2, 'exception' = 3)"),
        column("is_private", "Bool"),
        clickhousedb_engine=table_engine(order_by=("source", "suffix"), partition_by=BY_VERSION),
        comment="The Public Suffix List, one row a rule.",
        if_not_exists=True,
    )
    for name, (attributes, key, query, layout) in DICTIONARIES.items():
        create_dictionary(name, attributes, key, query, layout)


def downgrade() -> None:
    """Drop the dictionaries, then the tables."""
    for name in DICTIONARIES:
        op.execute(f"drop dictionary if exists {name}")
    for table in (
        "intel_public_suffixes",
        "intel_crawlers",
        "intel_autonomous_systems",
        "intel_networks",
        "intel_sources",
    ):
        op.drop_table(table, if_exists=True)
