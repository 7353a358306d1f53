"""What is shown at one moment, and no later."""

from __future__ import annotations

from itertools import pairwise

import pytest

from marketkit.sandbox.chance import Chance
from marketkit.sandbox.control import moment
from marketkit.sandbox.moment import SECONDS_KEPT, candle_page, running, trades_before
from marketkit.sandbox.synthetic import Synthetic
from marketkit.sandbox.tickers import Tickers
from marketkit.sandbox.widths import DAY, MINUTE, WIDTHS

NOW = moment("2026-11-20T10:17:30.500")
ONE_MINUTE, ONE_DAY, ONE_SECOND = WIDTHS["1m"], WIDTHS["1d"], WIDTHS["1s"]
BTC = Synthetic("KRW-BTC", 1, 0)


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


def test_a_running_day_opens_where_the_closed_one_will():
    plans = [BTC.plan(NOW // DAY - n) for n in range(1, 300)]
    odd = [plan.day for plan in plans if Chance.of(plan).opening(plan.day) != plan.day.open]
    assert 1 < len(odd) < 30
    for day in odd[:3]:
        noon, own = day.start + DAY // 2, BTC.page(ONE_DAY, day.start + 1, 1)[0].open
        assert running(BTC, ONE_DAY, noon).open == Tickers().at(BTC, noon).opening == own
        assert BTC.page(WIDTHS["1h"], day.start + 1, 1)[0].open != own


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
    assert all(a.sequential_id > b.sequential_id for a, b in pairwise(trades))
    minute = moment("2026-11-20T10:15:00")
    inside = [t for t in trades if minute <= t.time < minute + MINUTE][::-1]
    candle = BTC.at(ONE_MINUTE, minute)
    assert (inside[0].price, inside[-1].price) == (candle.open, candle.close)
