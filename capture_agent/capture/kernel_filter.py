"""Compiles what an agent watches into a classic BPF program, which the kernel runs on every frame.

The program passes TCP and UDP over IPv4 and IPv6 of the wanted connections, under up to two VLAN tags that
are still in the frame (the kernel takes the outermost one out before a packet socket sees the frame, unless
the sender put it there itself). It also passes what carries no ports to look at: later fragments of an IPv4
packet, and IPv6 behind an extension header.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from capture_agent.capture import bpf_program as bpf
from capture_agent.capture.bpf_program import BpfProgram
from capture_agent.selection import Network, Selection
from capture_agent.wire.link import ETHERTYPE_IPV4, ETHERTYPE_IPV6, VLAN_ETHERTYPES

SNAP_BYTES = 192 << 10
"""Octets kept of a frame: more than the 64 kB that generic receive offload puts together."""
VLAN_TAGS_IN_FRAME = 2

SO_ATTACH_FILTER = 26
"""Linux include/uapi/asm-generic/socket.h; the module `socket` does not name it."""

_TCP, _UDP = 6, 17
_IPV6_EXTENSIONS = (0, 43, 44, 60)
"""Hop-by-hop options, routing, fragment, destination options: the ones PacketDecoder follows."""
_LATER_FRAGMENT_BITS = 0x1FFF


_VERSION, _IS_INCLUDED = 12, 13
_IMPOSSIBLE, _POSSIBLE, _FITS_PORTS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _Way:
    """One of the two ways round of a packet, and where the program's 16 words of memory hold its ends.

    An address takes up to four words.
    """

    client_port: int
    server_port: int
    state: int
    """Word that says whether the packet can be meant this way, and fits the lists of ports."""
    client: int
    server: int


_FORWARD = _Way(client_port=0, server_port=1, state=2, client=4, server=8)
_BACKWARD = _Way(client_port=1, server_port=0, state=3, client=8, server=4)


def compile_filter(selection: Selection, *, has_ethernet_header: bool) -> bytes:
    """The program, 8 octets an instruction; every frame passes it if nothing is selected.

    Frames start with an Ethernet header, or at the network layer. Raises ValueError if it would be longer
    than the kernel takes.
    """
    program = BpfProgram()
    if selection.ports or selection.has_lists:
        if has_ethernet_header:
            _find_network_layer_behind_ethernet(program)
        else:
            _find_network_layer_at_start(program)
        for version in (4, 6):
            _find_ends(program, version)
        _judge_ports(program, selection)
        for version in (4, 6):
            _judge_networks(program, selection, version)
        # Without ports, other protocols may be tunnels, whose inside the agent looks at.
        program.label("other")
        program.add(bpf.RETURN, 0 if selection.ports else SNAP_BYTES)
        program.label("refuse")
        program.add(bpf.RETURN, 0)
    program.label("pass")
    program.add(bpf.RETURN, SNAP_BYTES)
    if len(program) > bpf.MAX_INSTRUCTIONS:
        raise ValueError(f"{len(program)} instructions; the kernel takes {bpf.MAX_INSTRUCTIONS}")
    return program.assemble()


def _find_network_layer_behind_ethernet(program: BpfProgram) -> None:
    """Leaves the offset of the network layer in X and goes on at `ipv4` or `ipv6`."""
    for tags in range(VLAN_TAGS_IN_FRAME + 1):
        program.label(f"tags_{tags}")
        program.add(bpf.SET_X, 14 + 4 * tags)
        program.add(bpf.LOAD_HALF, 12 + 4 * tags)
        program.jump_if_any([ETHERTYPE_IPV4], "ipv4")
        program.jump_if_any([ETHERTYPE_IPV6], "ipv6")
        if tags < VLAN_TAGS_IN_FRAME:
            program.jump_if_any(sorted(VLAN_ETHERTYPES), f"tags_{tags + 1}")
        program.jump("other")


def _find_network_layer_at_start(program: BpfProgram) -> None:
    program.add(bpf.SET_X, 0)
    program.add(bpf.LOAD_BYTE, 0)
    program.add(bpf.SHIFT_RIGHT, 4)
    program.jump_if_any([4], "ipv4")
    program.jump_if_any([6], "ipv6")
    program.jump("other")


def _find_ends(program: BpfProgram, version: int) -> None:
    """From the network layer at X: addresses and ports into memory, then on to `ports`."""
    program.label(f"ipv{version}")
    program.add(bpf.LOAD_BYTE_AT_X, 9 if version == 4 else 6)
    if version == 6:
        program.jump_if_any(_IPV6_EXTENSIONS, "pass")
    found = program.fresh_label()
    program.jump_if_any([_TCP, _UDP], found)
    program.jump("other")
    program.label(found)
    if version == 4:
        program.add(bpf.LOAD_HALF_AT_X, 6)
        fragment, whole = program.fresh_label(), program.fresh_label()
        program.add(bpf.JUMP_IF_BITS, _LATER_FRAGMENT_BITS, fragment, whole)
        program.label(fragment)
        program.jump("pass")
        program.label(whole)
    words, at = (1, 12) if version == 4 else (4, 8)
    for number in range(words):
        for memory, offset in ((_FORWARD.client, at), (_FORWARD.server, at + 4 * words)):
            program.add(bpf.LOAD_WORD_AT_X, offset + 4 * number)
            program.add(bpf.STORE, memory + number)
    if version == 4:
        # The kernel refuses programs that may read words which were not written on every way there.
        program.add(bpf.LOAD_CONSTANT, 0)
        for memory in (*range(5, 8), *range(9, 12)):
            program.add(bpf.STORE, memory)
        program.add(bpf.LOAD_BYTE_AT_X, 0)
        program.add(bpf.AND, 0x0F)
        program.add(bpf.SHIFT_LEFT, 2)
        program.add(bpf.ADD_X)
    else:
        program.add(bpf.X_TO_A)
        program.add(bpf.ADD, 40)
    program.add(bpf.A_TO_X)
    for memory, offset in ((_FORWARD.client_port, 0), (_FORWARD.server_port, 2)):
        program.add(bpf.LOAD_HALF_AT_X, offset)
        program.add(bpf.STORE, memory)
    _store(program, _VERSION, version)
    program.jump("ports")


def _judge_ports(program: BpfProgram, selection: Selection) -> None:
    """Note of either way round whether it is possible, and fits the lists; then on to `networks`."""
    include, exclude = selection.include, selection.exclude
    program.label("ports")
    for way in (_FORWARD, _BACKWARD):
        done = program.fresh_label()
        _store(program, way.state, _IMPOSSIBLE)
        _leave_unless_any(program, way.server_port, selection.ports, done)
        for memory, ports in (
            (way.client_port, exclude.source_ports),
            (way.server_port, exclude.destination_ports),
        ):
            program.add(bpf.LOAD_MEMORY, memory)
            program.jump_if_any(sorted(ports), "refuse")
        _store(program, way.state, _POSSIBLE)
        _leave_unless_any(program, way.client_port, include.source_ports, done)
        _leave_unless_any(program, way.server_port, include.destination_ports, done)
        _store(program, way.state, _FITS_PORTS)
        program.label(done)
    program.add(bpf.LOAD_MEMORY, _VERSION)
    program.jump_if_any([6], "networks_of_ipv6")


def _judge_networks(program: BpfProgram, selection: Selection, version: int) -> None:
    """As Selection.wants_packet: one way round must be included, none that is possible excluded."""
    program.label(f"networks_of_ipv{version}")
    _store(program, _IS_INCLUDED, 0)
    for way in (_FORWARD, _BACKWARD):
        done = program.fresh_label()
        program.add(bpf.LOAD_MEMORY, way.state)
        program.jump_if_any([_IMPOSSIBLE], done)
        for memory, networks in (
            (way.client, selection.exclude.source_networks),
            (way.server, selection.exclude.destination_networks),
        ):
            _jump_if_in(program, memory, networks, version, "refuse")
        program.add(bpf.LOAD_MEMORY, way.state)
        program.jump_if_any([_POSSIBLE], done)
        for memory, networks in (
            (way.client, selection.include.source_networks),
            (way.server, selection.include.destination_networks),
        ):
            if networks:
                found = program.fresh_label()
                _jump_if_in(program, memory, networks, version, found)
                program.jump(done)
                program.label(found)
        _store(program, _IS_INCLUDED, 1)
        program.label(done)
    program.add(bpf.LOAD_MEMORY, _IS_INCLUDED)
    program.jump_if_any([1], "pass")
    program.jump("refuse")


def _jump_if_in(
    program: BpfProgram, memory: int, networks: Sequence[Network], version: int, target: str
) -> None:
    for network in networks:
        if network.version == version:
            program.jump_if_prefix(memory, _words(network), target)


def _store(program: BpfProgram, memory: int, value: int) -> None:
    program.add(bpf.LOAD_CONSTANT, value)
    program.add(bpf.STORE, memory)


def _leave_unless_any(program: BpfProgram, memory: int, ports: frozenset[int], elsewhere: str) -> None:
    if ports:
        found = program.fresh_label()
        program.add(bpf.LOAD_MEMORY, memory)
        program.jump_if_any(sorted(ports), found)
        program.jump(elsewhere)
        program.label(found)


def _words(network: Network) -> Sequence[tuple[int, int]]:
    """Value and mask of each word of 32 bits up to the prefix's end."""
    size = 1 if isinstance(network, IPv4Network) else 4
    value, mask = network.network_address.packed, network.netmask.packed
    words = [
        (int.from_bytes(value[at : at + 4]), int.from_bytes(mask[at : at + 4]))
        for at in range(0, 4 * size, 4)
    ]
    return [one for one in words if one[1]]


def attach(receiver: socket.socket, selection: Selection, *, has_ethernet_header: bool) -> bool:
    """Let the kernel select what arrives at `receiver`, in place of what it selected before, if anything.

    No frame is lost or let through in between. Lists that are too long for the kernel are left to the caller:
    then only ports are selected, and False is returned. Raises OSError.
    """
    try:
        _attach(receiver, compile_filter(selection, has_ethernet_header=has_ethernet_header))
    except ValueError:
        pass
    except OSError as error:
        # What a socket's options may take of memory, net.core.optmem_max, is little on old systems.
        if error.errno != errno.ENOMEM or not selection.has_lists:
            raise
    else:
        return True
    coarse = Selection(selection.ports)
    _attach(receiver, compile_filter(coarse, has_ethernet_header=has_ethernet_header))
    return False


def _attach(receiver: socket.socket, program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, descriptor)
