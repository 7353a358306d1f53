"""Forming candles: from a stream of candles, and from single trades."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from marketkit.exchange.upbit.messages import Candle, candle_of
from marketkit.realtime.candles import KEPT, CandleBook, TradeCandles
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, iso

ONE_MINUTE = TIMEFRAMES["1m"]
START = 1_800_000_000_000 // DAY * DAY


def candle(minute: int, close: float = 2.0, sent: int = 0, symbol: str = "KRW-BTC") -> Candle:
    opened = iso(START + minute * MINUTE).removesuffix("Z")
    sent = START + minute * MINUTE + sent
    return Candle(symbol, opened, 2.0, 9.0, 1.0, close, close, 1.0, sent)


def test_the_same_slot_replaces_and_a_later_one_begins():
    book = CandleBook()
    assert book.add(candle(0, 2.0, sent=1)) == "new"
    assert book.add(candle(0, 3.0, sent=2)) == "changed"
    assert book.add(candle(1)) == "new"
    assert [each.close for each in book.of("KRW-BTC")] == [3.0, 2.0]


def test_a_repetition_and_a_message_that_was_overtaken_change_nothing():
    book = CandleBook()
    book.add(candle(0, 3.0, sent=5))
    assert book.add(candle(0, 3.0, sent=5)) == "none"
    assert book.add(candle(0, 2.0, sent=4)) == "none"
    assert book.of("KRW-BTC")[0].close == 3.0


def test_a_candle_that_says_to_be_of_later_holds_up_none_of_its_slot():
    book = CandleBook(lambda: START + 1_000)
    book.add(candle(0, 3.0, sent=50_000))
    assert book.add(candle(0, 2.0, sent=1_100)) == "changed"
    assert book.add(candle(0, 4.0, sent=1_000)) == "none"
    assert book.of("KRW-BTC")[0].close == 2.0


def test_a_candle_sent_again_after_the_next_one_began_is_late_and_counts():
    book = CandleBook()
    book.add(candle(0, 2.0, sent=1))
    book.add(candle(1))
    assert book.add(candle(0, 4.0, sent=50)) == "late"
    assert [each.close for each in book.of("KRW-BTC")] == [4.0, 2.0]
    assert book.newest("KRW-BTC") == START + MINUTE


def test_the_newest_fifty_of_each_symbol_are_kept():
    book = CandleBook()
    for minute in range(KEPT + 10):
        book.add(candle(minute))
        book.add(candle(minute, symbol="KRW-ETH"))
    assert [each.time for each in book.of("KRW-ETH")] == [
        START + minute * MINUTE for minute in range(10, KEPT + 10)
    ]
    assert book.add(candle(3)) == "none"
    book.forget("KRW-BTC")
    assert book.of("KRW-BTC") == []


CANDLES = st.builds(
    candle,
    st.integers(0, 9),
    st.sampled_from([2.0, 3.0]),
    st.integers(0, 3),
    st.sampled_from(["KRW-BTC", "KRW-ETH"]),
)


@given(st.lists(CANDLES, max_size=40), st.integers(1, 4))
def test_of_each_slot_the_candle_sent_last_is_kept_as_it_came(told, kept):
    book, truth = CandleBook(kept=kept), {"KRW-BTC": {}, "KRW-ETH": {}}
    for each in told:
        own = truth[each.symbol]
        known = own.get(each.time)
        too_old = known is None and len(own) == kept and each.time < min(own)
        news = not too_old and (
            known is None or (each.sent >= known.sent and each.close != known.close)
        )
        assert (book.add(each) != "none") == news
        if news:
            own[each.time] = each
            if len(own) > kept:
                del own[min(own)]
        for symbol, own in truth.items():
            found = [own[time] for time in sorted(own)]
            assert book.of(symbol) == found
            assert book.of(symbol, 2) == found[-2:]
            assert book.count(symbol, START + 5 * MINUTE) == sum(
                each.time >= START + 5 * MINUTE for each in found
            )
            assert book.newest(symbol) == max(own, default=None)


def test_the_candles_before_the_newest_are_kept_as_bytes_and_come_back_of_their_kind():
    book, kind = CandleBook(), candle_of("candle.1m")
    told = [kind(*msgspec.structs.astuple(candle(minute))) for minute in range(KEPT)]
    told[0].stream = "SNAPSHOT"
    for each in told:
        book.add(each)
    assert book.of("KRW-BTC") == told
    assert {type(each) for each in book.of("KRW-BTC")} == {kind}
    assert {type(each) for each in book._past["KRW-BTC"].values()} == {bytes}


def test_trades_make_candles_of_any_width():
    for timeframe in TIMEFRAMES.values():
        candles = TradeCandles(timeframe)
        for number, price in enumerate((5.0, 7.0, 4.0, 6.0)):
            bar = candles.add("KRW-BTC", START + number, price, 0.5, number)
        assert (bar.open, bar.high, bar.low, bar.close) == (5.0, 7.0, 4.0, 6.0)
        assert (bar.time, bar.volume, bar.value) == (timeframe.floor(START), 2.0, 11.0)


TRADES = [
    (number, START + 20_000 * number, price, 0.25)
    for number, price in enumerate((3.0, 8.0, 2.0, 5.0, 4.0, 9.0, 1.0, 6.0, 7.0, 2.5, 3.5, 4.5))
]


@given(st.permutations([*TRADES, *TRADES]))
def test_trades_in_any_order_and_repeated_make_the_same_candles(trades):
    candles, sorted_ = TradeCandles(ONE_MINUTE), TradeCandles(ONE_MINUTE)
    for number, time, price, volume in trades:
        candles.add("KRW-BTC", time, price, volume, number)
    for number, time, price, volume in TRADES:
        sorted_.add("KRW-BTC", time, price, volume, number)
    assert candles.of("KRW-BTC") == sorted_.of("KRW-BTC")


def test_a_trade_older_than_all_that_is_kept_is_passed_over():
    candles = TradeCandles(ONE_MINUTE, kept=2)
    for minute in range(3):
        candles.add("KRW-BTC", START + minute * MINUTE, 1.0, 1.0, minute + 10)
    assert candles.add("KRW-BTC", START, 1.0, 1.0, 1) is None
    assert len(candles.of("KRW-BTC")) == 2


def test_a_candle_of_the_far_future_does_not_make_those_after_it_old():
    book = CandleBook()
    book.add(candle(1))
    book.add(candle(90, sent=-80 * MINUTE))
    assert book.newest("KRW-BTC") == START + 90 * MINUTE
    assert book.add(candle(2)) == "new"
    assert [each.time for each in book.of("KRW-BTC")] == [START + MINUTE, START + 2 * MINUTE]
