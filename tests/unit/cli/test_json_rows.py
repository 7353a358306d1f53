"""Every kind of column has a word of JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest

from marketkit.cli.json_rows import as_lines, as_list

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
COLUMNS = {
    "text": ("비트코인", "비트코인"),
    "whole": (7, 7),
    "number": (0.1, 0.1),
    "no number": (float("nan"), None),
    "endless": (float("inf"), None),
    "truth": (True, True),
    "nothing": (None, None),
    "moment": (NOON, "2024-01-01T12:00:00.000+00:00"),
    "moment of no zone": (NOON.replace(tzinfo=None), "2024-01-01T12:00:00.000"),
    "fine moment": (NOON.replace(microsecond=1), "2024-01-01T12:00:00.000001+00:00"),
    "day": (date(2024, 2, 29), "2024-02-29"),
    "hour": (time(9, 30), "09:30:00"),
    "while": (timedelta(seconds=90), "PT90S"),
    "decimal": (Decimal("1.50"), "1.50"),
    "whole decimal": (Decimal(15), 15),
    "bytes": (b"\xff\x00", "ff00"),
    "list": ([1.5, float("nan")], [1.5, None]),
    "struct": ({"at": NOON, "b": b"a"}, {"at": "2024-01-01T12:00:00.000+00:00", "b": "61"}),
    "lists of structs": ([{"d": Decimal("0.10")}], [{"d": "0.10"}]),
    "whiles": ([timedelta(milliseconds=1500)], ["PT1.5S"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_alone_and_below_another_is_written(name):
    given, wanted = COLUMNS[name]
    frame = pl.DataFrame({"x": [given]})
    assert json.loads(as_list(frame)) == [{"x": wanted}]
    assert json.loads(as_lines(frame)) == {"x": wanted}


def test_all_columns_stand_side_by_side():
    frame = pl.DataFrame({name: [given] for name, (given, _) in COLUMNS.items()})
    wanted = {name: said for name, (_, said) in COLUMNS.items()}
    assert json.loads(as_list(pl.concat([frame, frame]))) == [wanted, wanted]
    assert [json.loads(line) for line in as_lines(frame).splitlines()] == [wanted]


def test_a_zone_is_in_the_offset():
    frame = pl.DataFrame({"x": [NOON]}).with_columns(pl.col("x").dt.convert_time_zone("Asia/Seoul"))
    assert as_list(frame) == '[{"x":"2024-01-01T21:00:00.000+09:00"}]'


def test_a_large_whole_number_keeps_its_digits():
    frame = pl.DataFrame({"x": [2**100]}, schema={"x": pl.Int128})
    assert as_list(frame) == f'[{{"x":{2**100}}}]'


def test_no_rows_are_an_empty_list_and_no_line():
    for kind in (pl.Int64, pl.Binary, pl.List(pl.Binary), pl.Datetime("ns")):
        frame = pl.DataFrame(schema={"x": kind})
        assert (as_list(frame), as_lines(frame)) == ("[]", "")
