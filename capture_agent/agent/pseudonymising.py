"""`ja4-agent pseudonym`: from addresses to the pseudonyms in the tables, and back."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from capture_agent.agent.problems import Problems
from capture_agent.agent.pseudonym_key import KEY, UnusableKeyFile, maybe_pseudonyms
from capture_agent.rows.pseudonyms import Pseudonyms
from capture_agent.settings.whole import Settings

EXIT_OK, EXIT_INPUT = 0, 2
FROM_STANDARD_INPUT = "-"


def print_pseudonyms(
    settings: Settings, subjects: Iterable[str], problems: Problems, *, is_reverse: bool
) -> int:
    """Print one line for each address or network; what is none is reported. Returns the exit code."""
    try:
        pseudonyms = maybe_pseudonyms(settings)
    except UnusableKeyFile as error:
        problems.report(f"{KEY}: {error}")
        return EXIT_INPUT
    if pseudonyms is None:
        problems.report(f"{KEY} is not set: these settings give clients no pseudonyms")
        return EXIT_INPUT
    for subject in _lines(subjects):
        try:
            found = _origin(pseudonyms, subject) if is_reverse else _pseudonym(pseudonyms, subject)
        except ValueError as error:
            problems.report(f"{subject[:64]!r} is neither an address nor a network: {error}")
        else:
            sys.stdout.write(found + "\n")
    return EXIT_INPUT if problems.count else EXIT_OK


def _lines(subjects: Iterable[str]) -> Iterator[str]:
    for subject in subjects:
        if subject == FROM_STANDARD_INPUT:
            yield from (line.strip() for line in sys.stdin if line.strip())
        else:
            yield subject


def _pseudonym(pseudonyms: Pseudonyms, subject: str) -> str:
    address, slash, bits = subject.partition("/")
    return pseudonyms.network(address, int(bits)) if slash else pseudonyms.address(address)


def _origin(pseudonyms: Pseudonyms, subject: str) -> str:
    address, slash, bits = subject.partition("/")
    return pseudonyms.origin(address, int(bits) if slash else None)
