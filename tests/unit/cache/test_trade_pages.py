"""Pages of trades are kept when their day is over, and for no longer than the exchange does."""

from __future__ import annotations

import pytest

from marketkit.cache.trade_pages import TradePageCache
from marketkit.exchange.dialect import Response
from marketkit.exchange.upbit.rest import trade_request
from marketkit.timeframe import DAY, MINUTE, parse_time

NOW = parse_time("2026-03-10T12:00:30Z")
MIDNIGHT = NOW // DAY * DAY
YESTERDAY = trade_request("KRW-BTC", 500, days_ago=1, to=None, cursor=None)
TODAY = trade_request("KRW-BTC", 500, days_ago=0, to=None, cursor=None)


def answered(at: int = NOW) -> Response:
    return Response(200, {}, b"[1]", at)


async def kept(pages: TradePageCache, request, at: int = NOW) -> Response | None:
    pages.keep(request, answered(at))
    await pages.settled()
    return await pages.get(request)


@pytest.fixture
def with_pages(run, store, monkeypatch):
    """Run a coroutine function with pages whose exchange has the time of a list."""

    def with_pages(main, *, keep: bool = True, now: int = NOW):
        async def inside(transport):
            clock = [now]
            monkeypatch.setattr(transport, "now", lambda: clock[0])
            return await main(TradePageCache(transport, store if keep else None), clock)

        return run(inside)

    return with_pages


def test_a_page_of_a_day_that_is_over_is_kept(with_pages):
    async def main(pages, _):
        response = await kept(pages, YESTERDAY)
        return None if response is None else (response.status, response.body)

    assert with_pages(main) == (200, b"[1]")


def test_a_page_of_today_is_not_kept(with_pages):
    async def main(pages, _):
        return await kept(pages, TODAY)

    assert with_pages(main) is None


def test_right_after_midnight_late_trades_are_waited_for(with_pages):
    async def main(pages, clock):
        early = await kept(pages, YESTERDAY, clock[0])
        clock[0] = MIDNIGHT + 10 * MINUTE
        return early, await kept(pages, YESTERDAY, clock[0])

    early, late = with_pages(main, now=MIDNIGHT + 10 * MINUTE - 1)
    assert early is None
    assert late is not None


def test_a_page_is_found_by_its_date_however_long_ago_that_is(with_pages):
    async def main(pages, clock):
        pages.keep(YESTERDAY, answered())
        await pages.settled()
        clock[0] = NOW + DAY
        two_days_ago = trade_request("KRW-BTC", 500, days_ago=2, to=None, cursor=None)
        return await pages.get(YESTERDAY), await pages.get(two_days_ago)

    other_day, same_day = with_pages(main)
    assert other_day is None
    assert same_day is not None


def test_pages_of_different_places_in_a_day_are_different(with_pages):
    async def main(pages, _):
        pages.keep(YESTERDAY, answered())
        await pages.settled()
        other = trade_request("KRW-BTC", 500, days_ago=1, to=None, cursor=17)
        return await pages.get(other)

    assert with_pages(main) is None


def test_without_a_store_nothing_is_kept(with_pages):
    async def main(pages, _):
        return await kept(pages, YESTERDAY)

    assert with_pages(main, keep=False) is None
