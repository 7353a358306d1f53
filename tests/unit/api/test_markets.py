"""The market list: kept, shared, asked for again in time; and the calls that it answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import polars as pl
import pytest

from marketkit.api import markets as module
from marketkit.api.markets import MarketList
from marketkit.clock import age_clock
from marketkit.errors import InputError, NotCovered, Offline, UnknownSymbol
from marketkit.timeframe import DAY, iso
from tests.unit.api.conftest import LISTED, market_list


def run(call):
    """Await a call, and the disk after it."""

    async def main():
        return await call

    return asyncio.run(main())


@pytest.fixture
def clock(monkeypatch):
    """The clock of ages, set by hand, as the list reads it."""
    clock = SimpleNamespace(now=age_clock())
    monkeypatch.setattr(module, "age_clock", lambda: clock.now)
    return clock


def test_the_list_of_another_process_is_taken_over(markets):
    assert markets.known() == frozenset()
    assert run(markets.frame("normal"))["symbol"].to_list() == sorted(LISTED)
    assert markets.known() == frozenset(LISTED)
    assert markets.made <= age_clock()


def test_a_market_has_one_text_in_all_lists_of_a_process(transport, store, markets):
    run(markets.frame("normal"))
    other = MarketList(transport, store, markets.universe)
    names, _ = run(other.resolve("*", "normal"))
    first = {name: name for name in markets.known()}
    assert len(names) == len(LISTED)
    assert all(name is first[name] for name in names)
    assert all(name is first[name] for name in run(other.chronicle()).last)


def test_a_list_is_known_for_an_hour(markets, clock):
    run(markets.frame("normal"))
    clock.now = markets.made + 3_600_000
    assert markets.known() == frozenset(LISTED)
    clock.now += 1
    assert markets.known() == frozenset()


def test_an_old_list_tells_which_markets_are_supposed_to_be_there(transport, markets, clock):
    assert run(markets.supposed(["KRW-E*", "KRW-BTC"])) == ["KRW-BTC", "KRW-ETH"]
    run(markets.frame("normal"))
    clock.now = markets.made + 3_600_001
    assert markets.known() == frozenset()
    assert run(markets.supposed(["KRW-*"])) == [name for name in LISTED if name[:3] == "KRW"]
    assert run(markets.supposed(["KRW-*", "KRW-NEW"])) == []
    nothing = MarketList(transport, None, markets.universe)
    assert run(nothing.supposed(["KRW-*"])) == []


def test_without_a_list_nothing_can_be_resolved_offline(transport, markets):
    with pytest.raises(Offline):
        run(MarketList(transport, None, markets.universe).frame("normal"))


def test_globs_and_spellings_are_resolved_and_unknown_ones_have_hints(markets):
    names, unknown = run(markets.resolve(["KRW-E*", "BTC/KRW", "KRW-BCT", "USDT-*"], "normal"))
    assert names == ["KRW-BTC", "KRW-ETH"]
    assert set(unknown) == {"KRW-BCT", "USDT-*"}
    assert all(isinstance(error, UnknownSymbol) for error in unknown.values())
    assert "KRW-BTC" in str(unknown["KRW-BCT"])


def test_of_many_unknown_symbols_only_some_are_worth_a_hint(markets):
    wrong = [f"KRW-BT{number}" for number in range(30)]
    _, unknown = run(markets.resolve(wrong, "normal"))
    assert sum("KRW-BTC" in str(error) for error in unknown.values()) == 20


def test_a_new_market_is_found_in_a_list_that_is_asked_for_again(provider, exchange, monkeypatch):
    monkeypatch.setattr(module, "_RETRY", -1)  # every list is old enough to be asked for again
    provider.get_market()
    exchange.bodies["/market/all"] = market_list((*LISTED, "KRW-NEW"))
    with pytest.raises(UnknownSymbol):
        provider.get_candle("KRW-NOT", "1m")
    assert exchange.paths().count("/market/all") == 2
    assert "KRW-NEW" in provider.get_market()["symbol"].to_list()


def test_a_list_is_given_by_quote(provider):
    assert provider.get_market("krw")["symbol"].to_list() == ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
    assert provider.get_market("BTC", frame="pandas").index.tolist() == ["BTC-ETH"]
    with pytest.raises(InputError, match="one of BTC KRW"):
        provider.get_market("EUR")


def test_the_source_of_a_list_is_told(provider):
    told = provider.with_response
    assert set(told.get_market().source.values()) == {"rest"}
    assert set(told.get_market().source.values()) == {"memory"}
    today = iso(provider.twin._transport.now())
    assert set(told.get_market(as_of=today).source.values()) == {"lake"}


def test_the_list_of_a_day_that_was_not_kept_is_the_one_before_it(provider):
    provider.get_market()
    now = provider.twin._transport.now()
    with pytest.warns(UserWarning, match="2 days before"):
        found = provider.get_market(as_of=iso(now + 2 * DAY))
    assert found["symbol"].to_list() == sorted(LISTED)
    with pytest.raises(NotCovered):
        provider.get_market(as_of=iso(now - 2 * DAY))


def test_markets_that_are_gone_are_added_with_their_days(provider, exchange):
    provider.get_market()
    universe, day = provider.twin._markets.universe, provider.twin._markets.day
    before = pl.concat([provider.get_market(), provider.get_market().tail(1)])
    before = before.with_columns(symbol=pl.Series([*sorted(LISTED), "KRW-OLD"]))
    universe.keep(before, provider.twin._transport.now() - 2 * DAY, make=True)
    found = provider.get_market(delisted=True)
    rows = {row["symbol"]: row for row in found.to_dicts()}
    assert found["symbol"].is_sorted()
    assert rows["KRW-OLD"]["last_seen"] == rows["KRW-BTC"]["listed_from"]
    assert rows["KRW-BTC"]["last_seen"] == day


def test_an_unknown_symbol_that_was_listed_says_when(provider, exchange):
    provider.get_market()
    universe, now = provider.twin._markets.universe, provider.twin._transport.now()
    gone = provider.get_market().tail(1).with_columns(symbol=pl.lit("KRW-OLD"))
    universe.keep(gone, now - 2 * DAY, make=True)
    day = iso(now - 2 * DAY)[:10]
    for call in (provider.get_ticker, provider.get_orderbook, provider.get_trade):
        with pytest.raises(UnknownSymbol, match=f"KRW-OLD.*last on {day}") as raised:
            call("KRW-OLD")
        assert str(raised.value.last_listed) == day
