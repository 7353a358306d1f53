"""Trades of the last days into the lake, through REST."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.trades import SETTLED, fill, oldest_kept, walk
from marketkit.data.lake.trades.store import TradeStore
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.paging import TradeRange
from marketkit.sandbox import Sandbox
from marketkit.timeframe import DAY, HOUR, parse_time

NOW = parse_time("2025-03-05T01:00")


@pytest.fixture(scope="module")
def exchange():
    """An exchange whose clock stands an hour after midnight."""
    with Sandbox(now=NOW, speed=0, limit=(1000, 0.01)) as running:
        yield running


@pytest.fixture
def send(exchange):
    """Send requests of walks, and remember each."""
    asked = []

    async def sent(request):
        asked.append(request)
        async with httpx.AsyncClient() as web:
            answer = await web.get(exchange.endpoint + request.path, params=dict(request.params))
        return Response(answer.status_code, dict(answer.headers), answer.content, NOW)

    sent.asked = asked
    return sent


@pytest.fixture
def store(tmp_path):
    return TradeStore(tmp_path / "lake")


def test_what_the_lake_lacks_is_fetched_once_and_proved(store, send):
    span = Span(NOW - 2 * HOUR, NOW)
    told = asyncio.run(fill(store, "KRW-BTC", span, send, NOW))
    assert told.rows == store.read("KRW-BTC").height > 0
    assert store.covered("KRW-BTC") == Spans([(span.start, NOW - SETTLED)])
    walked = asyncio.run(walk(TradeRange("KRW-BTC", NOW, *span), send))
    assert store.read("KRW-BTC").equals(walked.rows.head(told.rows))
    asked = len(send.asked)
    asyncio.run(fill(store, "KRW-BTC", span, send, NOW))
    assert len(send.asked) == asked


def test_days_that_the_exchange_has_no_more_stay_missing(store, send):
    start = oldest_kept(NOW)
    span = Span(start - HOUR, start + HOUR)
    told = asyncio.run(fill(store, "KRW-BTC", span, send, NOW))
    assert told.missing == Spans([(start - HOUR, start)])
    assert store.covered("KRW-BTC") == Spans([(start, start + HOUR)])


def test_a_walk_tells_of_each_sound_page(send):
    told = []
    wanted = TradeRange("KRW-BTC", NOW, NOW - 2 * HOUR, NOW)
    walked = asyncio.run(walk(wanted, send, read=lambda *pair: told.append(pair)))
    assert walked.rows["time"].is_sorted()
    assert walked.at == NOW
    assert [request for request, _ in told] == send.asked
    assert oldest_kept(NOW) == parse_time("2025-03-05") - 7 * DAY
