"""A usual page of candles is read in one pass as queries read it, and no odd one is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkit.exchange.upbit import bodies
from marketkit.exchange.upbit.candle_body import read_usual
from marketkit.schema import ROW

PRICES = st.decimals("0.00000001", "199999999", places=8)
SPELLINGS = [
    lambda number: f"{number:.8f}",
    lambda number: f"{number:E}",
    lambda number: f"{number.normalize():f}",
]
# The golden page with one thing exchanged: all of this is for queries to judge.
ODD = {
    "another market": ('"KRW-BTC"', '"KRW-ETH"'),
    "a time with a zone": ("2025-09-01T00:01:00", "2025-09-01T00:01:00Z"),
    "a time with an offset": ("2025-09-01T00:01:00", "2025-09-01T00:01+00"),
    "a time with a part of a second": ("2025-09-01T00:01:00", "2025-09-01T00:01:00.5"),
    "a time with a blank": ("2025-09-01T00:01:00", "2025-09-01 00:01:00"),
    "a day of a week": ("2025-09-01T00:01:00", "2025-W36-1T00:01:00"),
    "a time of digits that are not ours": ("2025-09-01T00:01:00", "\uff12025-09-01T00:01:00"),
    "two times in one": ("2025-09-01T00:01:00", "2025-09-01T00:01:00\\n2025-09-01T00:00:00"),
    "an hour that is none": ("2025-09-01T00:01:00", "2025-09-01T24:00:00"),
    "a day that is none": ("2025-09-01T00:01:00", "2025-02-30T00:01:00"),
    "a repeated row": ("2025-09-01T00:01:00", "2025-09-01T00:02:00"),
    "a row out of order": ("2025-09-01T00:01:00", "2025-09-01T00:03:00"),
    "a price in quotes": ('"low_price":151229000.00000000', '"low_price":"151229000"'),
    "no price": ('"low_price":151229000.00000000,', ""),
    "null for a number": ("604936.12340000", "null"),
    "a number too large": ("604936.12340000", "1e999"),
    "a price of zero": ('"low_price":151229000.00000000', '"low_price":0'),
    "a low above the open": ('"low_price":151229000.00000000', '"low_price":151230001'),
    "a high below the close": ('"high_price":151234000.00000000', '"high_price":151233999'),
    "a negative volume": ('"candle_acc_trade_volume":0.004', '"candle_acc_trade_volume":-0.004'),
    "a negative turnover": ("604936.12340000", "-1"),
    "a cut": ("604936.12340000", ""),
}


def by_queries(body, symbol):
    """Read a page as an odd one is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "read_usual", lambda *_: None)
        return bodies.decode_candles(body, symbol)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("candles_minutes", "KRW-BTC"),
        ("candles_minutes_exponent", "KRW-BTC"),
        ("candles_days", "BTC-ETH"),
        ("candles_weeks", "KRW-DOGE"),
    ],
)
def test_a_page_of_the_exchange_is_usual_and_read_as_by_queries(golden, name, symbol):
    body = golden(name).encode()
    usual = read_usual(body, symbol)
    assert usual.equals(by_queries(body, symbol))
    assert dict(usual.schema) == dict(ROW)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(PRICES, PRICES, st.sampled_from(SPELLINGS)), min_size=1, max_size=5))
def test_numbers_are_read_as_by_queries_in_any_spelling(numbers):
    rows = [
        f'{{"market":"BTC-X","candle_date_time_utc":"2025-01-0{9 - at}T00:00:00",'
        f'"opening_price":{spell(price)},"high_price":{spell(price)},"low_price":{spell(price)},'
        f'"trade_price":{spell(price)},"candle_acc_trade_volume":{spell(volume)},'
        f'"candle_acc_trade_price":{spell(price)}}}'
        for at, (price, volume, spell) in enumerate(numbers)
    ]
    body = f"[{','.join(rows)}]".encode()
    assert read_usual(body, "BTC-X").equals(by_queries(body, "BTC-X"))


@pytest.mark.parametrize(("here", "there"), ODD.values(), ids=ODD)
def test_an_odd_page_is_left_to_queries(golden, here, there):
    page = golden("candles_minutes")
    assert here in page
    assert read_usual(page.replace(here, there).encode(), "KRW-BTC") is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[null]", b"[{}]", b"<html>", b"[" * 100_000])
def test_a_body_without_candles_is_left_to_queries(body):
    assert read_usual(body, "KRW-BTC") is None


def test_a_page_from_the_oldest_to_the_newest_is_odd(golden):
    turned = json.loads(golden("candles_minutes"))[::-1]
    assert read_usual(json.dumps(turned).encode(), "KRW-BTC") is None
