"""Order books around the last price."""

from __future__ import annotations

import pytest

from marketkit.sandbox.books import DEPTH, book, supported_levels
from marketkit.sandbox.control import moment
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.trades import Trade

NOW = moment("2026-11-20T10:17:30.500")


BTC = Synthetic("KRW-BTC", 1, 0)


THIN = Synthetic("BTC-MK100", 1, 140)


def test_book_prices_are_steps_around_the_last_trade():
    trade = Trade(NOW, 179_083_000.0, 0.1, "BID")
    depths = book("KRW-BTC", BTC.key, trade, 0.0, NOW)
    assert [price for price, _ in depths.asks] == [179_083_000.0 + 1000 * n for n in range(DEPTH)]
    assert [price for price, _ in depths.bids] == [179_082_000.0 - 1000 * n for n in range(DEPTH)]
    assert all(size > 0 for _, size in depths.asks + depths.bids)
    assert NOW - 100 < depths.time <= NOW


def test_a_grouped_book_holds_what_the_fine_one_holds():
    trade = Trade(NOW, 179_083_000.0, 0.1, "BID")
    fine = book("KRW-BTC", BTC.key, trade, 0.0, NOW)
    coarse = book("KRW-BTC", BTC.key, trade, 10_000.0, NOW)
    assert coarse.asks[0][0] == 179_090_000.0
    assert coarse.bids[0][0] == 179_080_000.0
    inside = [size for price, size in fine.asks if price <= coarse.asks[1][0]]
    assert sum(inside) == pytest.approx(coarse.asks[0][1] + coarse.asks[1][1])


def test_a_thin_side_is_padded_with_nothing_and_prices_stay_positive():
    trade = Trade(NOW, 0.00000003, 100.0, "ASK")
    depths = book("BTC-MK100", THIN.key, trade, 0.0, NOW)
    assert depths.bids[:3] == [
        (n / 10**8, size) for n, (_, size) in zip((3, 2, 1), depths.bids, strict=False)
    ]
    assert depths.bids[3:] == [(0.0, 0.0)] * 27


def test_only_krw_markets_group_prices():
    assert supported_levels("KRW", 103_460_000.0) == [0, 1e4, 1e5, 1e6, 1e7, 1e8]
    assert supported_levels("BTC", 0.05) == [0]


def test_a_book_across_a_boundary_of_steps_is_proper_on_both_sides():
    depths = book("KRW-X", 1, Trade(NOW, 999_500.0, 1.0, "BID"), 0.0, NOW)
    assert all(price % 1000 == 0 for price, _ in depths.asks + depths.bids)
