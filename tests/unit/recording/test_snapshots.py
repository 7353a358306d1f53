"""Snapshots are the newest message of a moment, as long as none can have been missed."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.recording.snapshots import snapshots
from marketkit.schema import TIME


def rows(*messages, depths=2):
    """Messages of `(symbol, received)`, each with so many rows; the price is its number."""
    listed = [
        (symbol, depth, float(number), received)
        for number, (symbol, received) in enumerate(messages)
        for depth in range(1, depths + 1)
    ]
    names = {"symbol": pl.String, "depth": pl.Int64, "bid_price": pl.Float64, "received": pl.Int64}
    return pl.DataFrame(listed, names, orient="row").with_columns(pl.col("received").cast(TIME))


def told(frame):
    heads = frame.filter(pl.col("depth") == 1) if "depth" in frame.columns else frame
    return heads.select(pl.col("at").dt.epoch("ms"), "symbol", "bid_price").rows()


ONE = {"A": Spans([(0, 45)])}


def test_each_moment_has_the_newest_message_and_none_is_before_the_first():
    books = rows(("A", 5), ("A", 20), ("A", 21), ("A", 38))
    found = snapshots(books, 10, ONE)
    assert told(found) == [(10, "A", 0.0), (20, "A", 1.0), (30, "A", 2.0), (40, "A", 3.0)]
    assert found["depth"].to_list() == [1, 2] * 4
    assert found.columns == ["at", *books.columns]


def test_nothing_is_carried_over_a_time_that_nobody_heard():
    heard = {"A": Spans([(0, 22), (35, 61)])}
    found = snapshots(rows(("A", 5), ("A", 48)), 10, heard)
    assert told(found) == [(10, "A", 0.0), (20, "A", 0.0), (50, "A", 1.0), (60, "A", 1.0)]


def test_markets_do_not_mix_and_sort_by_moment():
    heard = {"A": Spans([(0, 20)]), "B": Spans([(0, 20)])}
    found = snapshots(rows(("B", 3), ("A", 4), ("B", 12)), 10, heard)
    assert told(found) == [(10, "A", 1.0), (10, "B", 0.0), (20, "A", 1.0), (20, "B", 2.0)]


def test_messages_of_one_row_need_no_depth():
    found = snapshots(rows(("A", 5), ("A", 12), depths=1).drop("depth"), 10, ONE)
    assert told(found)[:2] == [(10, "A", 0.0), (20, "A", 1.0)]


@pytest.mark.parametrize("heard", [{}, {"A": Spans()}, {"A": Spans([(6, 9)])}])
def test_without_a_moment_there_is_no_row_but_every_column(heard):
    found = snapshots(rows(("A", 5)), 10, heard)
    assert found.is_empty()
    assert found.schema["at"] == TIME
