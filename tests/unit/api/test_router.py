"""What is answered from memory or the feed, and what is asked for, once."""

from __future__ import annotations

import asyncio

import polars as pl
import pytest

from marketkit.api.query import CallOptions, QuerySpec
from marketkit.api.router import hits_of
from marketkit.clock import age_clock
from marketkit.errors import BadResponse, InputError, Refused, ServerFailed, UnknownSymbol

SHAPE = {"symbol": pl.String(), "price": pl.Float64()}


class Prices:
    """A source of prices that tells what it was asked for."""

    def __init__(self, router, **more):
        self.router = router
        self.asked = []
        self.failing = {}
        self.begun = self.gate = None
        self.spec = QuerySpec("ticker", "prices", SHAPE, ["symbol"], self.load, **more)

    async def load(self, names, _):
        """Give every symbol the price 1, or the failure it is to have."""
        self.asked.append(list(names))
        if self.gate is not None:
            self.begun.set()
            await self.gate.wait()
        good = [name for name in names if name not in self.failing]
        held = self.router.keep(self.spec, prices(good), good, age_clock())
        return hits_of("rest", good, held) | {
            name: self.failing[name] for name in names if name in self.failing
        }

    def query(self, symbols, **options):
        """Make a query for prices."""
        return self.router.query(self.spec, symbols, CallOptions(**options))


class Feed:
    """A feed that knows the price 2 of some symbols up to a moment."""

    def __init__(self, symbols, moment):
        self.symbols, self.moment = symbols, moment

    def hot(self, channel, _, rows):
        """Give the symbols that are known."""
        return (self.symbols, self.moment) if (channel, rows) == ("ticker", 1) else None

    def newest(self, _, symbols, __):
        """Give their rows."""
        return prices(symbols, 2.0)


def prices(symbols, price=1.0):
    return pl.DataFrame({"symbol": list(symbols), "price": price}, schema=SHAPE)


def fetch(*queries):
    async def run():
        return await asyncio.gather(*(query.fetch() for query in queries))

    return asyncio.run(run())


def sources(result):
    return {symbol: source for (source, _), names in result.sources.items() for symbol in names}


@pytest.fixture
def asked(router):
    return Prices(router)


def test_nothing_is_recalled_before_the_markets_are_known(asked):
    assert asked.query("KRW-BTC").recall() is None


def test_a_fresh_answer_is_recalled_and_not_asked_for_again(asked):
    (first,) = fetch(asked.query("KRW-BTC"))
    again = asked.query("KRW-BTC").recall()
    assert again.frame.equals(first.frame)
    assert (sources(first), sources(again)) == ({"KRW-BTC": "rest"}, {"KRW-BTC": "memory"})
    assert asked.asked == [["KRW-BTC"]]


def test_only_symbols_without_a_fresh_answer_are_asked_for(asked):
    fetch(asked.query(["KRW-BTC", "KRW-ETH"]))
    query = asked.query(["KRW-XRP", "KRW-BTC", "KRW-ETH"])
    assert query.recall() is None
    (result,) = fetch(query)
    assert asked.asked == [["KRW-BTC", "KRW-ETH"], ["KRW-XRP"]]
    assert result.frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    assert sources(result)["KRW-XRP"] == "rest"


def test_a_glob_and_another_spelling_mean_the_listed_markets(asked):
    (result,) = fetch(asked.query("KRW-*"))
    assert result.frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    with pytest.warns(UserWarning, match="taken as 'KRW-BTC'"):
        assert asked.query(["krw-btc", "KRW-BTC"]).recall().frame.height == 1
    assert asked.query(iter(["BTC/KRW"])).recall().frame.height == 1
    assert len(asked.asked) == 1


def test_an_unknown_symbol_ends_the_call_or_is_one_failure_of_it(asked):
    with pytest.raises(UnknownSymbol, match=r"'KRW-BCT'.*'KRW-BTC'"):
        fetch(asked.query(["KRW-BCT", "KRW-ETH"]))
    assert not asked.asked
    (result,) = fetch(asked.query(["KRW-BCT", "KRW-ETH"], on_error="skip"))
    assert list(result.failures) == ["KRW-BCT"]
    assert sources(result) == {"KRW-ETH": "rest"}


def test_the_failure_of_one_symbol_leaves_the_others_and_is_not_remembered(asked):
    asked.failing = {"KRW-ETH": BadResponse("half a body")}
    (result,) = fetch(asked.query(["KRW-BTC", "KRW-ETH"]))
    assert result.failures == asked.failing
    asked.failing = {}
    (result,) = fetch(asked.query(["KRW-BTC", "KRW-ETH"]))
    assert sources(result) == {"KRW-BTC": "memory", "KRW-ETH": "rest"}


