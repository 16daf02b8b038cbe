"""Live capture on Linux: a ring on one interface, or a plain socket where the kernel refuses a ring."""

from __future__ import annotations

from collections.abc import Callable

from capture_agent.capture.af_packet_plain import PlainCapture
from capture_agent.capture.af_packet_ring import RingCapture
from capture_agent.capture.af_packet_socket import CaptureOptions, CaptureRefused, open_packet_socket

LiveCapture = RingCapture | PlainCapture


def open_capture(
    interface: str, options: CaptureOptions, on_ring_refused: Callable[[OSError], None]
) -> LiveCapture:
    """Start to capture on `interface`. Raises CaptureRefused."""
    source = open_packet_socket(interface, options)
    try:
        return RingCapture(source, options.ring_bytes)
    except OSError as error:
        source.socket.close()
        on_ring_refused(error)
    source = open_packet_socket(interface, options)
    try:
        return PlainCapture(source, options.ring_bytes)
    except OSError as error:
        source.socket.close()
        raise CaptureRefused(f"{interface}: {error.strerror}") from error
