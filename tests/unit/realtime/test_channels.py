"""How much of what a channel was told is whole: what may be answered from it, and what not."""

from __future__ import annotations

import sys

import msgspec
import pytest

from marketkit.exchange.upbit.messages import Book, Candle, Ticker, Trade, Unit
from marketkit.realtime.channels import EVENTS_KEPT, channel_of
from marketkit.timeframe import DAY, MINUTE

BTC = "KRW-BTC"
NOW = 20_000 * DAY + 5 * MINUTE


def trade(number: int, stream: str = "REALTIME") -> Trade:
    return Trade(BTC, NOW + number, NOW + number, 1.0, 1.0, "BID", 1.0, "RISE", 0.5, number, stream)


def candle(slot: int, stream: str = "REALTIME") -> Candle:
    opened = f"2024-10-04T00:{slot:02d}:00"
    return Candle(BTC, opened, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, NOW + slot, stream)


def told(channel, *messages):
    for message in messages:
        channel.add(message)
    return channel


def ids(channel, rows: int) -> list[int]:
    return channel.newest([BTC], rows)["sequential_id"].to_list()


def test_trades_are_whole_from_the_snapshot_on():
    trades = told(channel_of("trade"), trade(1, "SNAPSHOT"), trade(2), trade(3))
    assert trades.whole(BTC, NOW) == 3
    assert trades.whole("KRW-ETH", NOW) == 0
    assert ids(trades, 2) == [2, 3]


def test_a_trade_that_comes_twice_is_counted_once():
    assert told(channel_of("trade"), trade(1, "SNAPSHOT"), trade(2), trade(2)).whole(BTC, NOW) == 2


def test_a_snapshot_of_an_unknown_trade_begins_anew_for_others_may_be_missing():
    trades = told(channel_of("trade"), trade(1, "SNAPSHOT"), trade(2), trade(5, "SNAPSHOT"))
    assert trades.whole(BTC, NOW) == 1
    assert ids(trades, 1) == [5]


def test_a_snapshot_of_a_known_trade_breaks_nothing():
    trades = told(
        channel_of("trade"), trade(1, "SNAPSHOT"), trade(2), trade(2, "SNAPSHOT"), trade(3)
    )
    assert trades.whole(BTC, NOW) == 3


def test_after_an_interruption_a_known_snapshot_is_the_last_trade_and_a_repetition_is_not():
    trades = told(channel_of("trade"), trade(1, "SNAPSHOT"), trade(2))
    trades.interrupted()
    assert told(trades, trade(1)).whole(BTC, NOW) == 0
    assert told(trades, trade(2, "SNAPSHOT")).whole(BTC, NOW) == 1
    assert ids(trades, 1) == [2]


def test_a_snapshot_that_is_overtaken_by_a_trade_does_not_stand_for_the_last():
    trades = told(channel_of("trade"), trade(3), trade(2, "SNAPSHOT"), trade(4))
    assert trades.whole(BTC, NOW) == 2
    assert ids(trades, 2) == [3, 4]


def test_no_more_trades_are_whole_than_are_kept():
    trades = told(channel_of("trade"), *map(trade, range(EVENTS_KEPT + 20)))
    assert trades.whole(BTC, NOW) == EVENTS_KEPT
    assert len(ids(trades, EVENTS_KEPT)) == EVENTS_KEPT


def test_candles_are_whole_from_the_snapshot_on_and_not_across_an_interruption():
    candles = told(channel_of("candle.1m"), candle(1, "SNAPSHOT"), candle(2), candle(3))
    assert candles.whole(BTC, NOW) == 3
    candles.interrupted()
    assert told(candles, candle(4)).whole(BTC, NOW) == 0
    assert told(candles, candle(5, "SNAPSHOT"), candle(6)).whole(BTC, NOW) == 2
    assert candles.newest([BTC], 2)["state"].to_list() == ["closed", "forming"]


@pytest.mark.parametrize(
    ("age", "now", "rows"),
    [(0, NOW, 1), (MINUTE - 1, NOW, 1), (MINUTE, NOW, 0), (10, NOW // DAY * DAY + 5, 0)],
)
def test_a_ticker_is_whole_for_a_minute_of_its_own_day(age, now, rows):
    assert told(channel_of("ticker"), Ticker(BTC, now - age, 1.0)).whole(BTC, now) == rows


def test_a_book_is_whole_to_its_depth_however_old_until_an_interruption():
    units = [Unit(2.0, 1.0, 0.5, 0.25)] * 30
    books = told(channel_of("orderbook"), Book(BTC, NOW - DAY, 1.0, 1.0, units))
    assert books.whole(BTC, NOW) == 30
    assert books.newest([BTC], 15)["depth"].to_list() == list(range(1, 16))
    books.interrupted()
    assert books.whole(BTC, NOW) == 0
    assert told(books, Book(BTC, NOW - DAY, 1.0, 1.0, units)).whole(BTC, NOW) == 30


@pytest.mark.parametrize(
    ("channel", "message"),
    [(channel_of("trade"), trade(1, "SNAPSHOT")), (channel_of("candle.1m"), candle(1, "SNAPSHOT"))],
)
def test_what_is_forgotten_is_not_whole(channel, message):
    told(channel, message).forget(BTC)
    assert channel.whole(BTC, NOW) == 0


def test_what_harms_one_symbol_leaves_the_others_whole():
    other = Book("KRW-ETH", NOW, 1.0, 1.0, [Unit(2.0, 1.0, 0.5, 0.25)])
    books = told(channel_of("orderbook"), Book(BTC, NOW, 1.0, 1.0, other.units), other)
    trades = told(channel_of("trade"), trade(1, "SNAPSHOT"))
    candles = told(channel_of("candle.1m"), candle(1, "SNAPSHOT"))
    for channel in (books, trades, candles):
        channel.interrupted(BTC)
        channel.interrupted("KRW-XRP")
        assert channel.whole(BTC, NOW) == 0
    assert books.whole("KRW-ETH", NOW) == 1
    assert candles.fresh(BTC) is None


@pytest.mark.parametrize("early", [5_001, 60_000, DAY])
def test_a_ticker_of_the_future_does_not_hold_up_those_after_it(early):
    tickers = channel_of("ticker", lambda: NOW)
    assert tickers.add(Ticker(BTC, NOW + early, 9.0))
    assert tickers.add(Ticker(BTC, NOW, 1.0))
    assert not tickers.add(Ticker(BTC, NOW - 1, 2.0))
    assert [each.price for each in tickers.known([BTC])] == [1.0]


def test_a_ticker_that_a_later_one_overtook_is_no_news_however_long_ago_it_was():
    tickers = channel_of("ticker", lambda: NOW)
    assert tickers.add(Ticker(BTC, NOW + 5_000, 9.0))
    assert not tickers.add(Ticker(BTC, NOW - DAY, 1.0))


def test_no_message_of_before_an_interruption_is_kept_once_a_newer_one_has_come():
    books = channel_of("orderbook")
    before = Book(BTC, NOW, 1.0, 1.0, [Unit(2.0, 1.0, 1.0, 1.0)])
    ours = sys.getrefcount(before)
    books.add(before)
    books.interrupted()
    assert books.fresh(BTC) is None
    books.add(msgspec.structs.replace(before, time=NOW + 1))
    assert books.fresh(BTC) is not None
    assert sys.getrefcount(before) == ours