def test_a_source_that_takes_one_symbol_a_request_is_asked_for_each(router):
    asked = Prices(router, single=True)
    (result,) = fetch(asked.query(["KRW-ETH", "KRW-BTC"]))
    assert sorted(asked.asked) == [["KRW-BTC"], ["KRW-ETH"]]
    assert result.frame["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]


def test_equal_queries_at_the_same_time_are_one_request(asked):
    async def run():
        asked.begun, asked.gate = asyncio.Event(), asyncio.Event()
        calls = [asyncio.create_task(asked.query("KRW-BTC").fetch()) for _ in range(5)]
        await asked.begun.wait()
        asked.gate.set()
        return await asyncio.gather(*calls)

    results = asyncio.run(run())
    assert asked.asked == [["KRW-BTC"]]
    assert all(result.frame.equals(results[0].frame) for result in results)


def test_a_query_that_makes_no_sense_for_a_market_is_refused_before_anybody_is_asked(router):
    def check(names):
        raise InputError(f"not for {names}")

    asked = Prices(router, check=check)
    with pytest.raises(InputError, match="KRW-BTC"):
        fetch(asked.query("KRW-BTC"))
    assert not asked.asked


def test_an_answer_of_the_past_is_not_remembered(router):
    asked = Prices(router, kept=False)
    fetch(asked.query("KRW-BTC"))
    assert asked.query("KRW-BTC").recall() is None
    assert router.memory.stats().entries == 0


def test_an_answer_lives_no_longer_than_its_source_allows(router):
    asked = Prices(router)
    now = age_clock()

    async def keep():
        return router.keep(asked.spec, prices(["KRW-BTC"]), ["KRW-BTC"], now, most=5)

    (held,) = asyncio.run(keep())
    assert held.until == now + 5


def test_the_younger_of_memory_and_feed_answers(router):
    asked = Prices(router, channel="ticker")
    fetch(asked.query("KRW-BTC"))
    router.feed = Feed({"KRW-BTC"}, age_clock() + 1)
    newer = asked.query("KRW-BTC").recall()
    assert (sources(newer), newer.frame["price"][0]) == ({"KRW-BTC": "feed"}, 2.0)
    router.feed = Feed({"KRW-BTC"}, age_clock() - 100)
    older = asked.query("KRW-BTC").recall()
    assert (sources(older), older.frame["price"][0]) == ({"KRW-BTC": "memory"}, 1.0)


def test_a_feed_does_not_answer_what_it_does_not_tell_or_told_too_long_ago(router):
    router.feed = Feed({"KRW-BTC"}, age_clock())
    for spec in ({}, {"channel": "ticker", "rows": 2}, {"channel": "trade"}):
        assert Prices(router, **spec).query("KRW-BTC").recall() is None
    router.feed = Feed({"KRW-BTC"}, age_clock() - 3_600_000)
    (result,) = fetch(Prices(router, channel="ticker").query("KRW-BTC"))
    assert sources(result) == {"KRW-BTC": "rest"}


def test_symbols_that_a_feed_keeps_hot_are_not_given_from_memory(router):
    asked = Prices(router, channel="ticker")
    router.feed = Feed({"KRW-BTC"}, age_clock() + 60_000)

    names = ["KRW-BTC", "KRW-ETH"]

    async def keep():
        return router.keep(asked.spec, prices(names), names, age_clock() + 1)

    asyncio.run(keep())
    hot, other = router.memory.find("prices", names, age_clock() + 1)
    assert hot is None
    assert other is not None


@pytest.mark.parametrize("known", [False, True])
def test_symbols_are_guessed_only_while_the_market_list_is_asked_for(router, known):
    guessed = []

    async def guess(wanted, priority):
        guessed.append(list(wanted))
        return await asked.load(wanted, priority)

    asked = Prices(router, guess=guess)
    if known:
        asyncio.run(router.markets.frame("normal"))
    (result,) = fetch(asked.query(["KRW-BTC", "KRW-ETH"]))
    assert sources(result) == {"KRW-BTC": "rest", "KRW-ETH": "rest"}
    assert guessed == ([] if known else [["KRW-BTC", "KRW-ETH"]])
    assert len(asked.asked) == 1


@pytest.mark.parametrize(
    ("failure", "asked_again"),
    [(Refused("one code of these", 404), True), (ServerFailed("down"), False)],
)
def test_a_refused_guess_is_asked_for_again_and_a_failed_one_is_the_answer(
    router, failure, asked_again
):
    async def guess(*_):
        raise failure

    asked = Prices(router, guess=guess)
    (result,) = fetch(asked.query("KRW-BTC"))
    assert asked.asked == ([["KRW-BTC"]] if asked_again else [])
    assert result.failures == ({} if asked_again else {"KRW-BTC": failure})
