"""What made-up markets are like."""

from __future__ import annotations

from itertools import pairwise

import pytest

from marketkit.sandbox.control import moment
from marketkit.sandbox.draws import key_of
from marketkit.sandbox.names import seeded_symbols
from marketkit.sandbox.profile import profile


def of(symbol, rank):
    return profile(symbol, key_of(symbol, 1), rank)


def test_a_known_coin_costs_what_people_remember_in_every_quote():
    assert of("KRW-ETH", 1).price == 5.2e6
    assert of("BTC-ETH", 0).price == pytest.approx(5.2 / 150)
    assert of("USDT-ETH", 1).price == pytest.approx(5.2e6 / 1_420)


def test_a_stable_coin_hardly_moves():
    assert of("KRW-USDT", 5).wildness < 0.1
    assert 0.6 <= of("KRW-XRP", 2).wildness <= 1.4


def test_lower_ranks_trade_less_often_and_less_but_never_nothing():
    ranked = [of(f"KRW-MK{rank:03d}", rank) for rank in range(10, 289, 30)]
    for better, worse in pairwise(ranked):
        assert better.traded >= worse.traded >= 0.03
        assert better.turnover > worse.turnover > 0


def test_bitcoin_and_the_busiest_were_listed_first_and_all_in_the_morning_hours():
    listings = {symbol: of(symbol, rank).listing for symbol, rank in seeded_symbols()}
    assert listings["KRW-BTC"] == listings["KRW-ETH"] == moment("2017-09-25T03:00:00")
    assert min(listings.values()) == listings["KRW-BTC"]
    assert all(3 <= listing // 3_600_000 % 24 < 9 for listing in listings.values())
