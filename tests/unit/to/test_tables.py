"""A column for each market, and Arrow: no number is made, moved or lost."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from marketkit.errors import InputError
from marketkit.frames import finish
from marketkit.to.tables import arrow, wide


def test_each_market_has_a_column_and_a_missing_hour_is_null(two):
    table = wide(two)
    assert table.columns == ["time", "KRW-BTC", "KRW-DOGE"]
    assert table["KRW-BTC"].to_list() == [100, 101, 102, 103, 104, 105]
    assert table["KRW-DOGE"].to_list() == [0.125, 1.125, None, None, 4.125, 5.125]


def test_any_column_can_be_asked_for(two):
    assert wide(two, "volume")["KRW-BTC"].sum() == 6 * 1.25
    with pytest.raises(InputError, match="no column 'clsoe'; did you mean 'close'"):
        wide(two, "clsoe")


def test_pandas_in_pandas_out_and_ready_for_statistics(two):
    many = finish(two, frame="pandas", tz="Asia/Seoul", index=["symbol", "time"])
    table = wide(many)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["KRW-BTC", "KRW-DOGE"]
    assert str(table.index.tz) == "Asia/Seoul"
    returns = table.pct_change(fill_method=None)
    assert returns.corr().shape == (2, 2)
    assert table["KRW-DOGE"].isna().sum() == 2


def test_arrow_in_arrow_out(two):
    table = wide(two.to_arrow())
    assert isinstance(table, pa.Table)
    assert table.column_names == ["time", "KRW-BTC", "KRW-DOGE"]


def test_markets_stand_in_the_order_of_their_codes(two):
    assert wide(two.reverse()).columns == wide(two).columns


def test_a_forming_candle_has_no_place_beside_final_ones(make, two):
    with pytest.raises(InputError, match="still forming"):
        wide(pl.concat([two, make("KRW-BTC", [6], state="forming")]))


def test_arrow_has_all_rows_and_columns_with_their_types(make, two):
    table = arrow(pl.concat([two, make("KRW-BTC", [6], state="forming")]))
    assert table.column_names == two.columns
    assert table.num_rows == two.height + 1
    assert table.schema.field("time").type == pa.timestamp("ms", "UTC")
    assert table["state"].to_pylist()[-1] == "forming"
    assert (
        pl.DataFrame(pl.from_arrow(table)).drop("state").head(two.height).equals(two.drop("state"))
    )


def test_arrow_keeps_decimals_exact(hours):
    exact = hours.with_columns(pl.col("close").cast(pl.Decimal(38, 8)))
    assert arrow(exact).schema.field("close").type == pa.decimal128(38, 8)
