"""The columns and types that every frame has."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit import schema
from marketkit.errors import InputError

SCHEMAS = {
    name: each
    for name, each in vars(schema).items()
    if name.isupper() and isinstance(each, dict) and name != "TIMEFRAMES" and name[0] != "_"
}


def test_a_candle_has_the_columns_of_the_design_in_their_order():
    assert list(schema.CANDLE) == [
        "symbol",
        "time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "value",
        "state",
    ]
    assert list(schema.CANDLE)[:-1] == list(schema.ROW)
    assert schema.STATE.categories.to_list() == ["closed", "forming", "empty"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_times_are_milliseconds_utc_and_no_column_is_a_keyword_of_sql(name):
    for column, dtype in SCHEMAS[name].items():
        assert column != "interval"
        if isinstance(dtype, pl.Datetime):
            assert dtype == pl.Datetime("ms", "UTC")


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_nothing_is_an_empty_frame_with_all_columns(name):
    frame = schema.empty(SCHEMAS[name])
    assert frame.is_empty()
    assert dict(frame.schema) == dict(SCHEMAS[name])


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_exact_schema_changes_floats_and_nothing_else(name):
    exact = schema.exact(SCHEMAS[name])
    assert list(exact) == list(SCHEMAS[name])
    for column, dtype in SCHEMAS[name].items():
        if dtype == pl.Float64:
            assert isinstance(exact[column], pl.Decimal)
            assert exact[column].precision == 38
        else:
            assert exact[column] == dtype


@pytest.mark.parametrize("name", sorted(set(SCHEMAS) - {"TICKER"}))
def test_decimals_have_eight_places(name):
    exact = schema.exact(SCHEMAS[name])
    assert {each.scale for each in exact.values() if isinstance(each, pl.Decimal)} <= {8}


def test_only_turnover_and_rate_of_a_ticker_have_sixteen_places():
    exact = schema.exact(schema.TICKER)
    deep = {
        name for name, each in exact.items() if isinstance(each, pl.Decimal) and each.scale == 16
    }
    assert deep == {"value", "value_24h", "signed_change_rate"}


@pytest.mark.parametrize("name", sorted(schema._FRAMES))
def test_every_column_of_a_frame_is_explained(name):
    told = schema.describe(name)
    columns, _ = schema._FRAMES[name]
    assert told["column"].to_list() == list(columns)
    assert set(told["frame"]) == {name}
    assert told.select(pl.col("type", "meaning", "source").str.len_chars().min()).row(0) > (0, 0, 0)


def test_all_frames_are_explained_together_and_nothing_else_is():
    assert schema.describe()["frame"].unique(maintain_order=True).to_list() == [*schema._FRAMES]
    explained = {column for columns, _ in schema._FRAMES.values() for column in columns}
    assert {name.rpartition(".")[2] for name in schema._COLUMNS} == explained


def test_prices_have_their_currency_and_times_their_zone():
    told = {row["column"]: row["unit"] for row in schema.describe("candle").rows(named=True)}
    assert (told["close"], told["volume"]) == ("quote currency", "base currency")
    assert "UTC" in told["time"]


def test_an_unknown_frame_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="no frame 'candel'; did you mean 'candle'"):
        schema.describe("candel")
