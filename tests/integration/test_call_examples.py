"""Examples in the docstrings of calls: each is run against an exchange, and gives what it shows."""

from __future__ import annotations

import doctest
import inspect

import pytest

from marketkit.api.sync import SmartDataProvider

EXAMPLES = {
    name: inspect.getdoc(call)
    for name, call in inspect.getmembers(SmartDataProvider, callable)
    if ">>> mk." in (inspect.getdoc(call) or "")
}


def test_the_calls_for_data_have_examples():
    assert {"get_candle", "get_market", "get_orderbook", "get_ticker", "get_trade"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_a_call_gives_what_it_shows(name, provider):
    parsed = doctest.DocTestParser().get_doctest(EXAMPLES[name], {"mk": provider}, name, None, None)
    failed, attempted = doctest.DocTestRunner().run(parsed)
    assert attempted
    assert not failed
