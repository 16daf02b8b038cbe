"""Assembles classic BPF programs (Linux Documentation/networking/filter.rst).

A conditional jump reaches 255 instructions only. Tests against a list therefore jump to an unconditional jump
close behind them, which reaches anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, islice

LOAD_HALF, LOAD_HALF_AT_X, LOAD_BYTE, LOAD_BYTE_AT_X, LOAD_WORD_AT_X = 0x28, 0x48, 0x30, 0x50, 0x40
LOAD_CONSTANT, LOAD_MEMORY, STORE = 0x00, 0x60, 0x02
SET_X, ADD, ADD_X, AND, SHIFT_LEFT, SHIFT_RIGHT = 0x01, 0x04, 0x0C, 0x54, 0x64, 0x74
JUMP, JUMP_IF_EQUAL, JUMP_IF_BITS = 0x05, 0x15, 0x45
RETURN, A_TO_X, X_TO_A = 0x06, 0x07, 0x87

MAX_INSTRUCTIONS = 4_096
"""BPF_MAXINSNS of Linux include/uapi/linux/bpf_common.h."""
_TESTS_PER_JUMP = 250


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    k: int = 0
    if_true: str | None = None
    if_false: str | None = None


class BpfProgram:
    """Instructions and the labels between them; a missing target is the next instruction."""

    def __init__(self) -> None:
        self._instructions: list[_Instruction] = []
        self._labels: dict[str, int] = {}
        self._fresh = count()

    def __len__(self) -> int:
        return len(self._instructions)

    def label(self, name: str) -> None:
        """Name the next instruction."""
        self._labels[name] = len(self._instructions)

    def fresh_label(self) -> str:
        """A name that is not in use."""
        return f"_{next(self._fresh)}"

    def add(self, code: int, k: int = 0, if_true: str | None = None, if_false: str | None = None) -> None:
        """Append an instruction; the targets of a conditional one must be near and behind it."""
        self._instructions.append(_Instruction(code, k, if_true, if_false))

    def jump(self, target: str) -> None:
        """Go on at `target`, however far behind."""
        self.add(JUMP, if_true=target)

    def jump_if_any(self, values: Iterable[int], target: str) -> None:
        """Go on at `target`, however far behind, if the accumulator is one of the values."""
        left = iter(values)
        while chunk := list(islice(left, _TESTS_PER_JUMP)):
            found, after = self.fresh_label(), self.fresh_label()
            for value in chunk[:-1]:
                self.add(JUMP_IF_EQUAL, value, found)
            self.add(JUMP_IF_EQUAL, chunk[-1], found, after)
            self.label(found)
            self.jump(target)
            self.label(after)

    def jump_if_prefix(self, first_word: int, words: Sequence[tuple[int, int]], target: str) -> None:
        """Go on at `target` if memory from `first_word` on matches every (value, mask) of 32 bits."""
        after = self.fresh_label()
        for at, (value, mask) in enumerate(words):
            self.add(LOAD_MEMORY, first_word + at)
            if mask != 0xFFFF_FFFF:
                self.add(AND, mask)
            self.add(JUMP_IF_EQUAL, value, None, after)
        self.jump(target)
        self.label(after)

    def assemble(self) -> bytes:
        """The program, 8 octets an instruction."""
        return b"".join(self._encode(at, one) for at, one in enumerate(self._instructions))

    def _encode(self, at: int, one: _Instruction) -> bytes:
        distances = [
            0 if target is None else self._labels[target] - at - 1 for target in (one.if_true, one.if_false)
        ]
        if one.code == JUMP:
            return struct.pack("=HBBI", one.code, 0, 0, distances[0])
        return struct.pack("=HBBI", one.code, distances[0], distances[1], one.k)
