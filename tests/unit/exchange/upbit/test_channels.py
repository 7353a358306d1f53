"""The table of channels: names, and all that derives from one row of it."""

from __future__ import annotations

from typing import ClassVar

import msgspec
import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.exchange.upbit import channels, frames
from marketkit.exchange.upbit.channels import SPECS, ChannelSpec
from marketkit.exchange.upbit.messages import Book
from marketkit.exchange.upbit.stream import Decoder
from marketkit.realtime.channels import channel_of
from marketkit.recording import rows
from marketkit.recording.rows import Heard
from marketkit.schema import TIME
from marketkit.timeframe import TIMEFRAMES


def test_channels_are_named_our_way_or_the_exchanges():
    assert channels.channel("ticker") == "ticker"
    assert channels.channel("candle.1h") == channels.channel("candle.60m") == "candle.60m"
    assert channels.timeframe_of("candle.240m") is TIMEFRAMES["4h"]
    assert channels.candle_channel(TIMEFRAMES["1s"]) == "candle.1s"


@pytest.mark.parametrize(
    "name", ["tickers", "ticker.1m", "ticker.", "candle.2m", "candle.1d", "candle", "", None, 7]
)
def test_an_unknown_channel_is_refused_with_those_there_are(name):
    with pytest.raises(InputError, match=r"one of ticker trade orderbook candle\.1s"):
        channels.channel(name)


def test_the_nearest_channels_are_named():
    with pytest.raises(InputError, match=r"'candle\.2m'; did you mean 'candle\."):
        channels.channel("candle.2m")
    with pytest.raises(InputError, match=r"'candle\.1w'; 'candle\.4h' is the nearest"):
        channels.channel("candle.1w")


def test_every_name_is_a_channel_with_a_message_and_a_store():
    for name in channels.channel_names():
        own = channels.channel(name)
        kind = channels.message_type(own)
        assert kind is Book or kind.channel == own  # a book names its channel by its level
        assert channel_of(own).frame([]).is_empty()


class Liquidation(msgspec.Struct, tag_field="ty", tag="liquidation", rename={"symbol": "cd"}):
    """A message that the exchange does not have."""

    channel: ClassVar[str] = "liquidation"
    symbol: str
    time: int
    sent: int
    price: float
    number: int
    stream: str = "REALTIME"


COLUMNS = {
    "symbol": pl.String(),
    "time": TIME,
    "price": pl.Float64(),
    "number": pl.Int64(),
}


@pytest.fixture
def _more(monkeypatch):
    """A table with one row more."""
    spec = ChannelSpec(Liquidation, COLUMNS, frames.to_frame(COLUMNS), keeps="events", key="number")
    monkeypatch.setitem(SPECS, "liquidation", spec)


@pytest.mark.usefixtures("_more")
def test_a_new_channel_is_one_message_and_one_row_of_the_table():
    assert channels.channel("liquidation") == "liquidation"
    raw = b'[{"ty":"liquidation","cd":"KRW-BTC","time":5,"sent":6,"price":2.5,"number":1},'
    raw += b'{"ty":"liquidation","cd":"KRW-BTC","time":7,"sent":8,"price":3.5,"number":2}]'
    said = Decoder().decode(raw)
    store = channel_of("liquidation")
    assert [store.add(each) for each in (*said, said[0])] == [True, True, False]
    assert not store.coalesces
    feed = store.frame(store.known(["KRW-BTC"]))
    assert dict(feed.schema) == COLUMNS
    assert feed["price"].to_list() == [2.5, 3.5]

    heard = [Heard(10 + at, message) for at, message in enumerate((*said, said[0]))]
    stored = rows.to_frame("liquidation", heard)
    assert dict(stored.schema) == dict(rows.stored("liquidation"))
    once = rows.distinct("liquidation", stored.lazy()).collect()
    assert once.height == rows.whole("liquidation", once) == 2
    assert list(rows.to_messages("liquidation", once)) == heard[:2]
