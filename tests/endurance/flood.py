"""Half-open handshakes at a rate: a SYN and its SYN-ACK each, from addresses that never come again.

python -m endurance.flood '{"interface": "wire", …}'
"""

from __future__ import annotations

import json
import sys
import time

import msgspec
import numpy as np
from endurance.dialogues import ETHERNET_BYTES, RecordedFrame
from endurance.volleys import Volley, Wire

TICK_S = 0.01
VICTIM = bytes((10, 99, 0, 1))
FIRST_FLOODER = 0x64400000
PORTS, FIRST_PORT = 50_000, 10_000
SYN, ACK = 0x02, 0x10


class FloodOrder(msgspec.Struct, frozen=True):
    """What to send."""

    interface: str
    server_mac: str
    seconds: float
    handshakes_per_s: int
    with_answers: bool = True
    """The server answers each SYN, as one with SYN cookies does."""


def _segment(mac: bytes, flags: int, *, is_from_client: bool) -> RecordedFrame:
    addresses = bytes(4) + VICTIM if is_from_client else VICTIM + bytes(4)
    ports = b"\0\0\x01\xbb" if is_from_client else b"\x01\xbb\0\0"
    tcp = (
        ports
        + b"\0\0\x10\0"
        + b"\0\0\x20\0"
        + bytes((6 << 4, flags))
        + b"\xff\xff\0\0\0\0"
        + b"\x02\x04\x05\xb4"
    )
    ip = b"\x45\0" + (20 + len(tcp)).to_bytes(2, "big") + b"\0\0\x40\0\x40\x06\0\0" + addresses
    frame = mac + b"\x02\0\0\0\0\x01\x08\0" + ip + tcp
    assert len(frame) == ETHERNET_BYTES + 44
    return RecordedFrame(frame, is_from_client)


def main() -> None:
    """Send as told by the argument; print what was sent."""
    order = msgspec.json.decode(sys.argv[1], type=FloodOrder)
    mac = bytes.fromhex(order.server_mac.replace(":", ""))
    frames = [_segment(mac, SYN, is_from_client=True)]
    if order.with_answers:
        frames.append(_segment(mac, SYN | ACK, is_from_client=False))
    count = round(order.handshakes_per_s * TICK_S)
    volley, wire, rng = Volley(frames, count), Wire(order.interface), np.random.default_rng(1)
    began_s = time.monotonic()
    sent, late_s = 0, 0.0
    for tick in range(round(order.seconds / TICK_S)):
        pause_s = began_s + tick * TICK_S - time.monotonic()
        if pause_s > 0:
            time.sleep(pause_s)
        late_s = max(late_s, -pause_s)
        numbers = np.arange(sent, sent + count)
        addresses = (FIRST_FLOODER + numbers // PORTS * 8 + numbers % 8).astype(np.uint32)
        volley.send(wire, addresses, (FIRST_PORT + numbers % PORTS).astype(np.uint16), rng)
        sent += count
    told = {"handshakes": sent, "seconds": time.monotonic() - began_s, "late_s": late_s}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
