"""Trades of the last days into the lake, through REST."""

from __future__ import annotations

import asyncio
import json

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.trades import SETTLED, fill, oldest_kept, walk
from marketkit.data.lake.trades.store import TradeStore
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.paging import TradeRange
from marketkit.timeframe import DAY, HOUR, parse_time

NOW = parse_time("2026-11-20T10:00")


@pytest.fixture
def store(tmp_path):
    return TradeStore(tmp_path / "lake")


def row(at):
    return {
        "market": "KRW-BTC",
        "timestamp": at,
        "trade_price": 1.5,
        "trade_volume": 2.0,
        "ask_bid": "BID",
        "prev_closing_price": 1.0,
        "change_price": 0.5,
        "sequential_id": at * 10_000,
    }


class Exchange:
    """An exchange with a trade an hour."""

    def __init__(self):
        self.asked = []

    async def __call__(self, request):
        self.asked.append(request)
        params = dict(request.params)
        day = NOW // DAY - int(params.get("days_ago", 0))
        times = [at for at in range(day * DAY, min((day + 1) * DAY, NOW), HOUR)]
        if "to" in params:
            hours, minutes, seconds = map(int, params["to"].split(":"))
            until = day * DAY + hours * HOUR + minutes * 60_000 + seconds * 1000
            times = [at for at in times if at < until]
        if "cursor" in params:
            times = [at for at in times if at * 10_000 < int(params["cursor"])]
        rows = [row(at) for at in reversed(times)][: int(params["count"])]
        return Response(200, {}, json.dumps(rows).encode(), NOW, 0)


def test_what_the_lake_lacks_is_fetched_and_proved(store):
    exchange, start = Exchange(), NOW - 2 * DAY
    told = asyncio.run(fill(store, "KRW-BTC", Span(start, NOW), exchange, NOW))
    assert told == (48, Spans())
    assert store.covered("KRW-BTC") == Spans([(start, NOW - SETTLED)])
    asked = len(exchange.asked)
    asyncio.run(fill(store, "KRW-BTC", Span(start, NOW), exchange, NOW))
    assert len(exchange.asked) == asked


def test_days_that_the_exchange_has_no_more_stay_missing(store):
    start = oldest_kept(NOW) - DAY
    told = asyncio.run(fill(store, "KRW-BTC", Span(start, start + 2 * DAY), Exchange(), NOW))
    assert told.missing == Spans([(start, start + DAY)])
    assert store.covered("KRW-BTC") == Spans([(start + DAY, start + 2 * DAY)])


def test_a_walk_tells_of_each_sound_page():
    told = []
    wanted = TradeRange("KRW-BTC", NOW, NOW - DAY, NOW)
    walked = asyncio.run(
        walk(wanted, Exchange(), read=lambda request, response: told.append(request))
    )
    assert walked.rows["time"].is_sorted()
    assert (walked.rows.height, walked.at) == (24, NOW)
    assert len(told) >= 2
