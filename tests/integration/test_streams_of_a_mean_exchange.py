"""Streams of an exchange as it really is: what is wrong with one market is charged to no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.net.engine import engine
from marketkit.recording import journal
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS, NOW
from tests.waiting import PATIENCE, wait

SEVERAL = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]


async def opened(provider):
    """Give the client of a provider's streams, made on the engine's loop as it is for a feed."""
    return provider.twin._streams._opened()


@pytest.fixture
def exchange() -> Iterator[Sandbox]:
    """A sandbox of this test alone, whose clock stands still."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange: Sandbox, tmp_path: Path) -> Iterator[SmartDataProvider]:
    """A provider of that exchange, which looks at the market list ten times a second."""
    with SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
    ) as one:
        one.twin._streams._roster._look = 0.1
        yield one


def later(exchange: Sandbox, provider: SmartDataProvider, seconds: float) -> None:
    """Let time pass, second by second, and have the client hear of that."""
    for _ in range(round(seconds)):
        exchange.advance(1)
    provider.get_candle("KRW-BTC", "1m", count=1, source="exchange")


def reasons(handle) -> list[str]:
    """The reasons of the interruptions of a handle."""
    return handle.interruptions["reason"].to_list()


def rest(exchange: Sandbox) -> int:
    """Count the requests for trades."""
    return exchange.stats()["groups"]["crix-trades"]["requests"]


@pytest.mark.parametrize("channel", ["ticker", "trade", "orderbook", "candle.1m"])
def test_an_odd_row_of_one_market_leaves_the_streams_of_the_others_alone(
    provider, exchange, channel
):
    with provider.watch(SEVERAL, channel) as feed:
        assert feed.wait(PATIENCE)
        exchange.set_odd("null-price", "KRW-ETH", path="stream")
        before = feed.stats.events
        wait(lambda: exchange.advance(10) or len(reasons(feed)) == 1)
        wait(lambda: exchange.advance(10) or feed.stats.events > before + 5)
        assert "KRW-ETH" in reasons(feed)[0]
        assert feed.stats.connected
        exchange.set_odd("none")
        wait(lambda: exchange.advance(10) or feed.interruptions["end"].null_count() == 0)
        assert exchange.stats()["stream"]["connections"] == 1
        assert exchange.stats()["stream"]["messages"] == 1
        assert provider.status().stream.wrong > 0


def test_the_trades_of_the_others_do_not_wait_for_those_of_an_odd_market(provider, exchange):
    with provider.watch(SEVERAL, "trade") as feed:
        assert feed.wait(PATIENCE)
        exchange.reset_stats()
        exchange.replay([b'{"ty":"trade","cd":"KRW-ETH","tp":'])
        wait(lambda: len(reasons(feed)) == 1)
        wait(lambda: exchange.advance(10) or feed.interruptions["closed"].null_count() == 0)
        assert rest(exchange) == 1
        assert feed.stats.lost == 0


@pytest.mark.parametrize("kind", ["odd-frame", "unknown-frame"])
def test_a_frame_that_names_no_market_or_is_of_an_unknown_type_interrupts_nobody(
    provider, exchange, kind, caplog
):
    with provider.watch(SEVERAL, "trade") as feed:
        assert feed.wait(PATIENCE)
        exchange.strike(kind, times=25)
        before = feed.stats.events

        def counted() -> int:
            exchange.advance(10)
            stream = provider.status().stream
            return stream.wrong + sum(stream.unknown.values())

        wait(lambda: counted() == 25)
        assert feed.stats.events > before
        assert reasons(feed) == []
        assert exchange.stats()["stream"]["connections"] == 1
    assert caplog.text.count("logged once") == 1


def test_a_stream_that_does_not_open_says_why_wherever_one_looks(provider, exchange, caplog):
    exchange.set_stream(opens=False)
    client = engine().run(opened(provider))
    usual = client.timing
    client.timing = replace(usual, opening=0.2, patience=0.5)
    with provider.watch("KRW-BTC", "ticker") as feed:
        with pytest.raises(mk.NetworkError, match="has not opened"):
            feed.wait(0.05)
        with pytest.raises(mk.NetworkError, match="timed out during opening handshake"):
            next(iter(feed))
        assert "timed out" in str(feed.failure)
        assert "timed out" in provider.status().stream.trouble
        assert "timed out" in repr(provider.status())
        assert "timed out" in reasons(feed)[0]
        client.timing = usual  # a busy machine shakes no hands in 0.2 s
        exchange.set_stream(opens=True)
        wait(lambda: feed.stats.connected)
        assert feed.wait(PATIENCE)
        assert feed.failure is None
        wait(lambda: feed.interruptions["end"].null_count() == 0)
    assert caplog.text.count("does not open") == 1


