"""Subscriptions are feeds with a name, and events the exchange's objects."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit import schema
from marketkit.compat.older.subscriptions import Subscriptions, _objects, channels

OLD = ["ticker", "trades", "orderbook", "candle_1m", "candle.5m", "ticker"]


def test_older_kinds_of_data_name_the_channels_of_today():
    assert channels(OLD) == ["ticker", "trade", "orderbook", "candle.1m", "candle.5m"]
    assert channels(None) == channels([]) == ["ticker"]


def test_nothing_is_open_at_the_start_and_an_unknown_name_has_no_feeds():
    subscriptions = Subscriptions()
    assert not any(subscriptions.stats().values())
    assert list(subscriptions.drop("sub_1")) == subscriptions.drop_all() == []


def test_names_are_never_given_twice():
    subscriptions = Subscriptions()
    first = subscriptions.add([], None)
    subscriptions.drop(first)
    assert subscriptions.add([], None) != first


@pytest.mark.parametrize(
    ("channel", "shape", "field"),
    [
        ("ticker", schema.TICKER, "trade_timestamp"),
        ("trade", schema.TRADE, "ask_bid"),
        ("orderbook", schema.ORDERBOOK, "orderbook_units"),
        ("candle.1m", schema.ROW, "candle_date_time_kst"),
    ],
)
def test_events_are_told_as_the_exchange_writes_them(channel, shape, field):
    frame = pl.DataFrame(schema=dict(shape)).clear(2).with_columns(symbol=pl.lit("KRW-BTC"))
    frame = frame.with_columns(time=pl.lit(0).cast(schema.TIME))
    told = list(_objects(channel, frame))
    assert len(told) == (1 if channel == "orderbook" else 2)  # a book has a row for each level
    assert told[0]["market"] == "KRW-BTC"
    assert field in told[0]
