"""A feed of trades tells each trade once and in order, whatever happens to its connection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.realtime import trade_recovery as missed
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, NOW
from tests.waiting import PATIENCE, wait


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A sandbox of its own: the session of another test has been in this one's future."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


SYMBOLS = ["KRW-BTC", "KRW-ETH", "BTC-ETH"]


class Follower:
    """A feed of trades, and all that it told."""

    def __init__(self, provider, exchange, symbols=SYMBOLS):
        self.exchange, self.symbols = exchange, symbols
        self.frames: list[pl.DataFrame] = []
        self.feed = provider.watch(symbols, "trade")
        self.feed.on(self.frames.append)
        assert self.feed.wait(PATIENCE)
        self.since = exchange.now()

    def told(self, symbol):
        """The trades since the feed began."""
        own = pl.concat(self.frames).filter(pl.col("symbol") == symbol) if self.frames else None
        return None if own is None else own.filter(pl.col("time").dt.epoch("ms") > self.since)

    def caught_up(self, truth):
        """Whether the newest trade of each symbol was told."""
        return all(
            own.is_empty()
            or (
                (told := self.told(symbol)) is not None
                and own["sequential_id"][-1] in told["sequential_id"].to_list()
            )
            for symbol, own in truth.items()
        )


def truth(provider, follower):
    """The exchange's own trades since the feed began."""
    start = datetime.fromtimestamp((follower.since + 1) / 1000, UTC)
    return {each: provider.get_trade(each, start=start) for each in follower.symbols}


def check(provider, follower):
    """Hold what was told against the exchange's history."""
    known = truth(provider, follower)
    wait(lambda: follower.caught_up(known))
    for symbol, own in known.items():
        if own.height:
            assert follower.told(symbol).equals(own), symbol
    return sum(own.height for own in known.values())


def test_every_trade_of_an_interruption_comes_once_and_in_order(provider, exchange):
    follower = Follower(provider, exchange)
    exchange.advance(60)
    exchange.strike("drop")
    exchange.advance(7200)
    wait(lambda: follower.feed.stats.connected and exchange.stats()["faults"]["drop"] == 1)
    exchange.advance(60)
    assert check(provider, follower) > 300
    wait(lambda: follower.feed.interruptions["how"].to_list() == ["rest"])
    (known,) = follower.feed.interruptions.rows(named=True)
    assert known["start"] <= known["end"] <= known["closed"]
    assert known["failure"] is None
    newest = provider.get_trade("KRW-BTC", count=50)
    frame = follower.feed.frame.filter(pl.col("symbol") == "KRW-BTC")
    assert frame.tail(50).equals(newest)


@pytest.mark.slow
def test_trades_survive_drops_silences_and_repetitions_while_the_clock_runs(provider, exchange):
    follower = Follower(provider, exchange)
    exchange.set_faults({"duplicate-frame": 0.05, "drop": 0.03})
    exchange.set_clock(speed=120)
    wait(lambda: exchange.stats()["faults"]["drop"] >= 2)
    exchange.set_faults({})
    exchange.set_clock(speed=0)
    wait(lambda: follower.feed.stats.connected)
    exchange.advance(120)
    check(provider, follower)
    wait(lambda: not follower.feed.interruptions["how"].null_count())
    assert follower.feed.interruptions.height >= 2


def test_two_feeds_of_one_symbol_are_both_mended(provider, exchange):
    one, other = (Follower(provider, exchange, ["KRW-BTC"]) for _ in range(2))
    exchange.strike("drop")
    exchange.advance(600)
    assert check(provider, one) == check(provider, other) > 10


def test_an_interruption_without_a_trade_costs_no_request(provider, exchange):
    follower = Follower(provider, exchange, ["KRW-BTC"])
    book = provider.watch("KRW-ETH", "ticker")
    assert book.wait(PATIENCE)
    exchange.reset_stats()
    client = provider.twin._streams._client
    client._connection._socket.transport.abort()
    wait(lambda: follower.feed.interruptions["how"].to_list() == ["stream"])
    assert exchange.stats()["groups"]["crix-trades"]["requests"] == 0
    exchange.advance(120)
    check(provider, follower)


@pytest.mark.slow
def test_trades_that_cannot_be_fetched_are_said_and_do_not_keep_later_ones(provider, exchange):
    follower = Follower(provider, exchange, ["KRW-BTC"])
    exchange.strike("drop")
    exchange.set_faults({"badjson": 1.0})
    exchange.advance(600)
    wait(lambda: follower.feed.interruptions["failure"].count() > 0)
    exchange.set_faults({})
    (known,) = follower.feed.interruptions.rows(named=True)
    assert "KRW-BTC" in known["failure"]
    assert known["how"] is known["closed"] is None
    exchange.advance(60)
    known = truth(provider, follower)
    wait(lambda: follower.caught_up(known))
    told = follower.told("KRW-BTC")
    assert 0 < told.height < known["KRW-BTC"].height
    assert told.equals(known["KRW-BTC"].tail(told.height))


def test_an_interruption_over_midnight_is_mended_on_both_days(provider, exchange):
    exchange.set_clock(now="2026-11-20T23:58:00Z")
    provider.get_candle("KRW-BTC", "1m", count=1, source="exchange")  # tells the exchange's time
    follower = Follower(provider, exchange)
    exchange.strike("drop")
    exchange.advance(300)
    assert check(provider, follower) > 30
    days = follower.told("KRW-BTC")["time"].dt.date().unique()
    assert len(days) == 2


def test_what_is_out_of_reach_is_said_and_the_rest_is_given(provider, exchange, monkeypatch):
    monkeypatch.setattr(missed, "MOST", 20)
    follower = Follower(provider, exchange, ["KRW-BTC"])
    exchange.strike("drop")
    exchange.advance(1800)
    wait(lambda: follower.feed.interruptions["failure"].count() > 0)
    assert "more were missed" in follower.feed.interruptions["failure"][0]
    known = truth(provider, follower)["KRW-BTC"]
    wait(lambda: follower.caught_up({"KRW-BTC": known}))
    assert known.height > 20
    assert follower.told("KRW-BTC").equals(known.tail(20))