def test_a_series_whose_stream_does_not_open_goes_on_with_what_the_exchange_answers(
    provider, exchange
):
    exchange.set_stream(opens=False)
    client = engine().run(opened(provider))
    client.timing = replace(client.timing, opening=0.1, look=0.05)
    with provider.live("KRW-BTC", "1m", history="10m", settle=3, show=False) as live:
        wait(lambda: live.failure is not None)
        before = live.watermark
        wait(lambda: later(exchange, provider, 70) or live.watermark > before)


def test_a_market_that_ends_leaves_a_feed_with_a_word_and_the_others_go_on(
    provider, exchange, caplog
):
    with provider.watch(SEVERAL, "trade") as feed, provider.watch("KRW-ETH", "ticker") as alone:
        assert feed.wait(PATIENCE)
        exchange.set_market("KRW-ETH", "end")
        wait(lambda: feed.symbols == ("KRW-BTC", "KRW-XRP"))
        assert "KRW-ETH has ended" in reasons(feed)[-1]
        assert set(feed.frame["symbol"]) == {"KRW-BTC", "KRW-XRP"}
        before = feed.stats.events
        wait(lambda: exchange.advance(10) or feed.stats.events > before)
        wait(lambda: alone.failure is not None)
        assert isinstance(alone.failure, mk.UnknownSymbol)
        with pytest.raises(mk.UnknownSymbol, match="KRW-ETH"):
            for _ in alone:
                pass
    assert caplog.text.count("KRW-ETH has ended") == 1


@pytest.mark.parametrize(("taken", "new_listings"), [(True, None), (False, False)])
def test_a_glob_takes_new_markets_in_unless_it_shall_not(provider, exchange, taken, new_listings):
    with (
        provider.watch("KRW-*", "ticker", new_listings=new_listings) as feed,
        provider.watch(SEVERAL, "ticker") as few,
    ):
        exchange.set_market("KRW-NEW", "list")
        other = provider.watch("KRW-*", "trade")
        wait(lambda: "KRW-NEW" in other.symbols)
        assert ("KRW-NEW" in feed.symbols) is taken
        assert few.symbols == tuple(SEVERAL)
        if taken:
            wait(lambda: exchange.advance(60) or "KRW-NEW" in set(feed.frame["symbol"]))
        other.close()


def test_a_series_keeps_all_of_a_market_that_ends_and_takes_in_a_new_one(provider, exchange):
    with provider.live("KRW-[BE]T[CH]", "1m", history="10m", show=False) as live:
        assert live.symbols == ("KRW-BTC", "KRW-ETC", "KRW-ETH")
        later(exchange, provider, 130)
        wait(lambda: live.watermark.timestamp() * 1000 > exchange.now() - 130_000)
        exchange.set_market("KRW-ETH", "end")
        ended = exchange.now()
        exchange.set_market("KRW-BTH", "list")
        wait(lambda: live.symbols == ("KRW-BTC", "KRW-BTH", "KRW-ETC"))
        assert any("KRW-ETH has ended" in each for each in reasons(live))
        later(exchange, provider, 200)
        wait(lambda: later(exchange, provider, 30) or live.watermark.timestamp() * 1000 > ended)
        wait(lambda: set(live.frame["symbol"]) == {*live.symbols})
    lake = provider.lake()
    covered = lake.covered("KRW-ETH", "1m")
    known = lake.select(["KRW-ETH"], "1m").read(covered.hull).drop("symbol")
    expected = exchange.candles("KRW-ETH", "1m", covered.hull.start, ended + 60_000)
    assert known.with_columns(pl.col("time").dt.epoch("ms")).rows() == expected.rows()


def test_a_recording_says_who_left_and_who_joined(provider, exchange, tmp_path):
    folder = tmp_path / "tape"
    with provider.record("KRW-[BE]T[CH]", "trade", to=folder) as recording:
        exchange.set_market("KRW-ETH", "end")
        exchange.set_market("KRW-BTH", "list")
        wait(lambda: recording.symbols == ("KRW-BTC", "KRW-BTH", "KRW-ETC"))
        before = recording.counts["trade"]
        wait(lambda: exchange.advance(60) or recording.counts["trade"] > before + 20)
        assert any("KRW-ETH has ended" in each for each in reasons(recording))
    told = {note.what: note.streams for note in journal.read(folder)}
    assert told["left"] == {"trade": ["KRW-ETH"]}
    assert told["joined"] == {"trade": ["KRW-BTH"]}
    assert "KRW-BTH" in set(mk.read_recording(folder, "trade")["symbol"])
    with provider.watch("KRW-BTH", "trade", replay=folder, speed=0) as again:
        assert next(iter(again))["symbol"].unique().to_list() == ["KRW-BTH"]


