"""A running agent with a key: no file of its holds an address of a client, or a secret that a client sent."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pytest

from capture_agent.rows.pseudonyms import Pseudonyms
from capture_agent.sink.spool_format import SUFFIX, decode

if TYPE_CHECKING:
    from tests.capture_agent.agent.conftest import AgentProcess, ReportingServer

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_network")]

CLIENT, FORWARDED, SERVER = "127.77.3.9", "198.51.100.7", "127.0.0.1"
SECRET = "s3cr3t"
REQUEST = (
    f"GET /reset?token={SECRET} HTTP/1.1\r\nHost: u:{SECRET}@shop.test\r\nUser-Agent: u\r\n"
    f"X-Forwarded-For: {FORWARDED}:4711\r\nCookie: sid={SECRET}\r\nAuthorization: Bearer {SECRET}\r\n"
    f"Referer: https://u:{SECRET}@shop.test/login?code={SECRET}\r\n\r\n"
).encode()
KEY = bytes(range(40, 80))


def ask(port: int) -> ssl.SSLSocket:
    """A request on a connection that stays open."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection((SERVER, port), timeout=15, source_address=(CLIENT, 0))
    stream = trusting.wrap_socket(raw)
    stream.sendall(REQUEST)
    stream.recv(1_000)
    return stream


def waited(condition: Callable[[], Any], what: str) -> Any:
    give_up_s = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < give_up_s, what
        time.sleep(0.05)
    return found


def written(folder: Path, apart_from: set[Path]) -> Iterator[tuple[Path, bytes]]:
    """What stands in the agent's files, with batches of the spool unpacked."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in apart_from:
            content = path.read_bytes()
            yield path, lz4.frame.decompress(decode(content).block) if path.suffix == SUFFIX else content


def test_rows_spool_state_and_log_hold_pseudonyms_alone(
    tmp_path: Path,
    start_agent: Callable[..., AgentProcess],
    start_server: Callable[..., ReportingServer],
) -> None:
    events, key, config = tmp_path / "events.sock", tmp_path / "key", tmp_path / "agent.toml"
    key.write_bytes(KEY)
    key.chmod(0o600)
    config.write_text(f'[privacy]\npseudonym_key_file = "{key}"\n')

    def start() -> AgentProcess:
        away = ["--sink", "clickhouse", "--clickhouse-url", "http://u:p@127.0.0.1:9/ja4"]
        options = ["--config", str(config), "--interface", "lo", "--http-socket", str(events), *away]
        return start_agent(*options, env={"JA4_CAPTURE_PORTS": "", "JA4_AGENT_STOP_S": "1"})

    agent = start()
    server = start_server(events)
    stream = ask(server.port)
    with socket.socket(socket.AF_UNIX) as broken:
        broken.connect(str(events))
        broken.sendall(f'{{"ev":"end","t_us":1,"src_ip":"{CLIENT}:80"}}\n'.encode())
    (request,) = waited(lambda: agent.rows("raw_http_requests"), "the row of the request")
    (hello,) = waited(lambda: agent.rows("raw_tls_hellos"), "the row of the hello")

    expected = Pseudonyms(KEY)
    assert request["peer_ip"] == request["client_ip"] == hello["src_ip"] == expected.address(CLIENT)
    assert request["xff"] == [expected.address(FORWARDED)]
    assert request["dst_ip"] == hello["dst_ip"] == SERVER
    assert (request["join_state"], request["conn_id"]) == ("matched", hello["conn_id"])

    # The pseudonyms of a run stay, whatever a reload finds.
    key.write_bytes(KEY[::-1])
    agent.process.send_signal(signal.SIGHUP)
    (later,) = waited(lambda: agent.log("changed settings take a restart"), "the reload")
    assert later["keys"] == ["the content of privacy.pseudonym_key_file"]
    config.write_text("")
    agent.process.send_signal(signal.SIGHUP)
    waited(lambda: len(agent.log("changed settings take a restart")) == 2, "the second reload")
    assert agent.log("changed settings take a restart")[1]["keys"] == ["privacy.pseudonym_key_file"]
    stream.sendall(REQUEST)
    waited(lambda: len(agent.rows("raw_http_requests")) == 2, "the second row")
    assert {row["peer_ip"] for row in agent.rows("raw_http_requests")} == {expected.address(CLIENT)}

    # A restart goes on with the connection, which it could not without the real address.
    key.write_bytes(KEY)
    config.write_text(f'[privacy]\npseudonym_key_file = "{key}"\n')
    assert agent.stop() == 0
    assert (tmp_path / "open_connections").exists()
    spooled = [content for path, content in written(tmp_path, {key, config}) if path.suffix == SUFFIX]
    assert any(expected.address(CLIENT).encode() in content for content in spooled)
    for path, content in written(tmp_path, {key, config}):
        for trace in (CLIENT, FORWARDED, SECRET):
            assert trace.encode() not in content, (path, trace)
        assert ip_address(CLIENT).packed not in content, path
    second = start()
    server.report_to(events)
    stream.sendall(REQUEST)
    waited(lambda: len(second.rows("raw_http_requests")) == 3, "the third row")
    assert {row["conn_id"] for row in second.rows("raw_http_requests")} == {request["conn_id"]}
    assert second.stop() == 0
    stream.close()


def test_key_that_others_can_read_keeps_the_agent_from_starting(
    tmp_path: Path, start_agent: Callable[..., AgentProcess]
) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    key.chmod(0o644)
    with pytest.raises(AssertionError) as failed:
        start_agent("--interface", "lo", env={"JA4_PRIVACY_PSEUDONYM_KEY_FILE": str(key)})
    assert f"{key}: others can use it (mode 0644): chmod 600" in str(failed.value)
