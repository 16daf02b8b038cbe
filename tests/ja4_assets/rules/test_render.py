"""The query that asks the rules."""

from __future__ import annotations

import re

from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.render import ASKED, render


def test_every_table_that_the_query_reads_is_named_for_those_who_must_wait_for_it() -> None:
    assert set(re.findall(r"(?:from|join) (\w+) as", render(RULES).text)) == set(ASKED)
