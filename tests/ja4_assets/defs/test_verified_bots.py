"""The asset that checks claims, over a real database: ranges, a private address, signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.defs.verified_bots import BotCheckResource, bot_check_resource, bot_identities
from ja4_assets.intel.catalogue import SOURCES_BY_NAME
from ja4_assets.intel.fetch import DEFAULT, fetch
from ja4_assets.intel.store import activate
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.settings import AssetSettings
from ja4_assets.verified_bots.web_bot_auth import thumbprint

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

Row = dict[str, object]
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
ANSWERS = """
select
    toString(client_ip) as client_ip,
    toString(claimed) as claimed,
    toString(operator) as operator,
    toString(method) as method,
    toString(state) as state
from bot_identities
order by client_ip, claimed, checked_at
"""


@dataclass
class Message:
    url: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)


def run(database: ClickHouseResource, keys: str = "") -> dict[str, object]:
    result = dg.materialize(
        [bot_identities],
        partition_key=HOUR.strftime(PARTITION_FORMAT),
        resources={"clickhouse": database, "bot_checks": BotCheckResource(web_bot_keys=keys)},
    )
    (done,) = result.asset_materializations_for_node("bot_identities")
    return {name: value.value for name, value in done.metadata.items()}


def answers(database: ClickHouseResource) -> list[tuple[object, ...]]:
    return database.read(ANSWERS).rows()


def test_claims_are_checked_by_published_ranges_once_a_day(
    database: ClickHouseResource,
    store_entity_hours: Callable[[list[Row]], None],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    ranges = SOURCES_BY_NAME["crawler_ranges"]
    activate(database, ranges, fetch(ranges, DEFAULT))

    def claim(number: int, address: str, claimed: str) -> Row:
        return ordinary_entity_hour(number, hour=HOUR, client_ip=address, claimed_bot=claimed)

    store_entity_hours(
        [
            claim(1, "::ffff:66.249.66.1", "Googlebot"),
            claim(2, "::ffff:66.249.66.1", "bingbot"),
            claim(3, "::ffff:8.8.4.4", "Googlebot"),
            claim(4, "::ffff:10.0.0.7", "Googlebot"),
            claim(5, "::ffff:8.8.4.4", "Monitoring"),
            claim(6, "::ffff:8.8.4.4", ""),
        ]
    )
    said = run(database)
    age = int(str(said["range_age_days"]))
    # The bundled list confirms for ever; it refutes as long as it is young.
    refuted = ("range", "impostor") if age <= 120 else ("none", "unknown")
    expected = [
        ("::ffff:10.0.0.7", "Googlebot", "Google", "none", "unknown"),
        ("::ffff:66.249.66.1", "Googlebot", "Google", "range", "verified"),
        ("::ffff:66.249.66.1", "bingbot", "Microsoft", *refuted),
        ("::ffff:8.8.4.4", "Googlebot", "Google", *refuted),
        ("::ffff:8.8.4.4", "Monitoring", "", "none", "unknown"),
    ]
    assert answers(database) == expected
    assert (said["claims"], said["checked_again"], said["asks_dns"]) == (5, 5, False)
    assert run(database)["checked_again"] == 0
    assert answers(database) == expected


def test_no_name_server_is_asked_about_pseudonyms() -> None:
    settings = AssetSettings(reverse_dns=True, client_pseudonyms=True)
    checks = bot_check_resource(settings)
    assert checks.client_pseudonyms
    assert checks.maybe_resolver() is None


def signed_request(key: Ed25519PrivateKey, keyid: str, number: int, path: str = "/") -> dict[str, object]:
    at = HOUR + timedelta(minutes=number)
    message = Message(f"https://shop.test{path}", headers={"Signature-Agent": '"https://bot.example"'})
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key}),
    )
    signer.sign(
        message,
        key_id=keyid,
        created=at,
        expires=at + timedelta(minutes=1),
        tag="web-bot-auth",
        covered_component_ids=("@authority", "@path", "signature-agent"),
    )
    return {
        "sensor": "web1",
        "ts": at,
        "conn_id": number,
        "client_ip": f"::ffff:192.0.2.{number}",
        "method": "GET",
        "scheme": "https",
        "host": "shop.test",
        "path": path,
        "signature": message.headers["Signature"],
        "signature_input": message.headers["Signature-Input"],
        "signature_agent": message.headers["Signature-Agent"],
    }


def test_signatures_are_checked_with_the_keys_of_a_file(
    database: ClickHouseResource,
    tmp_path: Path,
    store_entity_hours: Callable[[list[Row]], None],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    store_entity_hours([ordinary_entity_hour(1, hour=HOUR)])
    key = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    keyid = thumbprint(x)
    rows = [
        signed_request(key, keyid, 1),
        signed_request(key, keyid, 2) | {"path": "/admin"},
        signed_request(Ed25519PrivateKey.generate(), keyid, 3),
        signed_request(key, keyid, 4) | {"ts": HOUR + timedelta(minutes=30)},
        signed_request(key, keyid, 5) | {"signature_agent": '"https://unheard.example"'},
    ]
    database.insert("raw_http_requests", pl.DataFrame(rows))
    assert run(database)["signatures"] == 5
    assert {state for *_, state in answers(database)} == {"unknown"}
    file = tmp_path / "keys.json"
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
    file.write_text(
        json.dumps({"agents": [{"agent": "https://bot.example", "operator": "Example", "keys": [jwk]}]})
    )
    with database.client() as client:
        client.command("truncate table bot_identities")
    run(database, str(file))
    assert answers(database) == [
        ("::ffff:192.0.2.1", "bot.example", "Example", "web_bot_auth", "verified"),
        ("::ffff:192.0.2.2", "bot.example", "Example", "web_bot_auth", "impostor"),
        ("::ffff:192.0.2.3", "bot.example", "Example", "web_bot_auth", "impostor"),
        ("::ffff:192.0.2.4", "bot.example", "Example", "none", "unknown"),
        ("::ffff:192.0.2.5", "unheard.example", "", "none", "unknown"),
    ]
