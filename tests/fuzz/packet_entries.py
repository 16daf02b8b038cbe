"""The ways in for frames and files: link layers, captures, the compiled walker, preambles, HTTP events."""

from __future__ import annotations

import itertools
import os
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import conversations
from cleartext_entries import cleartext_entries
from conversations import CHANGE_CIPHER_SPEC, PREAMBLES

from capture_agent.capture.errors import CaptureFileError
from capture_agent.capture.files import CaptureFile, open_capture
from capture_agent.compiled import is_active
from capture_agent.flows.limits import FlowLimits
from capture_agent.flows.packet_path import PacketPath
from capture_agent.intake.event_lines import REFUSALS, EventDecoder
from capture_agent.intake.normal_form import NormalForm
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import Frame, frame_of
from capture_agent.wire.http2 import PREFACE, parse_http2_start
from capture_agent.wire.link import LINK_LAYERS, LINKTYPE_ETHERNET
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.preamble import read_preamble

Run = Callable[[bytes, random.Random], object]
SMALL = FlowLimits(max_flows=200, max_half_open=200, max_datagram_flows=50, max_buffered_bytes=200_000)
"""Tables that a run fills and overflows all the time."""
WAITS_US = (1, 1, 1, 1, 1, 50_000, 11_000_000, 90_000_000)
EVENT = (
    b'{"t_us":1795350390070261,"src_ip":"127.77.1.1","src_port":38754,"dst_ip":"::1","dst_port":443,'
    b'"method":"GET","unparsed_uri":"/?a=1","proto":"HTTP/2.0","status":200,"headers":[["Cookie","a=b; c"],'
    b'["Host","shop.test"],["X-Forwarded-For","1.2.3.4, x"]],"ev":"end","v":1,"dur_us":2627,"conn_req":1}'
)
HTTP2_START = PREFACE + bytes.fromhex("000006040000000000000300000064" + "0000040800000000000000ffff")
HTTP2_START += bytes.fromhex("0000050201000000010000000010") + bytes.fromhex(
    "0000080105000000018284874103616263"
)


def traffic_frames() -> list[Frame]:
    """Frames of some hundred random captures, the seeds to mutate."""
    captures = (conversations.captured(random.Random(seed)) for seed in range(300))
    return list(itertools.islice(itertools.chain.from_iterable(captures), 6000))


def decode_frame(octets: bytes, rng: random.Random) -> None:
    """The packet decoder, with any link layer."""
    link_type = rng.choice((LINKTYPE_ETHERNET, *LINK_LAYERS))
    PacketDecoder().decode(frame_of(octets, 0, link_type))


def read_opening(octets: bytes, _: random.Random) -> None:
    """The preamble of a stream, and what stands behind it."""
    preamble = read_preamble(octets)
    if preamble is not None and preamble.length > len(octets):
        raise AssertionError("a preamble longer than its stream")


def read_event(octets: bytes, _: random.Random) -> None:
    """One line of HTTP events."""
    try:
        EventDecoder(NormalForm()).decode(octets)
    except REFUSALS as error:
        raise Malformed(str(error), 0) from error


