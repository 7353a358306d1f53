"""What is shown at one moment, and no later."""

from __future__ import annotations

from itertools import pairwise

import pytest

from marketkit.sandbox.books import DEPTH, book, supported_levels
from marketkit.sandbox.control import moment
from marketkit.sandbox.moment import SECONDS_KEPT, candle_page, last_close, running, trades_before
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.trades import Trade
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

NOW = moment("2026-11-20T10:17:30.500")
ONE_MINUTE, ONE_DAY, ONE_SECOND = WIDTHS["1m"], WIDTHS["1d"], WIDTHS["1s"]
BTC = Synthetic("KRW-BTC", 1, 0)
THIN = Synthetic("BTC-MK100", 1, 140)


@pytest.mark.parametrize("name", list(WIDTHS))
def test_the_running_candle_comes_first_and_ends_with_the_last_trade(name):
    page = candle_page(BTC, WIDTHS[name], NOW + DAY, 3, NOW)
    last = next(trades_before(BTC, NOW + 1, NOW))
    assert page[0].close == last.price
    assert page[0].last == last.time <= NOW
    assert [candle.time for candle in page] == sorted(
        {candle.time for candle in page}, reverse=True
    )


@pytest.mark.parametrize("name", [name for name in WIDTHS if name != "1s"])
def test_the_running_candle_grows_until_it_is_the_final_one(name):
    width = WIDTHS[name]
    start = width.floor(NOW)
    moments = [NOW, NOW + 10_000, NOW + 20_000, width.end(start)]
    volumes = [candle_page(BTC, width, start + 1, 1, now)[0].volume for now in moments]
    assert volumes == sorted(volumes)
    assert volumes[0] < volumes[-1]
    assert candle_page(BTC, width, start + 1, 1, moments[-1]) == BTC.page(width, start + 1, 1)


@pytest.mark.parametrize("name", list(WIDTHS))
def test_pages_going_back_by_their_oldest_row_neither_overlap_nor_leave_gaps(name):
    width = WIDTHS[name]
    whole = candle_page(BTC, width, NOW + 1, 12, NOW)
    first = candle_page(BTC, width, NOW + 1, 5, NOW)
    second = candle_page(BTC, width, first[-1].time, 7, NOW)
    assert first + second == whole


def test_a_page_never_shows_what_is_still_to_come():
    early = moment("2026-11-20T10:17:00")
    page = candle_page(BTC, ONE_MINUTE, NOW + DAY, 5, early)
    assert page[0].time < early
    assert running(BTC, ONE_MINUTE, early) is None


def test_seconds_add_up_to_their_minute():
    start = moment("2026-11-20T10:16:00")
    minute = BTC.at(ONE_MINUTE, start)
    seconds = [c for c in candle_page(BTC, ONE_SECOND, start + MINUTE, 60, NOW) if c.time >= start][
        ::-1
    ]
    assert seconds[0].open == minute.open
    assert seconds[-1].close == minute.close
    assert max(c.high for c in seconds) == minute.high
    assert min(c.low for c in seconds) == minute.low
    assert sum(c.volume for c in seconds) == pytest.approx(minute.volume, rel=1e-12)
    assert sum(c.value for c in seconds) == pytest.approx(minute.value, rel=1e-5)


def test_seconds_are_kept_for_three_months():
    edge = NOW - SECONDS_KEPT
    assert len(candle_page(BTC, ONE_SECOND, edge + 60_000, 200, NOW)) < 200
    assert candle_page(BTC, ONE_SECOND, edge, 200, NOW) == []


def test_trades_come_newest_first_and_agree_with_the_candles():
    trades = [t for _, t in zip(range(300), trades_before(BTC, NOW + 1, NOW), strict=False)]
    assert all(a.time > b.time for a, b in pairwise(trades))
    minute = moment("2026-11-20T10:15:00")
    inside = [t for t in trades if minute <= t.time < minute + MINUTE][::-1]
    candle = BTC.at(ONE_MINUTE, minute)
    assert (inside[0].price, inside[-1].price) == (candle.open, candle.close)


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
