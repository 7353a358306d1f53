"""Messages of the stream: read from the wire, and made again of the rows of a recording."""

from __future__ import annotations

import msgspec
import pytest

from marketkit import schema
from marketkit.exchange.upbit import messages
from marketkit.exchange.upbit.channels import message_type, spec_of
from marketkit.exchange.upbit.messages import Book, Candle, Ticker, Trade, Unit, candle_of
from marketkit.exchange.upbit.stream import Decoder

TICKER = (
    '{"ty":"ticker","cd":"KRW-BTC","op":1.16E8,"hp":117000000.0,"lp":115000000.0,"tp":1.165E8,'
    '"pcp":116100000.00000000,"atp":306095.1228293561797048,"c":"FALL","cp":0,"scp":-400000.0,'
    '"cr":0.0034,"scr":-0.0034482759,"ab":"ASK","tv":5.0E-4,"atv":2.5,"tdt":"20260311",'
    '"ttm":"144058","ttms":1773240058000,"aav":1.0,"abv":1.5,"h52wp":1.2E8,"h52wdt":"2025-10-09",'
    '"l52wp":9.0E7,"l52wdt":"2025-04-07","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE",'
    '"tms":1773240058095,"atp24h":1.0,"atv24h":2.0,"st":"SNAPSHOT"}'
)
TRADE = (
    '{"ty":"trade","cd":"BTC-XRP","tms":1773240059200,"td":"2026-03-11","ttm":"14:40:59",'
    '"ttms":1773240059095,"tp":9.9E-7,"tv":0.00400000,"ab":"BID","pcp":1.0E-6,"c":"FALL",'
    '"cp":1.0E-8,"sid":17732400590950000,"bap":1.0E-6,"bas":1,"bbp":9.9E-7,"bbs":2,'
    '"st":"REALTIME"}'
)
BOOK = (
    '{"ty":"orderbook","cd":"KRW-BTC","tms":1790134773006,"tas":0.48514983,"tbs":2.2403413,'
    '"obu":[{"ap":116606000,"bp":116534000,"as":0.06288509,"bs":7.9276E-4},'
    '{"ap":116609000,"bp":0,"as":5.0E-4,"bs":0}],"st":"SNAPSHOT","lv":0}'
)
CANDLE = (
    '{"ty":"candle.60m","cd":"KRW-BTC","cdttmu":"2026-07-30T07:00:00",'
    '"cdttmk":"2026-07-30T16:00:00","op":91154000.00000000,"hp":91157000.00000000,'
    '"lp":91142000.00000000,"tp":91157000.00000000,"catv":0.15511395,"catp":14139448.26754000,'
    '"tms":1785397531885,"st":"SNAPSHOT"}'
)
ALL = pytest.mark.parametrize(
    ("channel", "text"),
    [("ticker", TICKER), ("trade", TRADE), ("orderbook", BOOK), ("candle.60m", CANDLE)],
)


def read(text: str):
    """Read the one message of a frame."""
    (message,) = Decoder().decode(text.encode())
    return message


@ALL
def test_texts_are_one_in_all_messages_for_the_newest_of_hundreds_of_markets_are_kept(
    channel, text
):
    one, other = read(text), read(text)
    names = [name for name in one.__struct_fields__ if isinstance(getattr(one, name), str)]
    assert {"symbol", "stream"} <= set(names)
    assert all(getattr(one, name) is getattr(other, name) for name in names)


def test_a_ticker_has_every_field_of_the_wire_that_rest_has():
    ticker = read(TICKER)
    assert isinstance(ticker, Ticker)
    assert (ticker.price, ticker.signed_change_price) == (116_500_000, -400_000)
    assert ticker.trade_volume == 0.0005
    assert ticker.high_52w_date == "2025-10-09"
    assert ticker.sent == ticker.time == 1_773_240_058_095


def test_the_fields_of_a_ticker_are_the_columns_and_the_stream():
    assert Ticker.__struct_fields__ == (*schema.TICKER, "stream")


def test_a_trade_happened_before_it_was_sent_and_its_change_has_a_sign():
    trade = read(TRADE)
    assert isinstance(trade, Trade)
    assert (trade.time, trade.sent) == (1_773_240_059_095, 1_773_240_059_200)
    assert trade.change_price == -1e-8


def test_a_book_has_its_levels_in_order():
    book = read(BOOK)
    assert isinstance(book, Book)
    assert book.units == [Unit(116_606_000, 116_534_000, 0.06288509, 7.9276e-4),
                          Unit(116_609_000, 0, 5e-4, 0)]  # fmt: skip
    assert book.sent == book.time


def test_a_candle_knows_its_channel_and_where_its_slot_starts():
    candle = read(CANDLE)
    assert isinstance(candle, Candle)
    assert candle.channel == "candle.60m"
    assert candle.time == 1_785_394_800_000
    assert messages.spell_slot(candle.time) == candle.opened


def test_candles_of_a_slot_have_their_texts_between_them():
    first, second = (read(CANDLE) for _ in range(2))
    for name in ("symbol", "opened", "stream"):
        assert getattr(first, name) is getattr(second, name)


def test_a_candle_that_can_be_none_is_refused():
    with pytest.raises(ValueError, match="no candle can have"):
        Candle("X", "2026-07-30T07:00:00", 2, 1, 1, 1, 0, 0, 1)
    with pytest.raises(ValueError, match="no candle can have"):
        Candle("X", "2026-07-30T07:00:00", 1, 1, 1, 1, -1, 0, 1)


def test_the_kind_of_candle_of_a_channel_is_one_and_the_same():
    kind = candle_of("candle.60m")
    assert kind is candle_of("candle.60m") is message_type("candle.60m")
    assert kind is not candle_of("candle.1m")
    assert kind.channel == "candle.60m"


@ALL
def test_the_rows_of_a_message_make_the_same_message_again(channel, text):
    message, spec = read(text), spec_of(channel)
    frame = spec.frame([message])
    times, days = (
        [name for name, kind in frame.schema.items() if kind == each]
        for each in (schema.TIME, frame.schema.get("high_52w_date"))
    )
    rows = [
        {**row, "sent": message.sent, "stream": message.stream,
         **{name: int(row[name].timestamp() * 1000) for name in times},
         **{name: row[name].isoformat() for name in days}}
        for row in frame.rows(named=True)
    ]  # fmt: skip
    again = spec.from_rows(message_type(channel), rows)
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(message)
    assert again.channel == channel
    assert spec.frame([again]).equals(frame)


@ALL
def test_every_message_tells_its_channel(channel, text):
    assert read(text).channel == channel