class Files:
    """Capture files, through a file that is written anew for each execution."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        folder = memory if os.access(memory, os.W_OK) else None
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".pcap", delete=False) as file:
            self.path = Path(file.name)

    def read(self, octets: bytes, consume: Callable[[CaptureFile], object]) -> None:
        """Open and consume; a file that is refused counts as malformed."""
        self.path.write_bytes(octets)
        try:
            with open_capture(self.path) as capture:
                consume(capture)
        except CaptureFileError as error:
            raise Malformed(error.reason, error.offset) from error
        finally:
            self.path.unlink()

    def frames(self, octets: bytes, _: random.Random) -> None:
        """Every frame of a file."""
        self.read(octets, lambda capture: [frame.octets for frame in capture])


def pcap_files() -> list[bytes]:
    """Small pcap files in all four byte orders and resolutions."""
    files = []
    for seed in range(40):
        frames = conversations.captured(random.Random(seed), connections=1)
        order = "<>"[seed & 1]
        magic = 0xA1B23C4D if seed & 2 else 0xA1B2C3D4
        parts = [
            struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, frames[0].link_type if frames else 1)
        ]
        for frame in frames:
            seconds, fraction = divmod(frame.ts_us, 1_000_000)
            parts.append(struct.pack(order + "IIII", seconds, fraction, frame.length, frame.wire_length))
            parts.append(frame.octets)
        files.append(b"".join(parts))
    return files


def pcapng_files() -> list[bytes]:
    """Small pcapng files with enhanced, simple and obsolete packet blocks and options."""

    def block(order: str, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = struct.pack(order + "I", 12 + len(body))
        return struct.pack(order + "I", kind) + size + body + size

    files = []
    for seed in range(40):
        order = "<>"[seed & 1]
        frames = conversations.captured(random.Random(seed), connections=1)
        options = struct.pack(order + "HHB3xHHqHH", 9, 1, (6, 9, 0x8A)[seed % 3], 14, 8, seed, 0, 0)
        parts = [
            block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
            block(order, 1, struct.pack(order + "HHI", frames[0].link_type if frames else 1, 0, 0) + options),
            block(order, 5, bytes(12)),
        ]
        for frame in frames:
            ticks = (0, frame.ts_us >> 32, frame.ts_us & 0xFFFF_FFFF)
            fields = struct.pack(order + "IIIII", *ticks, frame.length, frame.wire_length)
            parts.append(block(order, 6, fields + frame.octets))
        parts.append(block(order, 3, struct.pack(order + "I", 60) + bytes(60)))
        files.append(b"".join(parts))
    return files


def compiled_entries(files: Files) -> dict[str, tuple[list[bytes], Run]]:
    """What runs through the Cython modules."""
    from both_paths import compiled_lines, reference_lines

    from capture_agent.agent.compiled_reading import print_hellos_compiled
    from capture_agent.agent.hello_lines import HelloLines
    from capture_agent.agent.pure_reading import STEP_US
    from capture_agent.compiled.walk import Walker

    lines = HelloLines("fuzz", with_skeleton=True)
    link_types = (LINKTYPE_ETHERNET,) * 8 + (0, 101, 108, 113, 228, 229, 276)

    class Walked:
        """One walker for many executions, so that its tables fill; a new one now and then."""

        def __init__(self, limits: FlowLimits | None) -> None:
            self.limits = limits
            self.left = 0

        def feed(self, octets: bytes, rng: random.Random) -> None:
            if not self.left:
                self.walker = Walker(PacketPath("fuzz", self.limits), "fuzz", lines, STEP_US, True)
                self.now_us, self.left = conversations.START_US, 20_000
            self.left -= 1
            self.now_us += rng.choice(WAITS_US)
            self.walker.feed(frame_of(octets, self.now_us, rng.choice(link_types)))
            if self.left % 500 == 0:
                self.walker.take_rows()
            if not self.left:
                self.walker.finish()

    def read_file(octets: bytes, _: random.Random) -> None:
        with open(os.devnull, "wb") as nowhere:
            files.read(octets, lambda capture: print_hellos_compiled(capture, lines, nowhere))

    def compare(_: bytes, rng: random.Random) -> None:
        frames = conversations.captured(rng)
        if sorted(compiled_lines(frames)) != sorted(reference_lines(frames)):
            raise AssertionError("the paths differ")

    frames = [frame.octets for frame in traffic_frames()]
    return {
        "compiled frames": (frames, Walked(None).feed),
        "compiled small tables": (frames, Walked(SMALL).feed),
        "compiled pcap": (pcap_files(), read_file),
        "compiled pcapng": (pcapng_files(), read_file),
        "compiled traffic": ([b""], compare),
    }


def packet_entries() -> dict[str, tuple[list[bytes], Run]]:
    """Seeds and call of each entry by name."""
    files = Files()
    streams = [
        preamble + other
        for preamble in (
            *PREAMBLES,
            b"USER x\r\nAUTH TLS\r\n",
            bytes.fromhex("0d0a0d0a000d0a515549540a2111000c"),
        )
        for other in (CHANGE_CIPHER_SPEC, conversations.hello_streams()[0][:60])
    ]
    pure: dict[str, tuple[list[bytes], Run]] = {
        "decoder": ([frame.octets for frame in traffic_frames()], decode_frame),
        "pcap": (pcap_files(), files.frames),
        "pcapng": (pcapng_files(), files.frames),
        "preambles": (streams, read_opening),
        "http2": ([HTTP2_START], lambda octets, _: parse_http2_start(octets)),
        "http events": ([EVENT], read_event),
    }
    return pure | cleartext_entries() | (compiled_entries(files) if is_active() else {})
