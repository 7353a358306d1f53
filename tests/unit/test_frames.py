"""The shape that a frame gets at the very end: time zone, Polars or pandas."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from marketkit.errors import InputError, MissingExtra
from marketkit.frames import (
    Defaults,
    FrameKind,
    Precision,
    check_zone,
    finish,
    finish_wide,
    one_of,
    wide_columns,
    widen,
    with_timeframe,
)
from marketkit.schema import CANDLE, TICKER, empty, exact

START = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def candles():
    """Two markets, two minutes."""
    times = [START, START + timedelta(minutes=1)] * 2
    numbers = ("open", "high", "low", "close", "volume", "value")
    prices = {name: [1.0, 2.0, 3.0, 4.0] for name in numbers}
    symbols = ["KRW-BTC", "KRW-BTC", "KRW-ETH", "KRW-ETH"]
    states = ["closed", "forming", "closed", "empty"]
    rows = {"symbol": symbols, "time": times, **prices, "state": states}
    return pl.DataFrame(rows, schema=dict(CANDLE))


def shaped(data, frame="pandas", tz="UTC", index=("symbol", "time")):
    return finish(data, frame=frame, tz=tz, index=index)


def test_polars_in_utc_is_given_as_it_is(candles):
    assert shaped(candles, "polars") is candles


def test_a_time_zone_moves_the_clock_and_not_the_moment(candles):
    seoul = shaped(candles, "polars", "Asia/Seoul")
    assert seoul.schema["time"] == pl.Datetime("ms", "Asia/Seoul")
    assert seoul["time"].dt.epoch("ms").to_list() == candles["time"].dt.epoch("ms").to_list()
    assert seoul["time"].dt.hour().to_list() == [9] * 4
    assert seoul.drop("time").equals(candles.drop("time"))


def test_every_time_of_a_ticker_is_moved_and_its_dates_are_not():
    moved = shaped(empty(TICKER), "polars", "Asia/Seoul").schema
    assert moved["time"] == moved["trade_time"] == pl.Datetime("ms", "Asia/Seoul")
    assert moved["high_52w_date"] == pl.Date


def test_a_time_zone_with_summer_time_keeps_every_moment(candles):
    hours = [datetime(2025, 11, 2, hour, tzinfo=UTC) for hour in (4, 5, 6, 7)]
    moved = shaped(
        candles.with_columns(time=pl.Series(hours, dtype=CANDLE["time"])),
        "polars",
        "America/New_York",
    )
    assert moved["time"].n_unique() == 4
    assert moved["time"].is_sorted()


def test_one_market_in_pandas_has_an_index_of_times(candles):
    pandas = pytest.importorskip("pandas")
    frame = shaped(candles.head(2), tz="Asia/Seoul", index=["time"])
    assert isinstance(frame.index, pandas.DatetimeIndex)
    assert frame.index.name == "time"
    assert str(frame.index.tz) == "Asia/Seoul"
    assert list(frame.columns) == [name for name in CANDLE if name != "time"]
    assert frame.loc["2025-09-01 09:01:00+09:00", "close"] == 2.0


def test_a_list_of_markets_in_pandas_has_an_index_of_symbols_and_times(candles):
    pandas = pytest.importorskip("pandas")
    for rows in (4, 2):  # also a list of one market
        frame = shaped(candles.head(rows))
        assert isinstance(frame.index, pandas.MultiIndex)
        assert frame.index.names == ["symbol", "time"]
        assert frame.loc["KRW-BTC"].shape == (2, 7)
        assert str(frame.index.levels[1].tz) == "UTC"


def test_enums_become_categoricals_with_all_their_categories(candles):
    pytest.importorskip("pandas")
    state = shaped(candles)["state"]
    assert state.dtype == "category"
    assert list(state.cat.categories) == ["closed", "forming", "empty"]
    assert list(state) == ["closed", "forming", "closed", "empty"]


def test_floats_stay_floats_and_decimals_stay_decimals(candles):
    pytest.importorskip("pandas")
    assert shaped(candles)["close"].dtype == "float64"
    precise = candles.cast(pl.Schema(exact(CANDLE)))
    assert shaped(precise)["close"].iloc[0] == Decimal("1.00000000")


@pytest.mark.parametrize("index", [["time"], ["symbol", "time"]])
def test_nothing_has_the_same_shape_in_pandas(index):
    pytest.importorskip("pandas")
    frame = shaped(empty(CANDLE), index=index)
    assert len(frame) == 0
    assert list(frame.index.names) == index
    assert list(frame.columns) == [name for name in CANDLE if name not in index]
    assert frame["state"].dtype == "category"


@pytest.mark.parametrize("tz", ["UTC", "Asia/Seoul", "America/New_York"])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_candles_of_one_market_are_as_polars_would_convert_them_and_can_be_written_to(tz, rows):
    pandas = pytest.importorskip("pandas")
    times = [START + timedelta(minutes=each) for each in range(rows)]
    told = {"time": times, "close": [1.5, None][:rows], "volume": [2.5, 3.5][:rows]}
    schema = {"time": pl.Datetime("ms", "UTC"), "close": pl.Float64, "volume": pl.Float64}
    data = pl.DataFrame(told, schema=schema)
    frame = shaped(pl.concat([data, data.clear()], rechunk=False), tz=tz, index=["time"])
    zoned = data.with_columns(pl.col("time").dt.convert_time_zone(tz))
    expected = zoned.to_pandas().set_index("time")
    pandas.testing.assert_frame_equal(frame, expected)
    assert str(frame.index.tz) == str(expected.index.tz)
    frame.iloc[:, 0] = 9.0
    assert data["close"].to_list() == [1.5, None][:rows]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Seoul"])
@pytest.mark.parametrize("index", [["time"], ["symbol", "time"]])
@pytest.mark.parametrize("which", [slice(0, 2), slice(0, 4), slice(1, 3), slice(0, 0)])
def test_candles_with_states_are_as_polars_would_convert_them(candles, tz, index, which):
    pandas = pytest.importorskip("pandas")
    candles = candles.with_columns(pl.col("state").replace("forming", None))
    data = candles[which] if index[0] == "symbol" else candles[which].drop("symbol")
    frame = shaped(pl.concat([data[:1], data[1:]], rechunk=False), tz=tz, index=index)
    zoned = data.with_columns(pl.col("time").dt.convert_time_zone(tz))
    expected = zoned.to_pandas().set_index(index)
    pandas.testing.assert_frame_equal(frame, expected, check_index_type="exact")
    assert list(map(str, frame.dtypes)) == list(map(str, expected.dtypes))
    if index[0] == "symbol":
        assert [each.dtype for each in frame.index.levels] == [
            each.dtype for each in expected.index.levels
        ]
        assert frame.index.equals(expected.index)
        assert frame.loc["KRW-BTC":].equals(expected.loc["KRW-BTC":])
    frame.iloc[:, 0] = 9.0
    assert data["open"].to_list() == candles[which]["open"].to_list()


def test_pandas_that_is_not_there_is_asked_for_by_its_extra(candles, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[pandas\]") as caught:
        shaped(candles)
    assert isinstance(caught.value, ImportError)
    assert shaped(candles, "polars") is candles


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "America/New_York", "Europe/London"])
def test_a_zone_that_exists_is_let_through(zone):
    check_zone(zone)


@pytest.mark.parametrize(
    "zone", ["", "Asia/Soul", "KST", "UTC+9", "+09:00", "../x", "America", "\0", None, 9]
)
def test_a_zone_that_does_not_exist_is_bad_input(zone):
    with pytest.raises(InputError, match="Asia/Seoul"):
        check_zone(zone)


def test_a_value_of_the_choice_is_let_through():
    one_of("frame", "pandas", FrameKind)
    one_of("precision", "decimal", Precision)


@pytest.mark.parametrize(
    ("name", "value", "kinds", "said"),
    [
        (
            "frame",
            "panda",
            FrameKind,
            "frame='panda'; did you mean 'pandas'? (one of polars pandas arrow)",
        ),
        ("frame", "numpy", FrameKind, "frame='numpy' (one of polars pandas arrow)"),
        ("precision", None, Precision, "precision=None (one of float decimal)"),
        ("precision", float, Precision, "precision=<class 'float'>"),
    ],
)
def test_any_other_value_names_the_argument_and_what_there_is(name, value, kinds, said):
    with pytest.raises(InputError) as caught:
        one_of(name, value, kinds)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *((each, "write tz='Asia/Seoul'") for each in ("KST", "kst", "Seoul", "UTC+9", "+09:00")),
        ("new york", "write tz='America/New_York'"),
        ("asia/seoul", "write tz='Asia/Seoul'"),
        ("Asia/Soul", "did you mean 'Asia/Seoul'"),
    ],
)
def test_another_word_for_a_zone_is_answered_with_its_name(typed, meant):
    with pytest.raises(InputError, match=meant):
        check_zone(typed)


def test_fixed_columns_are_in_attrs_with_their_value_or_the_one_that_was_said(candles):
    pytest.importorskip("pandas")
    fixed = {"symbol": "asked", "state": "closed"}
    said = finish(candles.head(1), frame="pandas", tz="UTC", index=["time"], fixed=fixed)
    assert said.attrs == {"symbol": "KRW-BTC", "state": "closed"}
    assert set(map(str, said.dtypes)) == {"float64"}
    none = finish(empty(CANDLE), frame="pandas", tz="UTC", index=["time"], fixed=fixed)
    assert none.attrs == fixed
    assert list(none.columns) == list(said.columns)


def test_arrow_has_every_column_in_its_zone_and_no_views(candles):
    table = shaped(candles, "arrow", "Asia/Seoul")
    assert table.column_names == candles.columns
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=Asia/Seoul]"
    assert "view" not in str(table.schema)
    assert pl.from_arrow(table).equals(shaped(candles, "polars", "Asia/Seoul"))


@pytest.mark.parametrize(
    ("wide", "columns"),
    [("close", ["close"]), (["close"], ["close"]), (("open", "value"), ["open", "value"])],
)
def test_columns_to_lay_out_wide_are_one_or_several(wide, columns):
    assert wide_columns(wide) == columns


@pytest.mark.parametrize("bad", ["clsoe", "state", [], ["close", 1], [None]])
def test_what_is_no_column_of_numbers_cannot_be_wide(bad):
    with pytest.raises(InputError, match="wide="):
        wide_columns(bad)


def test_wide_has_a_row_for_each_time_and_nulls_where_nothing_is_known(candles):
    names = ["KRW-BTC", "KRW-ETH", "KRW-NIX"]
    table = widen(candles.filter(pl.col("close") != 4.0), "close", names)
    assert table.rows() == [
        (START, 1.0, 3.0, None),
        (START + timedelta(minutes=1), 2.0, None, None),
    ]
    assert widen(empty(CANDLE), "close", names).columns == ["time", *names]


def test_several_wide_columns_carry_their_name(candles):
    assert widen(candles, ["close", "volume"], ["KRW-BTC"]).columns == [
        "time",
        "close_KRW-BTC",
        "volume_KRW-BTC",
    ]


def test_wide_pandas_has_symbols_as_columns_also_without_rows(candles):
    pandas = pytest.importorskip("pandas")
    names = ["KRW-BTC", "KRW-ETH"]
    for rows in (candles, empty(CANDLE)):
        one = finish_wide(rows, "close", names, frame="pandas", tz="Asia/Seoul")
        assert (list(one.columns), one.columns.name) == (names, "symbol")
        assert isinstance(one.index, pandas.DatetimeIndex)
        two = finish_wide(rows, ["close", "volume"], names, frame="pandas", tz="UTC")
        assert two.columns.names == ["column", "symbol"]
        assert list(two["volume"].columns) == names


def test_a_width_is_told_behind_the_symbol_also_of_nothing(candles):
    for rows in (candles, empty(CANDLE)):
        told = with_timeframe(rows, "1h")
        assert told.columns == ["symbol", "timeframe", *rows.columns[1:]]
        assert told["timeframe"].to_list() == ["1h"] * rows.height
    assert "timeframe" not in candles.columns


def test_defaults_are_changed_together_or_not_at_all():
    defaults = Defaults("pandas")
    defaults.set(None, "Asia/Seoul", "09:00 Asia/Seoul")
    assert (defaults.frame_of(None), defaults.tz_of(None)) == ("pandas", "Asia/Seoul")
    assert (defaults.frame_of("polars"), defaults.tz_of("UTC")) == ("polars", "UTC")
    assert defaults.session_of(None) == "09:00 Asia/Seoul"
    for bad in (("panda", None, None), ("arrow", "KST", None), ("arrow", None, "9")):
        with pytest.raises(InputError):
            defaults.set(*bad)
        assert defaults == Defaults("pandas", "Asia/Seoul", "09:00 Asia/Seoul")
