"""The rules of trades, and their order."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.trades.rows import TradePage, checked, numbered
from marketkit.errors import InputError
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])


def rows_of(rows, covering=WHOLE):
    return checked("KRW-BTC", TradePage(rows, covering)).rows


def test_trades_are_in_the_order_of_time_and_number():
    rows = rows_of(make_trades([NOON + 1, NOON, NOON, NOON], [4, 3, 1, 2]))
    assert rows["sequential_id"].to_list() == [1, 2, 3, 4]
    assert numbered(rows)["seq"].to_list() == [0, 1, 2, 3]


def test_trades_of_the_archive_are_in_the_order_of_time_and_seq():
    rows = as_archived(make_trades([NOON + 1, NOON, NOON], volumes=[3, 1, 2]))
    assert rows_of(rows)["volume"].to_list() == [1, 2, 3]
    assert rows_of(rows[::-1])["volume"].to_list() == [1, 2, 3]


def test_a_number_of_the_exchange_is_there_once():
    rows = make_trades([NOON, NOON, NOON], [7, 7, None])
    assert rows_of(rows)["sequential_id"].to_list() == [7, None]


def test_trades_without_any_number_keep_their_order():
    rows = make_trades([NOON] * 3, [None] * 3, volumes=[3, 1, 2])
    assert rows_of(rows)["volume"].to_list() == [3, 1, 2]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("price", 0.0, "price that is not positive"),
        ("price", float("nan"), "not finite"),
        ("volume", -1.0, "negative volume"),
        ("volume", None, "a null"),
        ("symbol", "KRW-ETH", "symbol is not KRW-BTC"),
    ],
)
def test_what_is_no_trade_is_refused(column, value, said):
    rows = make_trades([NOON])
    rows = rows.with_columns(pl.lit(value, rows.schema[column]).alias(column))
    with pytest.raises(InputError, match=said):
        rows_of(rows)


def test_a_trade_outside_of_the_covering_is_refused():
    with pytest.raises(InputError, match="outside the covering"):
        rows_of(make_trades([NOON]), Spans([(NOON + 1, NOON + 2)]))


def test_other_columns_are_refused():
    with pytest.raises(InputError, match="columns"):
        rows_of(make_trades([NOON]).drop("price"))
    with pytest.raises(InputError, match="columns"):
        rows_of(make_trades([NOON]).with_columns(more=1))
