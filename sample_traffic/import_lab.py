"""Makes `sample_traffic/recording` from a lab folder; kept so that the recording's origin can be retraced.

`python -m sample_traffic.import_lab LAB` reads LAB/pcaps/*.pcap, LAB/http_events.jsonl (the prototype
logger's names), LAB/labels.tsv and LAB/clients.tsv, and writes the forms this project uses.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from pathlib import Path

import msgspec

from capture_agent.events import HttpEvent
from sample_traffic.recorded import RECORDING, client_handshakes

CLIENT_MARKER = re.compile(r"\?c=[^&\"\s]*")
"""The lab put the client's name in the query string; left in, it would be the label itself."""

TIERS = {
    "browser": ("chromium-headful-xvfb", "firefox-esr-headless"),
    "automated_browser": (
        "chromium-headless-new",
        "chromium-headless-shell",
        "playwright",
        "puppeteer",
        "selenium",
        "h3-chromium",
    ),
    "scanner": ("dirb", "gobuster", "hydra", "nmap-sV", "sqlmap", "wfuzz"),
    "load_tool": ("ab", "autocannon", "h2load", "hey", "httperf", "nghttp", "siege"),
}
"""Tier of a client by its name; curl_cffi-* and rnet-* are impersonators, all others honest programs."""

COLUMNS = ("src_ip", "client", "version", "tier", "is_bot", "ja4")


def tier_of(client: str) -> str:
    """Tier that a recorded client stands for."""
    for tier, clients in TIERS.items():
        if client in clients:
            return tier
    return "impersonator" if "curl_cffi" in client or client.startswith("rnet") else "honest"


def to_http_event(record: dict[str, object]) -> HttpEvent:
    """One line of the prototype logger as an `HttpEvent` without the client marker."""
    target = CLIENT_MARKER.sub("", str(record["unparsed_uri"]))
    headers = [
        [name, CLIENT_MARKER.sub("", value) if name.lower() == "referer" else value]
        for name, value in msgspec.convert(record["headers"], list[tuple[str, str]])
    ]
    kept = {name: record[name] for name in HttpEvent.__struct_fields__ if name in record}
    return msgspec.convert(
        {**kept, "unparsed_uri": target, "headers": headers, "scheme": "https"}, HttpEvent, strict=True
    )


def import_lab(lab: Path, target: Path = RECORDING) -> tuple[int, int]:
    """Copy captures that hold packets, convert events and labels; return (events kept, events left out).

    Events of connections that no capture holds are left out: they could never be joined.
    """
    (target / "pcaps").mkdir(parents=True, exist_ok=True)
    connections: set[tuple[str, int]] = set()
    for path in sorted((lab / "pcaps").glob("*.pcap")):
        handshakes = client_handshakes(path)
        if not handshakes and not path.stem.startswith("h3-"):
            continue
        shutil.copyfile(path, target / "pcaps" / path.name)
        connections.update((handshake.src_ip, handshake.src_port) for handshake in handshakes)

    kept, left_out = [], 0
    for line in (lab / "http_events.jsonl").read_bytes().splitlines():
        event = to_http_event(msgspec.json.decode(line))
        if (event.src_ip, event.src_port) in connections:
            kept.append(event)
        else:
            left_out += 1
    kept.sort(key=lambda event: event.t_us)
    with (target / "http_events.jsonl").open("wb") as out:
        for event in kept:
            observed = {
                name: value for name, value in msgspec.to_builtins(event).items() if value is not None
            }
            out.write(msgspec.json.encode(observed) + b"\n")

    addresses = {address for address, _ in connections}
    with (lab / "clients.tsv").open(newline="") as source:
        facts = {row["client"]: row for row in csv.DictReader(source, delimiter="\t")}
    with (lab / "labels.tsv").open() as source, (target / "labels.tsv").open("w") as out:
        table = csv.writer(out, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        for row in csv.DictReader(source, delimiter="\t"):
            client, address = row["client"], row["src_ip"]
            if address not in addresses and not client.startswith("h3-"):
                continue
            tier = tier_of(client)
            table.writerow(
                (
                    address,
                    client,
                    facts[client]["version"],
                    tier,
                    int(tier != "browser"),
                    facts[client]["ja4"],
                )
            )
    return len(kept), left_out


def main() -> None:
    """Command line of the import."""
    parser = argparse.ArgumentParser(prog="python -m sample_traffic.import_lab", description=__doc__)
    parser.add_argument("lab", type=Path)
    kept, left_out = import_lab(parser.parse_args().lab)
    print(f"{kept} HTTP events kept, {left_out} left out (their connection is in no capture)")  # noqa: T201


if __name__ == "__main__":
    main()
