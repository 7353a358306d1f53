"""Rows of files are shared out to markets; what names none, or another, is refused."""

from __future__ import annotations

import pytest

from marketkit.data.lake.transfer.sheet import sheets_of
from tests.unit.data.lake.transfer.tables import table, terms


def shared(*tables, **options):
    return sheets_of(dict(enumerate(tables)), terms(**options))


def test_rows_keep_the_number_of_their_file_and_their_place_in_it():
    ((sheet,), faults) = shared(table([0, 1]), table([2]), table([]))
    assert not faults
    assert sheet.symbol == "KRW-BTC"
    assert sheet.files == (0, 1, 2)
    assert sheet.rows.select("file", "row").rows() == [(0, 1), (0, 2), (1, 1)]


def test_markets_are_parted_and_places_stay():
    names = ["KRW-ETH", "KRW-BTC", "KRW-ETH"]
    sheets, _ = shared(table([0, 0, 1], symbol=names), table([5], symbol="KRW-BTC"), symbol=None)
    assert [each.symbol for each in sheets] == ["KRW-BTC", "KRW-ETH"]
    assert sheets[0].rows.select("file", "row").rows() == [(0, 2), (1, 1)]
    assert sheets[1].rows.select("file", "row").rows() == [(0, 1), (0, 3)]
    ((one,), _) = shared(table([0, 0, 1], symbol=names))
    assert one.rows["row"].to_list() == [2]


def test_rows_without_anything_are_no_rows():
    blank = table([0, 1], symbol=["KRW-BTC", None], time=[0, None], value=None)
    blank.rows[1, "open"] = blank.rows[1, "high"] = blank.rows[1, "low"] = None
    blank.rows[1, "close"] = blank.rows[1, "volume"] = None
    ((sheet,), faults) = shared(blank)
    assert (sheet.rows.height, faults) == (1, {})


@pytest.mark.parametrize(
    ("given", "options", "match"),
    [
        (table([0, 1], symbol=["KRW-BTC", None]), {}, "row 2 names no market"),
        (table([0, 1], symbol=["KRW-BTC", "sum"]), {}, "row 2 is of 'sum', which is no market"),
        (table([0], symbol="KRW-ETH"), {}, "has candles of KRW-ETH, not of KRW-BTC"),
        (table([0]), {"symbol": None}, "names no market"),
        (table([0], market="KRW-ETH"), {}, "its name says KRW-ETH, not KRW-BTC"),
        (table([0], symbol="KRW-BTC", market="KRW-ETH"), {"symbol": None}, "its name says KRW-ETH"),
    ],
)
def test_a_file_of_no_market_or_another_is_refused(given, options, match):
    sheets, faults = shared(given, **options)
    assert sheets == []
    assert match in faults[0]


def test_force_takes_a_file_of_another_name():
    ((sheet,), faults) = shared(table([0], market="KRW-ETH"), force=True)
    assert (sheet.symbol, faults) == ("KRW-BTC", {})


def test_the_name_says_the_market_where_nothing_else_does():
    ((sheet,), _) = shared(table([0], market="KRW-ETH"), symbol=None)
    assert sheet.symbol == "KRW-ETH"
