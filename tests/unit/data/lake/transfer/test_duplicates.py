"""Of rows of one time repetitions are dropped, and contradictions decided or refused."""

from __future__ import annotations

import pytest

from marketkit.data.lake.transfer.duplicates import distinct
from tests.unit.data.lake.transfer.tables import sheet, table


def decided(*tables, duplicates="error"):
    given, by_number = sheet(*tables)
    return distinct(given.rows, by_number, duplicates)


def test_rows_in_order_stay_as_they_are():
    rows, faults = decided(table([0, 1, 5]))
    assert (rows["row"].to_list(), faults) == ([1, 2, 3], {})


def test_repetitions_count_once_whatever_the_order():
    rows, faults = decided(table([5, 0, 5]), table([0]))
    assert (rows["time"].dt.minute().to_list(), faults) == ([0, 5], {})


def test_a_turnover_that_one_row_lacks_is_that_of_the_other():
    rows, faults = decided(table([0, 0, 1], value=[None, 7.0, None]))
    assert (rows["value"].to_list(), faults) == ([7.0, None], {})


def test_rows_that_say_in_other_words_that_nothing_traded_are_one():
    words = {"volume": [0.0, None], "value": [0.0, None]}
    bare = {name: [100.0, None] for name in ("open", "high", "low", "close")}
    rows, faults = decided(table([0, 0], **words, **bare))
    assert (rows.height, faults) == (1, {})


@pytest.mark.parametrize(("duplicates", "volume"), [("first", 1.0), ("last", 3.0)])
def test_the_first_or_the_last_counts_in_the_order_of_the_files(duplicates, volume):
    tables = table([0, 1], volume=[1.0, 9.0]), table([0, 0], volume=[2.0, 3.0])
    rows, faults = decided(*tables, duplicates=duplicates)
    assert (rows["volume"].to_list(), faults) == ([volume, 9.0], {})


def test_a_contradiction_refuses_the_file_of_the_later_row():
    _, faults = decided(table([0, 1], name="a.csv"), table([1], volume=0.5, name="b.csv"))
    assert list(faults) == [1]
    assert "two different candles of 2024-01-01T00:01:00Z: row 2 of a.csv (100.0" in faults[1]
    assert "say duplicates='first' or 'last'" in faults[1]
