"""What the query box can ask for: field names, what they compare, and the columns behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from soc_dashboard.verdicts import VERDICTS


class Grain(StrEnum):
    """What one row of the searched mart is."""

    REQUEST = "request"
    """fct_request."""
    ENTITY = "entity"
    """fct_entity_verdict: client, ja4_stable and host in one hour."""
    ALERT = "alert"
    """fct_alert: an entity's hour that waits for a decision."""
    KEY = "key"
    """Any mart that has an entity's client, ja4_stable and host."""


class Kind(StrEnum):
    """How a field's value is compared."""

    TEXT = "text"
    """Equal, or like a pattern when the value holds `*`."""
    PHRASE = "phrase"
    """Contains, whatever the case; `*` stands for anything."""
    NUMBER = "number"
    """`404`, `>=500`, `200..299`."""
    STATUS = "status"
    """A number, or a class such as `4xx`."""
    ADDRESS = "address"
    """An address or a network, `192.0.2.0/24`."""
    CHOICE = "choice"
    """One of a closed set."""
    CAMPAIGN = "campaign"
    """Name of a campaign: everything that its members did, at every grain."""


KEY_COLUMNS = ("client_ip", "ja4_stable", "host")


@dataclass(frozen=True, slots=True)
class Field:
    """One name in the query box. A column is None where the grain does not have it."""

    name: str
    kind: Kind
    help: str
    request: str | None = None
    entity: str | None = None
    choices: tuple[str, ...] = ()

    def column(self, grain: Grain) -> str | None:
        """The column that holds the field at this grain."""
        if grain is Grain.REQUEST:
            return self.request
        return self.entity if grain is not Grain.KEY or self.entity in KEY_COLUMNS else None

    def is_known(self, grain: Grain) -> bool:
        """Whether rows of the grain can be found by it without looking at other rows."""
        return self.kind is Kind.CAMPAIGN or self.column(grain) is not None


NETWORK_KINDS = ("hosting", "isp", "mobile", "education")
JOIN_STATES = ("matched", "ambiguous", "midstream", "no_hello", "cleartext")

FIELDS: tuple[Field, ...] = (
    Field("ja4", Kind.TEXT, "exact JA4; on entities its stable form", "ja4", "ja4_stable"),
    Field("ja4_stable", Kind.TEXT, "JA4 without the extensions that come and go", "ja4_stable", "ja4_stable"),
    Field("ip", Kind.ADDRESS, "client address or network", "client_ip", "client_ip"),
    Field("host", Kind.TEXT, "host asked for", "host", "host"),
    Field("ua", Kind.PHRASE, "user agent contains", "user_agent", "user_agent"),
    Field("ua_family", Kind.TEXT, "family of the user agent", "ua_family"),
    Field("method", Kind.TEXT, "HTTP method", "method"),
    Field("path", Kind.TEXT, "path; `*` for anything", "path"),
    Field("status", Kind.STATUS, "status code, `4xx`, `>=500`", "status"),
    Field("protocol", Kind.TEXT, "HTTP/1.1, HTTP/2.0", "protocol"),
    Field("referer", Kind.PHRASE, "referer contains", "referer"),
    Field("sensor", Kind.TEXT, "sensor that saw the request", "sensor"),
    Field("join", Kind.CHOICE, "how the request met its hello", "join_state", choices=JOIN_STATES),
    Field("asn", Kind.NUMBER, "number of the client's network", "asn", "asn"),
    Field("network", Kind.CHOICE, "kind of the client's network", "asn_kind", "asn_kind",
          choices=NETWORK_KINDS),
    Field("country", Kind.TEXT, "country of the client's network, two letters", "country", "country"),
    Field("cloud", Kind.TEXT, "cloud that the client's address belongs to", "cloud"),
    Field("bytes", Kind.NUMBER, "response bytes", "response_bytes"),
    Field("verdict", Kind.CHOICE, "judgement of the client's hour", entity="toString(verdict)",
          choices=tuple(style.key for style in VERDICTS)),
    Field("rule", Kind.TEXT, "rule or model that decided", entity="verdict_source_id"),
    Field("score", Kind.NUMBER, "share of training scores below, 0 to 1", entity="score_quantile"),
    Field("reason", Kind.PHRASE, "sentence of the verdict contains", entity="reason"),
    Field("campaign", Kind.CAMPAIGN, "name of the campaign that the client belongs to"),
    Field("requests", Kind.NUMBER, "requests of the client's hour", entity="requests"),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}

CLIENT_TEXT = "replaceRegexpOne(toString(client_ip), '^::ffff:([0-9.]+)$', '\\\\1')"

FREE_TEXT: dict[Grain, tuple[str, ...]] = {
    Grain.KEY: (CLIENT_TEXT, "ja4_stable", "host"),
    Grain.REQUEST: (
        CLIENT_TEXT,
        "host",
        "path",
        "user_agent",
        "ja4",
    ),
    Grain.ENTITY: (
        CLIENT_TEXT,
        "host",
        "ja4_stable",
        "user_agent",
        "reason",
    ),
    Grain.ALERT: (
        CLIENT_TEXT,
        "host",
        "ja4_stable",
        "user_agent",
        "reason",
    ),
}
"""Columns in which a term without a field is looked for."""
