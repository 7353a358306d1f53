"""The websocket's words: requests, every message in both spellings, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from marketkit import schema
from marketkit.errors import BadResponse, InputError, Refused
from marketkit.exchange.upbit import channels as upbit_channels
from marketkit.exchange.upbit import frames as upbit_frames
from marketkit.exchange.upbit import stream
from marketkit.exchange.upbit.messages import Book, Candle, Ticker, Trade
from marketkit.exchange.upbit.stream import Decoder
from marketkit.timeframe import TIMEFRAMES

TICKER = (
    '{"type":"ticker","code":"KRW-BTC","opening_price":1.16E8,"high_price":117000000.0,'
    '"low_price":115000000.0,"trade_price":1.165E8,"prev_closing_price":116100000.00000000,'
    '"acc_trade_price":306095.1228293561797048,"change":"FALL","change_price":0,'
    '"signed_change_price":-400000.0,"change_rate":0.0034,"signed_change_rate":-0.0034482759,'
    '"ask_bid":"ASK","trade_volume":5.0E-4,"acc_trade_volume":2.5,"trade_date":"20260311",'
    '"trade_time":"144058","trade_timestamp":1773240058000,"acc_ask_volume":1.0,'
    '"acc_bid_volume":1.5,"highest_52_week_price":1.2E8,"highest_52_week_date":"2025-10-09",'
    '"lowest_52_week_price":9.0E7,"lowest_52_week_date":"2025-04-07","market_state":"ACTIVE",'
    '"is_trading_suspended":false,"delisting_date":null,"market_warning":"NONE",'
    '"timestamp":1773240058095,"acc_trade_price_24h":1.0,"acc_trade_volume_24h":2.0,'
    '"stream_type":"SNAPSHOT"}'
)
SHORT = (
    '{"ty":"ticker","cd":"KRW-BTC","op":1.16E8,"hp":117000000.0,"lp":115000000.0,"tp":1.165E8,'
    '"pcp":116100000.00000000,"atp":306095.1228293561797048,"c":"FALL","cp":0,"scp":-400000.0,'
    '"cr":0.0034,"scr":-0.0034482759,"ab":"ASK","tv":5.0E-4,"atv":2.5,"tdt":"20260311",'
    '"ttm":"144058","ttms":1773240058000,"aav":1.0,"abv":1.5,"h52wp":1.2E8,"h52wdt":"2025-10-09",'
    '"l52wp":9.0E7,"l52wdt":"2025-04-07","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE",'
    '"tms":1773240058095,"atp24h":1.0,"atv24h":2.0,"st":"SNAPSHOT"}'
)
TRADE = (
    '{"type":"trade","code":"BTC-XRP","timestamp":1773240059200,"trade_date":"2026-03-11",'
    '"trade_time":"14:40:59","trade_timestamp":1773240059095,"trade_price":9.9E-7,'
    '"trade_volume":0.00400000,"ask_bid":"BID","prev_closing_price":1.0E-6,"change":"FALL",'
    '"change_price":1.0E-8,"sequential_id":17732400590950000,"best_ask_price":1.0E-6,'
    '"best_ask_size":1,"best_bid_price":9.9E-7,"best_bid_size":2,"stream_type":"REALTIME"}'
)
BOOK = (
    '{"ty":"orderbook","cd":"KRW-BTC","tms":1790134773006,"tas":0.48514983,"tbs":2.2403413,'
    '"obu":[{"ap":116606000,"bp":116534000,"as":0.06288509,"bs":7.9276E-4},'
    '{"ap":116609000,"bp":0,"as":5.0E-4,"bs":0}],"st":"SNAPSHOT","lv":0}'
)
CANDLE = (
    '{"type":"candle.60m","code":"KRW-BTC","candle_date_time_utc":"2026-07-30T07:00:00",'
    '"candle_date_time_kst":"2026-07-30T16:00:00","opening_price":91154000.00000000,'
    '"high_price":91157000.00000000,"low_price":91142000.00000000,'
    '"trade_price":91157000.00000000,"candle_acc_trade_volume":0.15511395,'
    '"candle_acc_trade_price":14139448.26754000,"timestamp":1785397531885,'
    '"stream_type":"SNAPSHOT"}'
)


def one(text: str, form: stream.Format = "DEFAULT", *, exact: bool = False):
    (message,) = Decoder(form, exact=exact).decode(text.encode())
    return message


def test_both_spellings_of_a_ticker_say_the_same():
    long, short = one(TICKER), one(SHORT, "SIMPLE")
    assert isinstance(long, Ticker)
    assert upbit_frames.ticker_frame([long]).equals(upbit_frames.ticker_frame([short]))


def test_a_ticker_has_the_columns_and_values_of_the_rest_one():
    frame = upbit_frames.ticker_frame([one(TICKER)])
    assert dict(frame.schema) == dict(schema.TICKER)
    row = frame.row(0, named=True)
    assert row["price"] == 116_500_000
    assert row["signed_change_price"] == -400_000
    assert row["trade_volume"] == 0.0005
    assert row["high_52w_date"].isoformat() == "2025-10-09"


def test_a_list_holds_any_number_of_messages():
    both = f"[{TICKER},{TRADE}]".encode()
    assert [each.channel for each in Decoder("JSON_LIST").decode(both)] == ["ticker", "trade"]
    assert [each.channel for each in Decoder("SIMPLE_LIST").decode(f"[{SHORT}]".encode())] == [
        "ticker"
    ]


def test_a_trades_change_is_signed_as_in_rest():
    trade = one(TRADE)
    assert isinstance(trade, Trade)
    frame = upbit_frames.trade_frame([trade])
    assert dict(frame.schema) == dict(schema.TRADE)
    assert frame["change_price"].to_list() == [-1e-8]
    assert frame["sequential_id"].to_list() == [17_732_400_590_950_000]
    assert frame["time"].dt.epoch("ms").to_list() == [1_773_240_059_095]


def test_exact_frames_keep_every_digit():
    ticker = upbit_frames.ticker_frame([one(TICKER, exact=True)], exact=True)
    assert dict(ticker.schema) == dict(schema.exact(schema.TICKER))
    assert ticker["value"].to_list() == [Decimal("306095.1228293561797048")]
    trade = upbit_frames.trade_frame([one(TRADE, exact=True)], exact=True)
    assert trade["price"].to_list() == [Decimal("9.9E-7")]
    book = upbit_frames.orderbook_frame([one(BOOK, "SIMPLE", exact=True)], exact=True)
    assert book["bid_size"].to_list() == [Decimal("7.9276E-4"), None]


def test_a_book_is_a_row_a_depth_with_nulls_where_a_side_is_padded():
    book = one(BOOK, "SIMPLE")
    assert isinstance(book, Book)
    frame = upbit_frames.orderbook_frame([book])
    assert dict(frame.schema) == dict(schema.ORDERBOOK)
    assert frame["depth"].to_list() == [1, 2]
    assert frame["ask_price"].to_list() == [116_606_000, 116_609_000]
    assert frame["bid_price"].to_list() == [116_534_000, None]


def test_a_candle_knows_its_channel_and_where_its_slot_starts():
    candle = one(CANDLE)
    assert isinstance(candle, Candle)
    assert candle.channel == "candle.60m"
    frame = upbit_frames.candle_frame([candle])
    assert dict(frame.schema) == dict(schema.ROW)
    assert frame["time"].dt.epoch("ms").to_list() == [1_785_394_800_000]
    assert frame["value"].to_list() == [14_139_448.26754]


def test_frames_of_nothing_have_all_columns():
    for frame, shape in (
        (upbit_frames.ticker_frame([]), schema.TICKER),
        (upbit_frames.trade_frame([]), schema.TRADE),
        (upbit_frames.orderbook_frame([]), schema.ORDERBOOK),
        (upbit_frames.candle_frame([]), schema.ROW),
    ):
        assert frame.is_empty()
        assert dict(frame.schema) == dict(shape)


def test_a_heartbeat_is_no_message():
    assert list(Decoder().decode(b'{"status":"UP"}')) == []


def test_an_error_of_the_exchange_is_raised_with_its_name():
    error = '{"error":{"message":"Format 이 맞지 않습니다.","name":"WRONG_FORMAT"}}'
    with pytest.raises(Refused, match="WRONG_FORMAT"):
        Decoder().decode(error.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"ty":"ticker","cd":"KRW-BTC"',
        b'{"ty":"weather"}',
        b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":0}',
        b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":"1"}',
        b"[1]",
        b"7",
        CANDLE.replace("91142000", "91158000").encode(),
    ],
)
def test_what_is_no_documented_frame_is_a_bad_response(raw):
    for form in ("DEFAULT", "SIMPLE"):
        with pytest.raises(BadResponse):
            Decoder(form).decode(raw)


def test_a_subscription_names_each_channel_once_with_its_codes():
    text = stream.subscription("t", {"ticker": {"KRW-ETH", "KRW-BTC"}, "candle.1m": {"KRW-BTC"}})
    assert json.loads(text) == [
        {"ticket": "t"},
        {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "candle.1m", "codes": ["KRW-BTC"]},
        {"format": "SIMPLE"},
    ]


def test_channels_are_named_our_way_or_the_exchanges():
    assert upbit_channels.channel("ticker") == "ticker"
    assert (
        upbit_channels.channel("candle.1h") == upbit_channels.channel("candle.60m") == "candle.60m"
    )
    assert upbit_channels.timeframe_of("candle.240m") is TIMEFRAMES["4h"]
    assert upbit_channels.candle_channel(TIMEFRAMES["1s"]) == "candle.1s"


@pytest.mark.parametrize("name", ["tickers", "candle.2m", "candle.1d", "candle", "", None, 7])
def test_an_unknown_channel_is_refused_with_those_there_are(name):
    with pytest.raises(InputError, match=r"one of ticker trade orderbook"):
        upbit_channels.channel(name)


def test_the_nearest_channels_are_named():
    with pytest.raises(InputError, match=r"'candle\.2m'; did you mean 'candle\."):
        upbit_channels.channel("candle.2m")
    with pytest.raises(InputError, match=r"'candle\.1w'; 'candle\.4h' is the nearest"):
        upbit_channels.channel("candle.1w")
