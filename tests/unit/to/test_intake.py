"""Every shape of frame becomes the same candles, and what is no candle is refused by name."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.frames import finish
from marketkit.schema import ROW
from marketkit.timeframe import parse_timeframe
from marketkit.to.intake import bars, candles, codes, one_market, pandas_bars, rows_of, slots


def bare(frame: pl.DataFrame) -> pd.DataFrame:
    """Give one market as numbers alone, with its name in `attrs`."""
    table = frame.drop("symbol", "state").to_pandas().set_index("time")
    table.attrs.update(symbol="KRW-BTC", state="closed")
    return table


SHAPES = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "arrow": lambda frame: frame.to_arrow(),
    "pandas": lambda frame: finish(frame, frame="pandas", tz="UTC", index=["time"]),
    "pandas of many": lambda frame: finish(frame, frame="pandas", tz="UTC", index=["symbol", "time"]),
    "pandas of numbers": bare,
    "pandas without an index": lambda frame: frame.to_pandas(),
    "pandas whose index lost its name": lambda frame: bare(frame).rename_axis(None),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_frame_gives_the_same_bars(hours, shape):
    expected = hours.select(*ROW)
    assert bars(SHAPES[shape](hours)).equals(expected)


def test_rows_come_out_sorted_by_market_and_time(two):
    assert bars(two.reverse()).equals(two.select(*ROW))


def test_times_keep_the_zone_of_the_frame_and_their_moment(hours):
    seoul = finish(hours, frame="pandas", tz="Asia/Seoul", index=["time"])
    rows = bars(seoul)
    assert rows.schema["time"] == pl.Datetime("ms", "Asia/Seoul")
    assert (rows["time"].dt.epoch("ms") == hours["time"].dt.epoch("ms")).all()


def test_decimals_become_floats(hours):
    exact = hours.with_columns(pl.col("close").cast(pl.Decimal(38, 8)))
    assert bars(exact).equals(bars(hours))


def test_a_frame_without_turnover_has_bars(hours):
    assert bars(hours.drop("value"))["value"].null_count() == hours.height


def test_rows_without_numbers_are_no_bars(make, hours):
    null = make("KRW-BTC", [6], state="empty").with_columns(
        *(pl.lit(None, pl.Float64).alias(name) for name in ("open", "high", "low", "close")),
    )
    assert bars(pl.concat([hours, null])).equals(bars(hours))


def test_empties_with_the_last_close_are_kept_as_they_were_asked_for(make, hours):
    held = make("KRW-BTC", [6], state="empty").with_columns(volume=0.0)
    assert bars(pl.concat([hours, held])).height == 7


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_a_forming_candle_is_refused(make, hours, kind):
    frame = pl.concat([hours, make("KRW-BTC", [6], state="forming")])
    with pytest.raises(InputError, match="2026-03-01T06:00:00Z is still forming"):
        bars(finish(frame, frame=kind, tz="UTC", index=["time"]))


def test_a_forming_candle_alone_is_refused_when_only_attrs_say_so(hours):
    table = bare(hours.head(1))
    table.attrs["state"] = "forming"
    with pytest.raises(InputError, match="still forming"):
        bars(table)


def test_times_without_a_zone_are_refused_with_the_way_to_name_it(hours):
    with pytest.raises(InputError, match="tz_localize"):
        bars(hours.with_columns(pl.col("time").dt.replace_time_zone(None)))


def test_a_missing_column_is_named_with_the_nearest(hours):
    with pytest.raises(InputError, match="no column 'close'; did you mean 'Close'"):
        bars(hours.rename({"close": "Close"}))


def test_text_in_place_of_times_is_refused(hours):
    with pytest.raises(InputError, match="not times"):
        bars(hours.with_columns(pl.col("time").cast(pl.String)))


def test_text_in_place_of_numbers_is_refused(hours):
    with pytest.raises(InputError, match="column 'close' holds String, not numbers"):
        bars(hours.with_columns(close=pl.lit("1e5")))


def test_two_candles_of_one_time_are_refused(hours):
    with pytest.raises(InputError, match="two candles of KRW-BTC at 2026-03-01T03:00:00Z"):
        bars(pl.concat([hours, hours.slice(3, 1)]))


def test_a_row_without_a_time_is_refused(hours):
    with pytest.raises(InputError, match="row 2 of the frame has no time"):
        bars(hours.with_columns(pl.when(pl.col("close") != 102).then("time")))


@pytest.mark.parametrize("thing", [None, "KRW-BTC", [1, 2], {"close": [1]}])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(InputError, match="not a frame of candles"):
        rows_of(thing)


def test_an_empty_frame_has_nothing_to_hand_on(hours):
    with pytest.raises(InputError, match="no candle"):
        bars(hours.clear())


def test_one_of_several_markets_must_be_named(two):
    with pytest.raises(InputError, match=r"2 markets \(KRW-BTC, KRW-DOGE\): say which one"):
        one_market(two)
    assert one_market(two, symbol="KRW-DOGE")["symbol"].unique().to_list() == ["KRW-DOGE"]


def test_a_market_that_is_not_in_the_frame_is_refused_with_the_nearest(two):
    with pytest.raises(InputError, match="did you mean 'KRW-DOGE'"):
        one_market(two, symbol="KRW-DOG")


def test_a_frame_without_symbols_is_named_by_the_caller(hours):
    assert bars(hours.drop("symbol"), symbol="KRW-ETH")["symbol"].unique().to_list() == ["KRW-ETH"]
    with pytest.raises(InputError, match="add symbol='KRW-BTC'"):
        codes(bars(hours.drop("symbol")))


def test_codes_give_quote_and_base_of_each_market(two):
    assert [(quote, base) for quote, base, _ in codes(bars(two))] == [
        ("KRW", "BTC"),
        ("KRW", "DOGE"),
    ]


def test_only_slots_of_the_timeframe_pass(make, hours):
    assert slots(bars(hours), "1h") == parse_timeframe("1h")
    assert slots(bars(hours), "1h").name == "1h"
    with pytest.raises(
        InputError, match=r"2026-03-01T01:00:00Z of KRW-BTC is no slot of timeframe='4h'"
    ):
        slots(bars(hours), "4h")
    daily = make("KRW-BTC", [24 * day for day in range(10)])
    with pytest.raises(InputError, match="say timeframe='1d'"):
        slots(bars(daily), "1h")


def test_of_several_widths_the_named_one_is_taken(make, hours):
    day = make("KRW-BTC", [0], 90.0)
    both = pl.concat(
        [hours.with_columns(timeframe=pl.lit("1h")), day.with_columns(timeframe=pl.lit("1d"))]
    )
    assert bars(both, timeframe="1d")["close"].to_list() == [90]
    assert bars(both, timeframe="60m").equals(bars(hours))
    assert bars(both.filter(timeframe="1h")).equals(bars(hours))
    with pytest.raises(InputError, match=r"candles of 2 widths \(1h, 1d\): keep those of one"):
        bars(both)
    with pytest.raises(InputError, match="no candles of timeframe='4h'"):
        bars(both, timeframe="4h")


def test_a_frame_with_columns_for_each_symbol_is_refused(hours):
    table = bare(hours)
    table.columns = pd.MultiIndex.from_product([table.columns, ["KRW-BTC"]])
    with pytest.raises(InputError, match="without wide="):
        bars(table)


def test_other_columns_stay_with_candles(hours):
    assert candles(hours, needs=["close"]).columns == hours.columns


def test_pandas_bars_have_capital_names_and_floats_by_time(hours):
    table = pandas_bars(bars(hours))
    assert list(table.columns) == ["Open", "High", "Low", "Close", "Volume"]
    assert {str(dtype) for dtype in table.dtypes} == {"float64"}
    assert table.index.name == "time"
    assert str(table.index.tz) == "UTC"
    assert str(pandas_bars(bars(hours), tz="Asia/Seoul").index[0]) == "2026-03-01 09:00:00+09:00"