def test_a_closed_candle_of_a_quiet_market_waits_as_long_as_the_caller_says(provider, exchange):
    exchange.set_stream("KRW-ETH", silent=True)
    with provider.live(["KRW-BTC", "KRW-ETH"], "1m", history="5m", settle=5, show=False) as live:
        later(exchange, provider, 30)  # the next minute has begun
        before = live.watermark
        later(exchange, provider, 60 + 6)
        wait(lambda: live.watermark > before)
        said = live.frame.filter(state="closed", symbol="KRW-ETH")
        start, end = said["time"].dt.epoch("ms")[0], int(live.watermark.timestamp() * 1000)
        expected = exchange.candles("KRW-ETH", "1m", start, end)
        assert said["time"].dt.epoch("ms").to_list() == expected["time"].to_list()
        assert said["close"].to_list() == expected["close"].to_list()


def test_the_last_candle_of_a_feed_is_closed_by_time(provider, exchange):
    with provider.watch("KRW-ETH", "candle.1m", settle=5) as feed:
        assert feed.wait(PATIENCE)
        reader = iter(feed)
        wait(lambda: exchange.advance(1) or feed.stats.events > 1)
        exchange.set_stream("KRW-ETH", silent=True)
        newest = feed.frame["time"].max()
        assert feed.frame["state"].to_list()[-1] == "forming"
        later(exchange, provider, 70)
        closed = next(frame for frame in reader if "closed" in frame.filter(time=newest)["state"])
        assert closed["symbol"].to_list() == ["KRW-ETH"] * closed.height
        assert feed.frame["state"].to_list()[-1] == "closed"


def test_books_are_asked_for_as_deep_as_somebody_wants_them(provider, exchange):
    def asked() -> list[dict]:
        (open_,) = [each for each in exchange.connections() if each["ended"] is None]
        return [part for part in open_["subscriptions"] if part["type"] == "orderbook"]

    with provider.watch("KRW-BTC", "orderbook", depth=3) as feed:
        assert feed.wait(PATIENCE)
        assert [each["codes"] for each in asked()] == [["KRW-BTC.5"]]
        assert feed.frame["depth"].to_list() == [1, 2, 3]
        with provider.watch("KRW-BTC", "orderbook") as whole:
            wait(lambda: asked()[0]["codes"] == ["KRW-BTC"])
            wait(lambda: whole.frame.height == 30)
            assert feed.frame.equals(whole.frame.head(3))


def test_books_of_another_level_are_a_stream_of_their_own(provider, exchange):
    with (
        provider.watch("KRW-BTC", "orderbook", level=10_000) as coarse,
        provider.watch("KRW-BTC", "orderbook") as fine,
    ):
        assert coarse.wait(PATIENCE)
        assert fine.wait(PATIENCE)
        assert coarse.frame["level"].unique().to_list() == [10_000]
        assert fine.frame["level"].unique().to_list() == [0]
        told = provider.get_orderbook("KRW-BTC", level=10_000, depth=30)
        assert coarse.frame.drop("time").equals(told.drop("time"))


@pytest.mark.parametrize(
    ("symbols", "channel", "options", "words"),
    [
        ("KRW-BTC", "orderbook", {"level": 7}, "level=7: the levels of KRW-BTC are 0, "),
        ("BTC-ETH", "orderbook", {"level": 10_000}, "the levels of BTC-ETH are 0"),
        ("KRW-BTC", "orderbook", {"depth": 31}, "1 to 30 levels"),
        ("KRW-BTC", "orderbook", {"depth": 0}, "1 to 30 levels"),
        ("KRW-BTC", "orderbook", {"level": -1}, "level=-1"),
        ("KRW-BTC", "trade", {"depth": 5}, "for the channel 'orderbook', not 'trade'"),
        ("KRW-BTC", "orderbook", {"settle": 5}, "settle is for candles"),
        ("KRW-BTC", "candle.1m", {"settle": 1}, "3 or more"),
    ],
)
def test_what_no_stream_has_is_refused_with_what_there_is(
    provider, exchange, symbols, channel, options, words
):
    with pytest.raises(mk.InputError, match=words):
        provider.watch(symbols, channel, **options)
    assert exchange.stats()["stream"]["connections"] == 0
