"""Values read as people write them, and never with an exponent."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.notebook import words

SEOUL = ZoneInfo("Asia/Seoul")
PLAIN = re.compile(r"-?(\d{1,3}(,\d{3})*)(\.\d*[1-9])?")
PRICES = st.floats(1e-8, 1e9)


def read(text):
    return float(text.replace(",", ""))


@given(PRICES)
def test_no_price_has_an_exponent_and_none_loses_what_a_price_has(price):
    text = words.number(price)
    assert PLAIN.fullmatch(text)
    assert read(text) == pytest.approx(price, rel=1e-11)
    assert words.value(-price) == f"-{text}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_whatever_has_an_exponent(number):
    assert "e" not in words.number(number).lower()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**30, places=16))
def test_of_a_decimal_every_digit_is_written(exact):
    assert Decimal(words.number(exact).replace(",", "")) == exact


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (178_345_000.0, "178,345,000"),
        (0.00001234, "0.00001234"),
        (1e-8, "0.00000001"),
        (123_456_789_012.345, "123,456,789,012"),
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
        (float("inf"), "inf"),
        (float("nan"), "-"),
        (None, "-"),
        (pd.NaT, "-"),
        (pd.NA, "-"),
        (12_345, "12,345"),
        (False, "no"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 9, tzinfo=SEOUL), "2026-01-02 09:00:00 Asia/Seoul"),
        (timedelta(seconds=75), "1m 15s"),
        ([1.5, None], "1.5, -"),
        ("비트코인", "비트코인"),
    ],
)
def test_a_value_is_written(given, text):
    assert words.value(given) == text


def test_amounts_have_eight_digits_and_numbers_of_trades_no_commas():
    assert words.cell("value_24h", 364_854_665_502.7) == "364,854,665,503"
    assert words.cell("volume", 748.01212271) == "748.01212"
    assert words.cell("volume", Decimal("748.01212271")) == "748.01212271"
    assert words.cell("price", 748.01212271) == "748.01212271"
    assert words.cell("sequential_id", 17_640_000_000_000_000) == "17640000000000000"


def test_a_value_alone_says_its_unit_and_its_moment():
    assert words.field("signed_change_rate", -0.0123) == "-1.23%"
    assert words.field("hit_rate", 0.5) == "50.00%"
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert words.field("time", moment) == "2026-01-02T00:00:00.000Z"
    assert words.field("price", None) == "-"


def test_a_change_of_nothing_has_no_sign_and_no_tone():
    assert words.percent(-0.00001, signed=True) == "0.00"
    assert [words.tone(each) for each in (0.1, -0.1, 0.0, None)] == ["up", "down", "", ""]


def test_moments_say_what_differs_and_their_zone_once():
    days = [datetime(2026, 1, day, tzinfo=SEOUL) for day in (1, 2)]
    assert words.moments(days) == ("Asia/Seoul", ["2026-01-01", "2026-01-02"])
    minutes = [*days, datetime(2026, 1, 1, 0, 1, tzinfo=SEOUL)]
    assert words.moments(minutes)[1][0] == "2026-01-01 00:00"
    seconds = [*minutes, datetime(2026, 1, 1, 0, 0, 1, tzinfo=SEOUL), None]
    assert words.moments(seconds)[1][-2:] == ["2026-01-01 00:00:01", "-"]
    parts = [*seconds, datetime(2026, 1, 1, 0, 0, 0, 5_000, tzinfo=SEOUL)]
    assert words.moments(parts)[1][-1] == "2026-01-01 00:00:00.005"
    assert words.moments([datetime(2026, 1, 1)]) == ("", ["2026-01-01"])  # noqa: DTZ001


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (999_960, "1.0 MB"), (2e15, "2,000.0 TB")],
)
def test_bytes_have_the_unit_that_fits(count, text):
    assert words.size(count) == text


def test_an_age_of_days_has_no_minutes():
    assert [words.age(each) for each in (3, 7500, 200_000)] == ["3s", "2h 05m", "2 days"]
