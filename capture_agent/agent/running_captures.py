"""From settings to the running captures of a live agent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from capture_agent.agent.running_pumps import CapturePump, Inbox
from capture_agent.capture.af_packet import open_capture
from capture_agent.capture.af_packet_offloads import offloads
from capture_agent.capture.af_packet_ring import RingCapture
from capture_agent.capture.af_packet_socket import CaptureOptions, CaptureRefused, Fanout, interface_names
from capture_agent.ports import LivePacketSource
from capture_agent.selection import EndLists, Selection
from capture_agent.settings.capture import PacketSourceKind, SelectionList
from capture_agent.settings.whole import Settings

SHOWN_PORTS = 20


def selection_of(settings: Settings) -> Selection:
    """Which connections are looked at."""
    chosen = settings.capture
    return Selection(settings.captured_ports, _lists(chosen.include), _lists(chosen.exclude))


def open_captures(settings: Settings, inbox: Inbox, log: FilteringBoundLogger) -> list[CapturePump]:
    """One for each worker of each interface. Raises CaptureRefused."""
    if not settings.capture.interfaces:
        raise CaptureRefused(
            "no interface is named: give --interface or JA4_CAPTURE_INTERFACES; there are "
            + ", ".join(interface_names())
        )
    pumps: list[CapturePump] = []
    selection = selection_of(settings)
    try:
        for interface in dict.fromkeys(settings.capture.interfaces):
            for name, opener in _openers(interface, settings, log):
                source = opener(selection)
                if name in (interface, f"{interface}/0"):
                    _tell(interface, source, selection, settings, log)
                pumps.append(CapturePump(len(pumps), name, source, opener, selection, inbox, log))
    except CaptureRefused:
        for pump in pumps:
            pump.release()
        raise
    return pumps


Opener = Callable[[Selection], LivePacketSource]


def _openers(interface: str, settings: Settings, log: FilteringBoundLogger) -> list[tuple[str, Opener]]:
    """For each worker its name, and what opens its capture now and again later."""
    chosen = settings.capture
    if chosen.source is PacketSourceKind.SCAPY:
        return [(interface, partial(_open_with_scapy, interface, settings))]
    if chosen.workers == 1:
        return [(interface, partial(_open, interface, settings, log, None))]
    fanout = Fanout()
    return [
        (f"{interface}/{number}", partial(_open, interface, settings, log, fanout))
        for number in range(chosen.workers)
    ]


def _open(
    interface: str,
    settings: Settings,
    log: FilteringBoundLogger,
    fanout: Fanout | None,
    selection: Selection,
) -> LivePacketSource:
    chosen = settings.capture
    options = CaptureOptions(selection, chosen.promiscuous, chosen.ring_mib << 20, fanout)

    def note_ring_refused(error: OSError) -> None:
        log.warning("no ring, using a plain socket", interface=interface, reason=error.strerror)

    return open_capture(interface, options, note_ring_refused)


def _open_with_scapy(interface: str, settings: Settings, selection: Selection) -> LivePacketSource:
    try:
        from capture_agent.capture.scapy_source import ScapyCapture
    except ImportError as error:
        raise CaptureRefused(
            f"capture.source = scapy, but {error.name} is not installed: pip install 'ja4-platform[scapy]'"
        ) from error
    return ScapyCapture(interface, selection, is_promiscuous=settings.capture.promiscuous)


def _tell(
    interface: str,
    source: LivePacketSource,
    selection: Selection,
    settings: Settings,
    log: FilteringBoundLogger,
) -> None:
    methods = {True: "ring", False: "plain socket"}
    is_scapy = settings.capture.source is PacketSourceKind.SCAPY
    log.info(
        "capturing",
        interface=interface,
        method="scapy" if is_scapy else methods[isinstance(source, RingCapture)],
        workers=1 if is_scapy else settings.capture.workers,
        ports=shown_ports(selection),
        lists=selection.has_lists,
        promiscuous=settings.capture.promiscuous,
        offloads=offloads(interface),
    )


def shown_ports(selection: Selection) -> list[int] | str:
    """For the log: the ports, or how many if there are many."""
    ports = sorted(selection.ports)
    return f"{len(ports)} ports" if len(ports) > SHOWN_PORTS else ports or "all"


def _lists(given: SelectionList) -> EndLists:
    return EndLists(
        given.source_networks, given.destination_networks, given.source_ports, given.destination_ports
    )
