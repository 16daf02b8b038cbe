"""What a client's pseudonym costs the agent, per address.

    python bench/pseudonyms.py [--addresses 20000] [--rounds 5]

`first`: an address that was not seen before; `again`: one that is remembered, as nearly all are. The
yardstick is the same permutation as draft-denis-ipcrypt writes it down: one block of the same AES at a time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from capture_agent.rows.pseudonyms import Pseudonyms

KEY = bytes(range(64))


def by_the_draft(kept_bits_v4: int, kept_bits_v6: int) -> Callable[[str], str]:
    """Addresses bit by bit."""
    first, second = (
        Cipher(algorithms.AES(KEY[at : at + 16]), modes.ECB()).encryptor()  # noqa: S305 - single blocks
        for at in (0, 16)
    )

    def image(text: str) -> str:
        address = ip_address(text)
        number, width = int(address), address.max_prefixlen
        mapped = number | 0xFFFF << 32 if width == 32 else number
        found = number
        for length in range(kept_bits_v4 if width == 32 else kept_bits_v6, width):
            bits = 128 - width + length
            block = (1 << bits | mapped >> (128 - bits)).to_bytes(16, "big")
            flip = (first.update(block)[15] ^ second.update(block)[15]) & 1
            found ^= flip << (width - 1 - length)
        return str(type(address)(found))

    return image


def microseconds(call: Callable[[str], str], texts: Sequence[str]) -> float:
    """Per address."""
    began = time.perf_counter()
    for text in texts:
        call(text)
    return (time.perf_counter() - began) / len(texts) * 1e6


def main() -> None:
    """Measure both, in turns, and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--addresses", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    count = options.addresses
    families = {
        "IPv4": [str(ip_address(0xC6330000 + number)) for number in range(count)],
        "IPv6": [str(ip_address((0x20010DB8 << 96) + (number << 64) + 1)) for number in range(count)],
    }
    print(f"{count} addresses, median of {options.rounds} rounds, us an address")
    print(f"{'family':8}{'kept bits':>10}{'first':>8}{'again':>8}{'by the draft':>14}{'ratio':>7}")
    for family, texts in families.items():
        for kept in (0, 16, 32) if family == "IPv6" else (0, 16):
            taken: list[list[float]] = [[], [], []]
            for _ in range(options.rounds):
                pseudonyms = Pseudonyms(KEY, kept_bits_v4=min(kept, 32), kept_bits_v6=kept)
                taken[0].append(microseconds(pseudonyms.address, texts))
                taken[1].append(microseconds(pseudonyms.address, texts))
                taken[2].append(microseconds(by_the_draft(min(kept, 32), kept), texts))
            first, again, draft = (statistics.median(times) for times in taken)
            print(f"{family:8}{kept:10}{first:8.1f}{again:8.2f}{draft:14.1f}{first / draft:7.2f}")


if __name__ == "__main__":
    main()
