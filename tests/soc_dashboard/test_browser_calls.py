"""Calls from the browser's scripts: anyone with the connection can send any text."""

from __future__ import annotations

import json

import pytest

from soc_dashboard.components.browser_calls import BrowserCalls


def test_a_call_reaches_its_action() -> None:
    calls, heard = BrowserCalls(), []
    calls.on("range", heard.append)
    calls.view.value = json.dumps({"number": 1, "action": "range", "value": "7d"})
    calls.view.value = json.dumps({"number": 2, "action": "range", "value": "7d"})
    assert heard == ["7d", "7d"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"x"', '{"number": "x", "action": "range"}', '{"number": 1, "action": "nothing"}', "\0"],
)
def test_a_call_that_makes_no_sense_does_nothing(text: str) -> None:
    calls, heard = BrowserCalls(), []
    calls.on("range", heard.append)
    calls.view.value = text
    assert heard == []


def test_columns_are_hidden_in_the_table_that_was_named() -> None:
    calls, hidden = BrowserCalls(), []
    calls.on_table("requests", hidden.append)
    choice = json.dumps({"table": "requests", "hidden": ["path"]})
    calls.view.value = json.dumps({"number": 1, "action": "columns", "value": choice})
    other = json.dumps({"table": "elsewhere", "hidden": ["path"]})
    calls.view.value = json.dumps({"number": 2, "action": "columns", "value": other})
    assert hidden == [["path"]]
