"""One request whose answer holds for a while, here and for other processes."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.cache.cached_request import CachedRequest
from marketkit.errors import NetworkError, ServerFailed
from marketkit.exchange.upbit.bodies import decode_markets
from marketkit.exchange.upbit.rest import market_request

LIFE = 3_600_000


@pytest.fixture
def cached(store):
    """Make the cached list of markets of a transport."""

    def cached(transport, *, life: int = LIFE, kept: bool = True) -> CachedRequest:
        return CachedRequest(
            transport, store if kept else None, market_request(), decode_markets, life
        )

    return cached


def asked(exchange) -> int:
    return exchange.stats()["groups"].get("market", {"requests": 0})["requests"]


def test_an_answer_is_asked_for_once_in_its_life(run, cached, exchange):
    async def main(transport):
        markets = cached(transport)
        first = await markets.get("normal")
        again = await markets.get("normal")
        assert again is first
        return first.frame

    assert run(main)["symbol"].is_in(["KRW-BTC"]).any()
    assert asked(exchange) == 1


def test_callers_at_the_same_time_share_one_request(run, cached, exchange):
    async def main(transport):
        markets = cached(transport)
        return await asyncio.gather(*(markets.get("normal") for _ in range(5)))

    answers = run(main)
    assert all(answer is answers[0] for answer in answers)
    assert asked(exchange) == 1


def test_who_wants_it_younger_asks_again(run, cached, exchange):
    async def main(transport):
        markets = cached(transport)
        await markets.get("normal")
        await markets.get("normal", life=-1)

    run(main)
    assert asked(exchange) == 2


def test_the_newest_answer_at_hand_is_given_however_old_and_nobody_is_asked(run, cached, exchange):
    async def main(transport):
        assert await cached(transport).newest() is None
        first = cached(transport, life=-1)
        made = (await first.get("normal")).made_at
        await first.settled()
        for one in (first, cached(transport, life=-1)):
            assert (await one.newest()).made_at == made

    run(main)
    assert asked(exchange) == 1


def test_another_process_takes_what_was_kept(run, cached, exchange):
    async def main(transport):
        first = cached(transport)
        made = (await first.get("normal")).made_at
        await first.settled()
        other = await cached(transport).get("normal")
        assert other.made_at == made

    run(main)
    assert asked(exchange) == 1


def test_without_a_store_each_process_asks(run, cached, exchange):
    async def main(transport):
        await cached(transport, kept=False).get("normal")
        await cached(transport, kept=False).get("normal")

    run(main)
    assert asked(exchange) == 2


def test_while_the_exchange_is_down_the_last_answer_holds_and_its_age_is_said(
    run, cached, exchange
):
    async def main(transport):
        markets = cached(transport, life=-1)
        first = await markets.get("normal")
        exchange.set_faults({"500": 1.0})
        with pytest.warns(UserWarning, match="answered as of"):
            down = await markets.get("normal")
        assert down is first
        # For a while nobody asks again.
        assert await markets.get("normal") is first

    run(main)


def test_with_nothing_to_fall_back_on_a_failure_is_raised(run, cached, exchange):
    async def main(transport):
        exchange.set_faults({"500": 1.0})
        with pytest.raises((ServerFailed, NetworkError)):
            await cached(transport).get("normal")

    run(main)


def test_a_body_kept_by_another_version_that_cannot_be_read_is_asked_for_anew(
    run, cached, exchange, store
):
    async def main(transport):
        markets = cached(transport)
        now = transport.now()
        await store.put(markets._key, b"[{}]", made_at=now - 1000, expires_at=now + LIFE)
        return (await markets.get("normal")).frame

    assert run(main).height > 10
    assert asked(exchange) == 1
