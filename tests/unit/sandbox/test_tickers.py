"""Tickers at a moment."""

from __future__ import annotations

import pytest

from marketkit.sandbox.control import moment
from marketkit.sandbox.moment import last_close, running
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

NOW = moment("2026-11-20T10:17:30.500")


ONE_MINUTE, ONE_DAY, ONE_SECOND = WIDTHS["1m"], WIDTHS["1d"], WIDTHS["1s"]


BTC = Synthetic("KRW-BTC", 1, 0)


THIN = Synthetic("BTC-MK100", 1, 140)


def test_a_ticker_says_what_the_candles_say():
    ticker = Tickers().at(BTC, NOW)
    day = running(BTC, ONE_DAY, NOW)
    assert (ticker.opening, ticker.high, ticker.low, ticker.trade.price) == day[1:5]
    assert (ticker.volume, ticker.value) == pytest.approx((day.volume, day.value), rel=1e-12)
    assert ticker.previous == last_close(BTC, NOW // DAY * DAY, 0.0)
    minutes = BTC.page(ONE_MINUTE, NOW // MINUTE * MINUTE, 1439)
    live = running(BTC, ONE_MINUTE, NOW)
    assert ticker.volume_24h == pytest.approx(
        sum(c.volume for c in minutes) + live.volume, rel=1e-9
    )
    year = [*BTC.page(ONE_DAY, NOW // DAY * DAY, 364), day]
    assert ticker.highest[0] == max(c.high for c in year)
    assert ticker.lowest[0] == min(c.low for c in year)


def test_a_kept_ticker_equals_a_fresh_one_as_time_goes_on():
    kept = Tickers()
    for now in (NOW, NOW + 30_000, NOW + 90_000, NOW + DAY, NOW):
        assert kept.at(BTC, now) == Tickers().at(BTC, now)


def test_a_market_without_a_trade_today_is_unchanged():
    # A moment after midnight, before this thin market's first trade of the day.
    first = THIN.page(ONE_MINUTE, moment("2026-11-19"), 1)[0]
    ticker = Tickers().at(THIN, moment("2026-11-19T00:00:30"))
    assert ticker.trade.time == first.last
    assert (ticker.opening, ticker.volume) == (ticker.previous, 0.0)


def test_a_market_that_never_traded_has_no_ticker():
    assert Tickers().at(BTC, BTC.listing) is None
