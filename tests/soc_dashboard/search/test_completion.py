"""What the query box offers."""

from __future__ import annotations

from soc_dashboard.search.completion import completions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import parse


def test_the_last_word_is_completed_and_the_rest_kept() -> None:
    assert completions("host:shop.test -verd", Grain.REQUEST) == ["host:shop.test -verdict:"]
    assert "host:shop.test -verdict:human" in completions("host:shop.test -verdict:", Grain.REQUEST)


def test_offers_that_are_whole_queries_parse() -> None:
    for offer in completions("verdict:", Grain.REQUEST):
        assert parse(offer)[0].field == "verdict"


def test_entities_are_not_offered_what_only_requests_have() -> None:
    offers = completions("", Grain.ENTITY)
    assert "path:" not in offers
    assert "ip:" in offers
