"""Two sides joined slot by slot, and the names of the markets."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.api.candles import CandleCall
from marketkit.api.premium import Markets, PremiumCall, markets_of, premiums
from marketkit.errors import InputError
from marketkit.schema import PREMIUM, STATE
from marketkit.timeframe import MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-03-02")


def side(symbol: str, closes: list[float | None], states: str, start: int = START) -> pl.DataFrame:
    """Make candles of some closes; `c` and `e` are the states."""
    times = [start + at * MINUTE for at in range(len(closes))]
    words = {"c": "closed", "e": "empty"}
    prices = {name: pl.Series(closes, dtype=pl.Float64) for name in ("open", "close")}
    return make_candles(times, symbol).with_columns(
        **prices,
        value=pl.lit(1_000.0),
        state=pl.Series([words[each] for each in states], dtype=STATE),
    )


def test_a_slot_that_one_side_lacks_has_no_premium():
    won = side("KRW-BTC", [100.0, 200.0, 300.0], "ccc")
    rate = side("KRW-USDT", [10.0, 20.0], "cc", START + MINUTE)
    found = premiums(won, rate)
    assert found.schema == pl.Schema(PREMIUM)
    assert found["close"].to_list() == [20.0, 15.0]
    assert found["value"].to_list() == [100.0, 50.0]
    assert found["symbol"].to_list() == ["KRW-BTC"] * 2
    assert found["direct"].null_count() == found["premium"].null_count() == 2


def test_a_slot_is_empty_where_both_rest_and_absent_before_the_first_price():
    won = side("KRW-BTC", [None, 100.0, 100.0, 100.0], "ecee")
    rate = side("KRW-USDT", [10.0, 10.0, 20.0, 20.0], "ccce")
    found = premiums(won, rate)
    assert found["state"].to_list() == ["closed", "closed", "empty"]
    assert found["close"].to_list() == [10.0, 5.0, 5.0]


def test_high_and_low_are_of_open_and_close():
    won = side("KRW-BTC", [100.0], "c").with_columns(open=pl.lit(50.0))
    (row,) = premiums(won, side("KRW-USDT", [10.0], "c")).rows(named=True)
    assert (row["open"], row["high"], row["low"], row["close"]) == (5.0, 10.0, 5.0, 10.0)


def test_the_premium_is_above_the_market_between():
    direct = side("USDT-BTC", [9.5], "c").drop("state")
    won, rate = side("KRW-BTC", [100.0, 100.0], "cc"), side("KRW-USDT", [10.0, 10.0], "cc")
    found = premiums(won, rate, direct)
    assert found["premium"].to_list() == pytest.approx([10 / 9.5 - 1, None])
    assert found["rate"].to_list() == [10.0, 10.0]


@pytest.mark.parametrize("base", ["BTC", "btc", " BTC ", "KRW-BTC", "BTC/KRW"])
def test_a_currency_is_named_in_any_way(base):
    assert markets_of(base, "usdt") == Markets("KRW-BTC", "KRW-USDT", "USDT-BTC")


@pytest.mark.parametrize("base", ["", "*", "BTC-ETH", "KRW", "USDT", 5])
def test_other_words_are_refused(base):
    with pytest.raises(InputError):
        markets_of(base, "USDT")


def test_only_the_sides_have_rows_for_empty_slots():
    call = PremiumCall(timeframe="1h", start="-1d", source="lake")
    assert call.candles(filled=True) == CandleCall("1h", "-1d", source="lake", fill="forward")
    assert call.candles(filled=False) == CandleCall("1h", "-1d", source="lake")
