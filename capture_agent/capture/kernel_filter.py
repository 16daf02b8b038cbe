"""Compiles the ports an agent watches into a classic BPF program, which the kernel runs on every frame.

The program passes TCP and UDP over IPv4 and IPv6 from or to one of the ports, under up to two VLAN tags that
are still in the frame (the kernel takes the outermost one out before a packet socket sees the frame, unless
the sender put it there itself). It also passes what carries no ports to look at: later fragments of an IPv4
packet, and IPv6 behind an extension header. The instruction set is described in the kernel's
Documentation/networking/filter.rst.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from capture_agent.wire.link import ETHERTYPE_IPV4, ETHERTYPE_IPV6, VLAN_ETHERTYPES

SNAP_BYTES = 192 << 10
"""Octets kept of a frame: more than the 64 kB that generic receive offload puts together."""
MAX_PORTS = 100
"""A conditional jump reaches 255 instructions, and each port takes two."""
VLAN_TAGS_IN_FRAME = 2

SO_ATTACH_FILTER = 26
"""Linux include/uapi/asm-generic/socket.h; the module `socket` does not name it."""

_LOAD_HALF, _LOAD_HALF_AT_X, _LOAD_BYTE, _LOAD_BYTE_AT_X = 0x28, 0x48, 0x30, 0x50
_SET_X, _ADD, _ADD_X, _AND, _SHIFT_LEFT, _SHIFT_RIGHT = 0x01, 0x04, 0x0C, 0x54, 0x64, 0x74
_JUMP, _JUMP_IF_EQUAL, _JUMP_IF_BITS = 0x05, 0x15, 0x45
_RETURN, _A_TO_X, _X_TO_A = 0x06, 0x07, 0x87

_TCP, _UDP = 6, 17
_IPV6_EXTENSIONS = (0, 43, 44, 60)
"""Hop-by-hop options, routing, fragment, destination options: the ones PacketDecoder follows."""
_LATER_FRAGMENT_BITS = 0x1FFF


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    k: int = 0
    if_true: str | None = None
    if_false: str | None = None


class _Program:
    """Instructions and the labels between them; a missing target is the next instruction."""

    def __init__(self) -> None:
        self._instructions: list[_Instruction] = []
        self._labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        self._labels[name] = len(self._instructions)

    def add(self, code: int, k: int = 0, if_true: str | None = None, if_false: str | None = None) -> None:
        self._instructions.append(_Instruction(code, k, if_true, if_false))

    def jump_if_any(self, values: Iterable[int], target: str) -> None:
        for value in values:
            self.add(_JUMP_IF_EQUAL, value, target)

    def assemble(self) -> bytes:
        return b"".join(self._encode(at, one) for at, one in enumerate(self._instructions))

    def _encode(self, at: int, one: _Instruction) -> bytes:
        distances = [
            0 if target is None else self._labels[target] - at - 1 for target in (one.if_true, one.if_false)
        ]
        if one.code == _JUMP:
            return struct.pack("=HBBI", one.code, 0, 0, distances[0])
        return struct.pack("=HBBI", one.code, distances[0], distances[1], one.k)


def compile_port_filter(ports: Iterable[int], *, has_ethernet_header: bool) -> bytes:
    """The program, 8 octets an instruction, that passes frames from or to `ports`, or all if there are none.

    Frames start with an Ethernet header, or at the network layer. Raises ValueError for too many ports.
    """
    wanted = sorted(set(ports))
    if len(wanted) > MAX_PORTS:
        raise ValueError(f"{len(wanted)} ports; the kernel filter takes {MAX_PORTS}")
    program = _Program()
    if wanted:
        if has_ethernet_header:
            _find_network_layer_behind_ethernet(program)
        else:
            _find_network_layer_at_start(program)
        _find_ports(program)
        program.label("ports")
        program.add(_LOAD_HALF_AT_X, 0)
        program.jump_if_any(wanted, "pass")
        program.add(_LOAD_HALF_AT_X, 2)
        program.jump_if_any(wanted, "pass")
        program.label("refuse")
        program.add(_RETURN, 0)
    program.label("pass")
    program.add(_RETURN, SNAP_BYTES)
    return program.assemble()


def _find_network_layer_behind_ethernet(program: _Program) -> None:
    """Leaves the offset of the network layer in X and goes on at `ipv4` or `ipv6`."""
    for tags in range(VLAN_TAGS_IN_FRAME + 1):
        program.label(f"tags_{tags}")
        program.add(_SET_X, 14 + 4 * tags)
        program.add(_LOAD_HALF, 12 + 4 * tags)
        program.add(_JUMP_IF_EQUAL, ETHERTYPE_IPV4, "ipv4")
        program.add(_JUMP_IF_EQUAL, ETHERTYPE_IPV6, "ipv6")
        if tags < VLAN_TAGS_IN_FRAME:
            program.jump_if_any(sorted(VLAN_ETHERTYPES), f"tags_{tags + 1}")
        program.add(_JUMP, if_true="refuse")


def _find_network_layer_at_start(program: _Program) -> None:
    program.add(_SET_X, 0)
    program.add(_LOAD_BYTE, 0)
    program.add(_SHIFT_RIGHT, 4)
    program.add(_JUMP_IF_EQUAL, 4, "ipv4")
    program.add(_JUMP_IF_EQUAL, 6, "ipv6")
    program.add(_JUMP, if_true="refuse")


def _find_ports(program: _Program) -> None:
    """From the network layer at X to the transport layer at X, going on at `ports`."""
    program.label("ipv4")
    program.add(_LOAD_BYTE_AT_X, 9)
    program.add(_JUMP_IF_EQUAL, _TCP, "ipv4_ports")
    program.add(_JUMP_IF_EQUAL, _UDP, "ipv4_ports")
    program.add(_JUMP, if_true="refuse")
    program.label("ipv4_ports")
    program.add(_LOAD_HALF_AT_X, 6)
    program.add(_JUMP_IF_BITS, _LATER_FRAGMENT_BITS, "pass")
    program.add(_LOAD_BYTE_AT_X, 0)
    program.add(_AND, 0x0F)
    program.add(_SHIFT_LEFT, 2)
    program.add(_ADD_X)
    program.add(_A_TO_X)
    program.add(_JUMP, if_true="ports")
    program.label("ipv6")
    program.add(_LOAD_BYTE_AT_X, 6)
    program.jump_if_any(_IPV6_EXTENSIONS, "pass")
    program.add(_JUMP_IF_EQUAL, _TCP, "ipv6_ports")
    program.add(_JUMP_IF_EQUAL, _UDP, "ipv6_ports")
    program.add(_JUMP, if_true="refuse")
    program.label("ipv6_ports")
    program.add(_X_TO_A)
    program.add(_ADD, 40)
    program.add(_A_TO_X)


def attach(receiver: socket.socket, program: bytes) -> None:
    """Let the kernel run `program` on what arrives at `receiver`. Raises OSError."""
    instructions = ctypes.create_string_buffer(program, len(program))
    descriptor = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, descriptor)
