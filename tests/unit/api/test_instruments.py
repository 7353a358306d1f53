"""Tick sizes and levels: kept for minutes, and the odd row of one market is no other's failure."""

from __future__ import annotations

import json

import pytest

from marketkit.api.instruments import Instruments
from marketkit.errors import BadResponse
from marketkit.net.engine import engine
from marketkit.schema import INSTRUMENT


def instruments(params, *, odd="KRW-XRP"):
    """Give a tick size of each market that is asked for; one is none."""
    rows = [
        {
            "market": name,
            "quote_currency": "KRW",
            "tick_size": "small" if name == odd else "1",
            "supported_levels": ["0"],
        }
        for name in params["markets"].split(",")
    ]
    return json.dumps(rows).encode()


@pytest.fixture
def asked(exchange, provider):
    exchange.bodies["/orderbook/instruments"] = instruments
    provider.get_market()
    twin = provider.twin
    return Instruments(twin._transport, None, twin._markets)


def of(asked, *names):
    return engine().run(asked.of(names, "normal"))


def test_what_was_asked_for_is_not_asked_again(asked, exchange):
    first, failures = of(asked, "KRW-BTC", "KRW-ETH")
    assert dict(first.schema) == dict(INSTRUMENT)
    assert (first.height, failures) == (2, {})
    of(asked, "KRW-BTC", "KRW-ETH")
    assert exchange.paths().count("/orderbook/instruments") == 1


def test_an_odd_row_is_the_failure_of_its_market(asked):
    rows, failures = of(asked, "KRW-BTC", "KRW-XRP")
    assert rows["symbol"].to_list() == ["KRW-BTC"]
    assert isinstance(failures["KRW-XRP"], BadResponse)
    assert "small" in str(failures["KRW-XRP"])


def test_nothing_is_asked_about_no_markets(asked, exchange):
    rows, failures = of(asked)
    assert (rows.height, failures) == (0, {})
    assert "/orderbook/instruments" not in exchange.paths()
