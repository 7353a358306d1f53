"""The file of a day: what is written is read, and nothing else is believed."""

from __future__ import annotations

import random

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format import seal
from marketkit.data.lake.format.footer import schema_of
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance, Source
from marketkit.data.lake.trades import day as format_
from marketkit.data.lake.trades.day import (
    STORED,
    describe,
    encode,
    read_day,
    read_footer,
    write_day,
)
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.data.lake.trades.rows import TradePage, checked, numbered
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.schema import empty
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

SERIES = TradeSeries("upbit", "KRW-BTC")
WHOLE = Spans([(FIRST, FIRST + DAY)])
SOURCE = Source("trade/x.zip", "ab" * 32, 12, None, NOON, FIRST, FIRST + DAY)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "2024-01-01.parquet"


def a_day(rows):
    return numbered(checked("KRW-BTC", TradePage(rows, WHOLE)).rows)


def put(path, rows, archive=NO_ARCHIVE):
    footer = describe(rows, WHOLE, archive)
    write_day(path, rows, footer, SERIES)
    return footer


@pytest.mark.parametrize("rows", [make_trades(range(NOON, NOON + 9)), empty(STORED)])
def test_a_day_is_read_as_it_was_written(path, rows):
    rows = a_day(rows) if rows.height else rows
    footer = put(path, rows, Provenance((SOURCE,)))
    read, said = read_day(path, SERIES)
    assert read.equals(rows)
    assert (said, said.archive.sources) == (footer, (SOURCE,))
    assert read_footer(path, SERIES)[0] == footer


def test_trades_of_the_archive_have_no_numbers_of_rest(path):
    put(path, a_day(as_archived(make_trades([NOON, NOON]))))
    read, _ = read_day(path, SERIES)
    assert read["sequential_id"].null_count() == read["prev_close"].null_count() == 2


def test_a_footer_is_read_without_a_parquet_library():
    assert schema_of(encode(empty(STORED), b"")) == format_.SCHEMA


def test_no_bit_of_a_day_can_change_unseen(path):
    put(path, a_day(make_trades(range(NOON, NOON + 500))))
    content, dice = path.read_bytes(), random.Random(5)
    for _ in range(60):
        at = dice.randrange(len(content))
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]
        )
        with pytest.raises(CorruptFile):
            read_day(path, SERIES)
    path.write_bytes(content[:-100])
    with pytest.raises(CorruptFile):
        read_footer(path, SERIES)


def test_a_day_in_the_place_of_another_is_none(path):
    put(path, a_day(make_trades([NOON])))
    with pytest.raises(CorruptFile, match="symbol"):
        read_day(path, TradeSeries("upbit", "KRW-ETH"))
    other = path.with_name("2024-01-02.parquet")
    path.rename(other)
    with pytest.raises(CorruptFile, match="covered"):
        read_day(other, SERIES)


def test_a_file_without_a_seal_is_none(path):
    pl.DataFrame({"time": [1]}).write_parquet(path)
    with pytest.raises(CorruptFile, match="no seal"):
        read_footer(path, SERIES)


def test_a_later_format_is_told_from_damage(path, monkeypatch):
    monkeypatch.setattr(format_, "FORMAT", 2)
    put(path, a_day(make_trades([NOON])))
    monkeypatch.undo()
    with pytest.raises(NewerFormat, match="update"):
        read_day(path, SERIES)


def test_the_seal_is_that_of_chunks(path):
    put(path, a_day(make_trades([NOON])))
    assert seal.check(path.read_bytes())
