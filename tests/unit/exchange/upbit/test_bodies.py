"""Bodies in the spelling of the wire become frames without loss."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit import schema
from marketkit.errors import BadResponse
from marketkit.exchange.upbit import bodies

calm = settings(deadline=None)


def when(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def btc(body, *, exact=False):
    return bodies.decode_candles(body, "KRW-BTC", exact=exact)


# The rows of each golden body, typed a second time: every number as its decimal text.
MINUTES = [
    ("KRW-BTC", when("2025-08-31T23:58"), *["151230000"] * 4, "0.00000001", "1.5123"),
    ("KRW-BTC", when("2025-09-01T00:01"), "151230000", "151234000", "151229000", "151234000", "0.004", "604936.1234"),
    ("KRW-BTC", when("2025-09-01T00:02"), "151234000", "151240000", "151200000", "151201000", "1.0903412", "164899503.14206"),
]  # fmt: skip
DAYS = [
    ("BTC-ETH", when("2025-09-01"), "0.04", "0.0402", "0.03900001", "0.040123", "250", "9.87654321"),
    ("BTC-ETH", when("2025-09-02"), "0.04012345", "0.041", "0.03999999", "0.0405", "305.12345678", "12.3456789"),
]  # fmt: skip
WEEKS = [
    ("KRW-DOGE", when("2025-08-25"), "330", "331", "290", "298", "2900000000.00000001", "902345678901.00000001"),
    ("KRW-DOGE", when("2025-09-01"), "298", "312", "289", "301", "2712345678.90123456", "812345678901.12345678"),
]  # fmt: skip
TICKERS = [
    ("KRW-BTC", when("2025-09-01T00:02:59.950"), "151240000", "151234000", "151240000", "151200000", "151234000",
     "RISE", "6000", "0.0000396736", "0.0004", when("2025-09-01T00:02:59.871"), "1.0943412",
     "165504439.2654600000000001", "1494.43211234", "226003213448.69183", "166800000", date(2025, 7, 14), "72100000", date(2024, 9, 6)),
    ("BTC-XRP", when("2025-09-01T00:03:00.003"), "0.0000258", "0.0000258", "0.0000258", "0.0000258", "0.0000258",
     "EVEN", "0", "0", "12", when("2025-08-31T21:40:59.001"), "0",
     "306095.1228293561797048", "19379.84", "0.5", "0.000034", date(2025, 1, 16), "0.0000079", date(2024, 11, 5)),
    ("KRW-ETH", when("2025-09-01T00:02:59.988"), "6095000", "6100000", "6111000", "6090000", "6100000",
     "FALL", "-5000", "-0.0008196721", "0.81913", when("2025-09-01T00:02:57.120"), "164.23456789",
     "1001234567.12345678", "16345.9", "99887766554.4332211", "6749000", date(2025, 8, 24), "2086000", date(2025, 4, 9)),
]  # fmt: skip
LATE, EARLY = when("2025-09-01T00:02:59.900"), when("2025-08-31T23:46:40")
BOOKS = [
    ("KRW-BTC", LATE, 1, "116233000", "0.004", "116240000", "0.04910155", "2.29686376", "4.17884094", "0"),
    ("KRW-BTC", LATE, 2, "116231000", "0.00483381", "116250000", "0.06146", "2.29686376", "4.17884094", "0"),
    ("BTC-XRP", EARLY, 1, "0.00000689", "100.00000001", "0.0000069", "1500", "100.00000001", "1523.5", "0"),
    ("BTC-XRP", EARLY, 2, None, None, "0.00000691", "23.5", "100.00000001", "1523.5", "0"),
    ("BTC-XRP", EARLY, 3, None, None, None, None, "100.00000001", "1523.5", "0"),
]  # fmt: skip
REGION_BOOK = [("SGD-BTC", LATE, 1, "138999.25", "0.25", "139000.5", "0.5", "0.25", "0.5", None)]
TRADES = [
    ("KRW-BTC", when("2025-09-01T00:02:59.871"), "151201000", "0.004", "ASK", "151234000", "-33000", 17566849798710001),
    ("KRW-BTC", when("2025-09-01T00:02:59.871"), "151240000", "0.00000001", "BID", "151234000", "6000", 17566849798710000),
    ("KRW-BTC", when("2025-09-01"), "151234000", "12.3456789", "BID", "151234000", "0", 17566848000000000),
]  # fmt: skip


def of(symbol):
    return partial(bodies.decode_candles, symbol=symbol)


NUMERIC = [
    ("candles_minutes", of("KRW-BTC"), schema.ROW, MINUTES),
    ("candles_minutes_exponent", of("KRW-BTC"), schema.ROW, MINUTES),
    ("candles_days", of("BTC-ETH"), schema.ROW, DAYS),
    ("candles_weeks", of("KRW-DOGE"), schema.ROW, WEEKS),
    ("tickers", bodies.decode_tickers, schema.TICKER, TICKERS),
    ("orderbooks", bodies.decode_orderbooks, schema.ORDERBOOK, BOOKS),
    ("orderbooks_exponent", bodies.decode_orderbooks, schema.ORDERBOOK, BOOKS),
    ("orderbooks_region", bodies.decode_orderbooks, schema.ORDERBOOK, REGION_BOOK),
    ("trades", bodies.decode_trades, schema.TRADE, TRADES),
]
numeric = pytest.mark.parametrize(
    ("name", "decode", "shape", "rows"), NUMERIC, ids=[case[0] for case in NUMERIC]
)


def typed(rows, shape, number):
    """The rows typed above, with the text of every number read by `number`."""
    floats = [dtype == pl.Float64 for dtype in shape.values()]
    return [
        tuple(
            number(cell) if is_float and cell is not None else cell
            for cell, is_float in zip(row, floats, strict=True)
        )
        for row in rows
    ]


@numeric
def test_a_body_is_read_as_the_floats_nearest_to_its_text(golden, name, decode, shape, rows):
    assert decode(golden(name).encode(), exact=False).rows() == typed(rows, shape, float)


@numeric
def test_a_body_is_read_exactly_with_every_digit_of_its_text(golden, name, decode, shape, rows):
    assert decode(golden(name).encode(), exact=True).rows() == typed(rows, shape, Decimal)


@numeric
def test_a_frame_has_the_columns_and_types_of_its_schema(golden, name, decode, shape, rows):
    body = golden(name).encode()
    assert dict(decode(body, exact=False).schema) == dict(shape)
    assert dict(decode(body, exact=True).schema) == dict(schema.exact(shape))


@numeric
def test_an_empty_body_is_an_empty_frame_of_the_same_schema(name, decode, shape, rows):
    assert decode(b"[]", exact=False).equals(schema.empty(shape))
    assert dict(decode(b"[]", exact=False).schema) == dict(shape)
    assert dict(decode(b"[]", exact=True).schema) == dict(schema.exact(shape))


@numeric
def test_white_space_and_the_order_of_fields_mean_nothing(golden, name, decode, shape, rows):
    turned = [dict(reversed(each.items())) for each in json.loads(golden(name))]
    body = json.dumps(turned, indent=3, ensure_ascii=True).encode()
    assert decode(body, exact=False).rows() == typed(rows, shape, float)


PRICES = st.decimals("0.00000001", "199999999", places=8)
SPELLINGS = [
    lambda number: f"{number:.8f}",
    lambda number: f"{number:E}",
    lambda number: f"{number:e}".replace("e+", "e"),
    lambda number: f"{number.normalize():f}",
]


@calm
@given(PRICES, PRICES, st.sampled_from(SPELLINGS))
def test_any_number_of_eight_places_is_kept_in_any_spelling_of_json(price, volume, spell):
    fields = dict.fromkeys(
        ("opening_price", "high_price", "low_price", "trade_price"), spell(price)
    )
    fields |= {"candle_acc_trade_volume": spell(volume), "candle_acc_trade_price": spell(price)}
    numbers = ",".join(f'"{name}":{text}' for name, text in fields.items())
    body = (
        f'[{{"market":"KRW-BTC","candle_date_time_utc":"2025-09-01T00:00:00",{numbers}}}]'.encode()
    )
    precise, rough = btc(body, exact=True).row(0), btc(body).row(0)
    assert precise[2:] == (price, price, price, price, volume, price)
    assert rough[2:] == tuple(map(float, precise[2:]))
    assert Decimal(fields["candle_acc_trade_volume"]) == precise[6]


def test_candles_ascend_whatever_the_order_on_the_wire(golden):
    objects = json.loads(golden("candles_minutes"))
    turned = json.dumps(objects[::-1]).encode()
    assert btc(turned).equals(btc(golden("candles_minutes").encode()))
    assert btc(turned)["time"].is_sorted()


def test_a_repeated_row_is_kept_once_and_the_newer_one_wins(golden):
    objects = json.loads(golden("candles_minutes"))
    older = objects[1] | {"candle_acc_trade_volume": 0.001}
    frame = btc(json.dumps([objects[0], objects[1], older, objects[2]]).encode())
    assert frame.equals(btc(golden("candles_minutes").encode()))


def test_a_turnover_of_more_places_than_fit_is_refused_rather_than_cut(golden):
    deep = golden("tickers").replace("306095.1228293561797048", "306095.12282935617970481")
    with pytest.raises(BadResponse, match="acc_trade_price"):
        bodies.decode_tickers(deep.encode(), exact=True)


def test_an_exact_candle_with_nine_places_is_refused_rather_than_rounded(golden):
    with pytest.raises(BadResponse, match="volume has more decimal places"):
        btc(golden("candles_minutes").replace("1.09034120", "1.090341201").encode(), exact=True)


def test_trades_stay_newest_first_and_their_ids_keep_all_seventeen_digits(golden):
    for exact in (False, True):
        ids = bodies.decode_trades(golden("trades").encode(), exact=exact)["sequential_id"]
        assert ids.to_list() == [17566849798710001, 17566849798710000, 17566848000000000]
        assert ids.dtype == pl.Int64


def test_markets_come_with_their_warnings(golden):
    assert bodies.decode_markets(golden("markets").encode()).rows() == [
        ("KRW-BTC", "KRW", "BTC", "비트코인", "Bitcoin", False, False, False, False, False, False),
        ("BTC-2Z", "BTC", "2Z", "더블제로", "DoubleZero", True, True, False, True, False, True),
    ]


def test_markets_without_details_have_no_warnings_to_tell_of(golden):
    assert bodies.decode_markets(golden("markets_plain").encode()).rows() == [
        ("KRW-BTC", "KRW", "BTC", "비트코인", "Bitcoin", None, None, None, None, None, None)
    ]


def test_markets_of_a_region_have_the_older_warning_and_no_korean_name(golden):
    assert bodies.decode_markets(golden("markets_region").encode()).rows() == [
        ("SGD-BTC", "SGD", "BTC", None, "Bitcoin", False, None, None, None, None, None),
        ("SGD-XYZ", "SGD", "XYZ", None, 'Xyz "the" coin', True, None, None, None, None, None),
    ]


def test_names_of_markets_command_no_terminal_and_have_an_end():
    names = {"korean_name": "비\x1b[2J트\n코\u202e인\u2028", "english_name": "B" * 10_000}
    body = json.dumps([{"market": "KRW-BTC", **names}]).encode()
    korean, english = bodies.decode_markets(body).row(0)[3:5]
    assert korean == "비\ufffd[2J트\ufffd코\ufffd인\ufffd"
    assert english == "B" * 200


def test_what_an_error_shows_of_a_body_commands_no_terminal_and_has_an_end(golden):
    rows = json.loads(golden("candles_minutes"))
    rows[0]["market"] = "KRW-\x1b[2J\n\u202e" + "X" * 100_000
    rows[1]["high_price"] = 0
    for hostile in (rows[:1], rows[1:2], [{**rows[1], "low_price": "\x1b" * 100_000}]):
        with pytest.raises(BadResponse) as caught:
            bodies.decode_candles(json.dumps(hostile).encode(), "KRW-BTC")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 3_000


def test_instruments_keep_their_texts(golden):
    levels = ["0", "10000", "100000", "1000000", "10000000", "100000000"]
    assert bodies.decode_instruments(golden("instruments").encode()).rows() == [
        ("KRW-BTC", "KRW", "1000", levels),
        ("BTC-XRP", "BTC", "0.00000001", ["0"]),
    ]


@pytest.mark.parametrize(
    ("name", "decode", "shape"),
    [
        ("markets", bodies.decode_markets, schema.MARKET),
        ("instruments", bodies.decode_instruments, schema.INSTRUMENT),
    ],
)
def test_lists_without_numbers_have_their_schema_also_when_empty(golden, name, decode, shape):
    assert dict(decode(golden(name).encode()).schema) == dict(shape)
    assert dict(decode(b"[]").schema) == dict(shape)
    assert decode(b"[]").is_empty()
