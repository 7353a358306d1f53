"""Frames of any library give the values of their ends."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.notebook.values import values_of

FRAME = pl.DataFrame({"symbol": ["A"] * 9, "price": [float(n) for n in range(9)]})


@pytest.mark.parametrize(
    "make", [pl.DataFrame.clone, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow]
)
def test_the_first_and_the_last_rows_are_given(make):
    assert values_of(make(FRAME), 3) == (9, {"symbol": ["A"] * 3, "price": [0.0, 1.0, 8.0]})
    assert values_of(make(FRAME), 40) == (9, FRAME.to_dict(as_series=False))
    assert values_of(make(FRAME.head(0)), 3) == (0, {"symbol": [], "price": []})


def test_the_index_of_pandas_comes_first_and_so_does_a_symbol_that_is_told_beside():
    indexed = FRAME.to_pandas().set_index("symbol")
    assert list(values_of(indexed, 2)[1]) == ["symbol", "price"]
    told = FRAME.to_pandas()[["price"]]
    told.attrs["symbol"] = "KRW-BTC"
    assert values_of(told, 2)[1] == {"symbol": ["KRW-BTC"] * 2, "price": [0.0, 8.0]}


def test_columns_of_several_levels_have_one_name():
    wide = FRAME.to_pandas()[["price"]]
    wide.columns = [("close", "KRW-BTC")]
    assert list(values_of(wide, 2)[1]) == ["close KRW-BTC"]
