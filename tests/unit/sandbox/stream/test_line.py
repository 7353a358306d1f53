"""One market's trades as they come due, and what its streams show."""

from __future__ import annotations

import pytest

from marketkit.sandbox.markets import Market
from marketkit.sandbox.moment import trades_before
from marketkit.sandbox.stream.grammar import CANDLES, Key
from marketkit.sandbox.stream.line import Line, Showcase, SideVolumes, is_final
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

NOW = 1_795_169_850_500  # 2026-11-20T10:17:30.500Z
BTC, THIN = Synthetic("KRW-BTC", 1, 0), Synthetic("BTC-MK100", 1, 140)
MARKET = Market.of("KRW-BTC", BTC)


@pytest.mark.parametrize("source", [BTC, THIN])
def test_a_line_brings_every_trade_after_its_start_once_and_in_order(source):
    line, end, heard = Line(source, NOW), NOW + 90 * MINUTE, []
    while line.due < end:
        if trade := line.take():
            heard.append(trade)
    assert heard == list(trades_before(source, end, end, NOW + 1))[::-1]


def test_the_sides_of_a_day_are_its_trades_looked_at_once():
    sides = SideVolumes()
    sides.at(BTC, NOW - MINUTE)
    found = sides.at(BTC, NOW)
    today = list(trades_before(BTC, NOW + 1, NOW, NOW // DAY * DAY))
    for volume, side in ((found.ask, "ASK"), (found.bid, "BID")):
        assert volume == pytest.approx(sum(one.volume for one in today if one.side == side))
    assert sides.at(BTC, NOW - MINUTE) == SideVolumes().at(BTC, NOW - MINUTE)


def test_a_candle_is_final_once_its_last_trade_has_happened():
    last = BTC.page(WIDTHS["1m"], NOW + MINUTE, 1)[0].last
    assert not is_final(BTC, WIDTHS["1m"], last - 1)
    assert is_final(BTC, WIDTHS["1m"], last)
    assert is_final(BTC, WIDTHS["1s"], NOW)


def test_every_channel_has_something_to_show_but_not_before_the_first_trade():
    showcase = Showcase("wire", Tickers())
    for channel in ("ticker", "trade", "orderbook", *CANDLES):
        key = Key(channel, "KRW-BTC", 30)
        assert showcase.show(key, MARKET, NOW, "SNAPSHOT")
        assert showcase.show(key, MARKET, BTC.listing - 1, "SNAPSHOT") is None


def test_a_book_of_a_level_that_the_market_has_not_is_not_shown():
    showcase = Showcase("wire", Tickers())
    assert showcase.show(Key("orderbook", "KRW-BTC", 30, 7.0), MARKET, NOW, "SNAPSHOT") is None
