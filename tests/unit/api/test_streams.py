"""What a provider's streams answer without a connection, and what is refused at once."""

from __future__ import annotations

import asyncio
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from marketkit.api.query import CallOptions
from marketkit.api.stream_options import StreamOptions
from marketkit.api.streams import Streams
from marketkit.errors import UnknownSymbol
from marketkit.exchange.upbit.messages import Ticker, Trade
from marketkit.net.engine import engine
from marketkit.realtime.handle import StreamHandle
from marketkit.realtime.subscriptions import Stream
from marketkit.schema import TRADE
from marketkit.timeframe import MINUTE
from tests.unit.api.live.conftest import BTC, at, candle
from tests.unit.realtime.conftest import Heard, Told, tickers


@pytest.fixture
def streams() -> Streams:
    """Streams of a provider that has opened none."""
    transport: Any = SimpleNamespace(round_trip=0.2)
    filler: Any = SimpleNamespace(transport=transport)
    markets: Any = None
    return Streams(filler, markets)


class Known(Told):
    """A client that knows what a test told it."""

    reader = SimpleNamespace(heard_ns=5_000_000_000)

    def hot(self, name: str, symbols: Any, rows: int) -> set[str]:
        """Give the symbols that are known whole."""
        return {each for each in symbols if self.channel(name).whole(each, self.now) >= rows}

    async def end_unused(self) -> None:
        """Do nothing."""


def test_before_a_stream_is_open_nothing_is_hot(streams):
    assert streams.hot("ticker", [BTC], 1) is None
    assert streams.newest("ticker", [BTC], 1).is_empty()


def test_an_open_stream_answers_as_of_the_newest_message_less_its_way_here(streams):
    client: Any = Known(at(0))
    streams._client = client
    client.subscribe(Heard(), tickers(BTC))
    client.say(Ticker(BTC, at(0), 2.0))
    symbols, made = streams.hot("ticker", [BTC, "KRW-ETH"], 1)
    assert symbols == {BTC}
    assert made == 5_000 - 100
    assert streams.newest("ticker", [BTC], 1)["price"].to_list() == [2.0]
    assert streams.hot("weather", [BTC], 1) is None


def test_for_rest_a_candle_ends_with_its_time_and_not_with_the_next_trade(streams):
    client: Any = Known(at(5.5))
    streams._client = client
    client.subscribe(Heard(), [Stream("candle.1m", BTC)])
    client.say(candle(5, kind="SNAPSHOT"))
    assert streams.newest("candle.1m", [BTC], 1)["state"].to_list() == ["forming"]
    client.now += MINUTE
    assert streams.newest("candle.1m", [BTC], 1)["state"].to_list() == ["closed"]


def trade(number: int) -> Trade:
    return Trade(BTC, at(number), at(number), 1.0, 1.0, "BID", 1.0, "EVEN", 0.0, number, "REALTIME")


def test_of_trades_those_are_given_among_which_none_is_missing(streams):
    assert streams.whole("trade", BTC) is None
    client: Any = Known(at(0))
    streams._client = client
    client.subscribe(Heard(), [Stream("trade", BTC)])
    assert streams.whole("trade", BTC) is None
    client.say(trade(1))
    client.channel("trade").interrupted()
    assert streams.whole("trade", BTC) is None
    for number in (3, 4):
        client.say(trade(number))
    rows, made = streams.whole("trade", BTC)
    assert rows["sequential_id"].to_list() == [3, 4]
    assert dict(rows.schema) == dict(TRADE)
    assert made == 5_000 - 100


class Work:
    """Work that ends, or fails to."""

    interruptions = ()

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.done = False

    async def close(self) -> None:
        """End it."""
        self.done = True
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure


def test_closing_lets_go_of_all_and_then_raises_what_failed(streams):
    works = [Work(), Work(OSError("the disk is full")), Work()]
    handles = [StreamHandle(each) for each in works]
    streams._handles.update(handles)
    client: Any = Known(at(0))
    streams._client = client
    with pytest.raises(OSError, match="full"):
        engine().run(streams.close())
    assert all(each.done for each in works)
    assert streams._client is None
    engine().run(streams.close())


def test_an_ended_market_is_left_out_with_a_warning_unless_there_is_no_other():
    ended = UnknownSymbol("KRW-OLD", last_listed=date(2026, 1, 1))
    found: list[Any] = []

    async def resolve(given: Any, _: str) -> Any:
        return found[0]

    async def ask_time() -> None:
        return

    transport: Any = SimpleNamespace(ask_time=ask_time)
    some = Streams(SimpleNamespace(transport=transport), SimpleNamespace(resolve=resolve))  # type: ignore[arg-type]

    def meant() -> list[str]:
        return asyncio.run(some._resolve([BTC, "KRW-OLD"], CallOptions(), StreamOptions()))[0]

    found[:] = [([BTC], {"KRW-OLD": ended})]
    with pytest.warns(UserWarning, match=r"last on 2026-01-01.*opened without"):
        assert meant() == [BTC]
    for names, unknown in (([], ended), ([BTC], UnknownSymbol("KRW-OLD"))):
        found[:] = [(names, {"KRW-OLD": unknown})]
        with pytest.raises(UnknownSymbol):
            meant()
