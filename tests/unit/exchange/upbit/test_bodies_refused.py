"""Bodies that are not what they should be are refused, and never become a frame."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit import schema
from marketkit.errors import BadResponse, ExchangeError
from marketkit.exchange.upbit import bodies

btc = partial(bodies.decode_candles, symbol="KRW-BTC")

# What may be wrong with a body: the text to find in the golden one, and what stands there instead.
ANY_BODY = {
    "HTML": lambda _: "<html><body>maintenance</body></html>",
    "nothing": lambda _: "",
    "an error object": lambda _: '{"error":{"name":404,"message":"Code not found"}}',
    "a cut body": lambda text: text[: len(text) * 2 // 3],
    "a body cut and closed": lambda text: text[: len(text) * 2 // 3] + "]",
    "a body cut before its end": lambda text: text.rstrip()[:-1],
    "two bodies": lambda text: text + text,
    "numbers only": lambda _: "[1, 2]",
    "nulls": lambda _: "[null]",
    "an object without fields": lambda _: "[{}]",
    "rows in rows": lambda text: f"[{text}]",
    "a row that is text": lambda text: f'{text.rstrip()[:-1]},"x"]',
    "another market's name missing": lambda text: text.replace('"market":', '"code":'),
    "null for a market": lambda text: text.replace('"market":"KRW-BTC"', '"market":null'),
}
CANDLE_SWAPS = {
    "null for a time": ('"2025-09-01T00:01:00","candle_date_time_kst"', 'null,"candle_date_time_kst"'),
    "a time that is none": ("2025-09-01T00:01:00", "2025-13-01T00:01:00"),
    "a time with a zone": ("2025-09-01T00:01:00", "2025-09-01T00:01:00Z"),
    "a number for a time": ('"2025-09-01T00:01:00"', "1756684860"),
    "a time missing": ('"candle_date_time_utc":"2025-09-01T00:01:00",', ""),
    "null for a price": ('"low_price":151229000.00000000', '"low_price":null'),
    "a price missing": ('"low_price":151229000.00000000,', ""),
    "null for turnover": ("604936.12340000", "null"),
    "volume missing": (',"candle_acc_trade_volume":0.00400000', ""),
    "NaN": ("604936.12340000", "NaN"),
    "NaN for a price": ('"trade_price":151201000.00000000', '"trade_price":NaN'),
    "Infinity": ("604936.12340000", "Infinity"),
    "minus Infinity": ("604936.12340000", "-Infinity"),
    "a number too large": ("604936.12340000", "1e999"),
    "a price too large": ('"high_price":151240000.00000000', '"high_price":1e999'),
    "a negative price": ('"low_price":151200000.00000000', '"low_price":-151200000.00000000'),
    "a low of zero": ('"low_price":151200000.00000000', '"low_price":0'),
    "a high below the low": ('"high_price":151240000.00000000', '"high_price":151199000.00000000'),
    "a high below the close": ('"high_price":151234000.00000000', '"high_price":151233999.00000000'),
    "a low above the open": ('"low_price":151200000.00000000', '"low_price":151234001.00000000'),
    "a negative volume": ('"candle_acc_trade_volume":0.00400000', '"candle_acc_trade_volume":-0.00400000'),
    "a negative turnover": ("604936.12340000", "-604936.12340000"),
    "another market's row": ('"market":"KRW-BTC","candle_date_time_utc":"2025-09-01T00:01:00"', '"market":"KRW-ETH","candle_date_time_utc":"2025-09-01T00:01:00"'),
    "a number in quotes": ("604936.12340000", '"604936.12340000"'),
    "a price in quotes": ('"low_price":151229000.00000000', '"low_price":"151229000.00000000"'),
    "a text for a price": ('"low_price":151229000.00000000', '"low_price":"cheap"'),
    "a list for a price": ('"low_price":151229000.00000000', '"low_price":[151229000.0]'),
}  # fmt: skip
TICKER_SWAPS = {
    "null for a price": ('"trade_price":151240000.00000000', '"trade_price":null'),
    "a price missing": ('"trade_price":151240000.00000000,', ""),
    "null for the time": ('"timestamp":1756684979950', '"timestamp":null'),
    "a time in quotes": ('"timestamp":1756684979950', '"timestamp":"1756684979950"'),
    "a time too large": ('"timestamp":1756684979950', '"timestamp":1e999'),
    "NaN": ("306095.1228293561797048", "NaN"),
    "a number too large": ("306095.1228293561797048", "1e999"),
    "a negative price": ('"trade_price":151240000.00000000', '"trade_price":-151240000.00000000'),
    "a number in quotes": ("306095.1228293561797048", '"306095.1228293561797048"'),
    "a change that is none": ('"EVEN"', '"SIDEWAYS"'),
    "a date that is none": ("2025-07-14", "2025-07-32"),
}
BOOK_SWAPS = {
    "null for the time": ('"timestamp":1756684979900', '"timestamp":null'),
    "null for the units": ('"orderbook_units":[{"bid_price":116233000', '"orderbook_units":null,"x":[{"bid_price":116233000'),
    "null for a price": ('"bid_price":116233000', '"bid_price":null'),
    "a price missing": ('"bid_price":116233000,', ""),
    "NaN": ('"bid_price":116233000', '"bid_price":NaN'),
    "a number too large": ('"bid_price":116233000', '"bid_price":1e999'),
    "a negative price": ('"bid_price":116233000', '"bid_price":-116233000'),
    "a negative size": ('"bid_size":0.00483381', '"bid_size":-0.00483381'),
    "a number in quotes": ('"bid_price":116233000', '"bid_price":"116233000"'),
}  # fmt: skip
TRADE_SWAPS = {
    "null for an id": ("17566849798710001", "null"),
    "an id missing": (',"sequential_id":17566849798710001', ""),
    "an id in quotes": ("17566849798710001", '"17566849798710001"'),
    "an id too large": ("17566849798710001", "99999999999999999999"),
    "null for a price": ('"trade_price":151201000.00000000', '"trade_price":null'),
    "a volume missing": ('"trade_volume":0.00400000,', ""),
    "NaN": ('"trade_price":151201000.00000000', '"trade_price":NaN'),
    "a number too large": ('"trade_price":151201000.00000000', '"trade_price":1e999'),
    "a negative price": ('"trade_price":151201000.00000000', '"trade_price":-151201000.00000000'),
    "a price of zero": ('"trade_price":151201000.00000000', '"trade_price":0'),
    "a negative volume": ('"trade_volume":0.00400000', '"trade_volume":-0.00400000'),
    "a number in quotes": (
        '"trade_price":151201000.00000000',
        '"trade_price":"151201000.00000000"',
    ),
    "a side that is none": ('"ASK"', '"ask"'),
}
SWAPS = {
    "candles_minutes": (btc, CANDLE_SWAPS),
    "tickers": (bodies.decode_tickers, TICKER_SWAPS),
    "orderbooks": (bodies.decode_orderbooks, BOOK_SWAPS),
    "trades": (bodies.decode_trades, TRADE_SWAPS),
}


@pytest.mark.parametrize("exact", [False, True], ids=["float", "exact"])
@pytest.mark.parametrize(
    ("name", "wrong"), [(name, wrong) for name, (_, swaps) in SWAPS.items() for wrong in swaps]
)
def test_a_body_with_one_bad_value_never_becomes_a_frame(golden, name, wrong, exact):
    decode, swaps = SWAPS[name]
    found, instead = swaps[wrong]
    text = golden(name)
    assert found in text
    with pytest.raises(BadResponse) as caught:
        decode(text.replace(found, instead, 1).encode(), exact=exact)
    assert isinstance(caught.value, ExchangeError)


@pytest.mark.parametrize("exact", [False, True], ids=["float", "exact"])
@pytest.mark.parametrize("wrong", ANY_BODY)
@pytest.mark.parametrize("name", SWAPS)
def test_what_is_no_array_of_rows_never_becomes_a_frame(golden, name, wrong, exact):
    decode, _ = SWAPS[name]
    with pytest.raises(BadResponse):
        decode(ANY_BODY[wrong](golden(name)).encode(), exact=exact)


@pytest.mark.parametrize("wrong", ANY_BODY)
@pytest.mark.parametrize("name", ["markets", "instruments"])
def test_the_lists_of_markets_and_instruments_are_as_strict(golden, name, wrong):
    decode = {"markets": bodies.decode_markets, "instruments": bodies.decode_instruments}[name]
    with pytest.raises(BadResponse):
        decode(ANY_BODY[wrong](golden(name)).encode())


@pytest.mark.parametrize("exact", [False, True], ids=["float", "exact"])
def test_bytes_that_are_no_text_never_become_a_frame(golden, exact):
    with pytest.raises(BadResponse):
        btc(golden("candles_minutes").encode().replace(b"KRW-BTC", b"KRW-\xff\xfe", 1), exact=exact)


@settings(deadline=None)
@given(st.integers(0, 900), st.sampled_from(list('[]{},:"0-e. nN')), st.booleans())
def test_one_wrong_character_gives_a_frame_of_the_tree_or_an_error_of_it(
    golden, at, character, exact
):
    text = golden("candles_minutes")
    try:
        frame = btc((text[:at] + character + text[at + 1 :]).encode(), exact=exact)
    except ExchangeError:
        return
    assert dict(frame.schema) == dict(schema.exact(schema.ROW) if exact else schema.ROW)
    assert not frame.null_count().sum_horizontal().item()
