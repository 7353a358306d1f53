"""Records of a journal: what was written is read, and nothing else ever is."""

from __future__ import annotations

import random
from dataclasses import replace

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.journal import (
    NAME,
    Mark,
    Record,
    columns_of,
    encode,
    mark_of,
    parse,
    path_of,
    rows_of,
)
from marketkit.data.lake.format.layout import Series
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
JOURNAL = bytes(range(NAME))


def record(candles, january, number: int, count: int = 3, **columns: object) -> Record:
    start = january + number * 10 * MINUTE
    rows = candles([start + at * MINUTE for at in range(count)], volume=float(number), **columns)
    covered = Spans([(start, start + 5 * MINUTE)])
    changes = ((start, "volume", 1.5, float(number)), (start + MINUTE, "close", None, 100.0))
    ends = (1_000, january, start)
    place = (JOURNAL.hex(), number, "2024-01")
    return Record(*place, covered, january, *ends, changes, columns_of(rows))


@pytest.fixture
def records(candles, january) -> list[Record]:
    return [
        record(candles, january, 1),
        record(candles, january, 2, count=0),
        record(candles, january, 3, count=5, value=None),
    ]


@pytest.fixture
def content(records) -> bytes:
    return JOURNAL + b"".join(encode(SERIES, each) for each in records)


def damaged(content: bytes, at: int, bit: int = 1) -> bytes:
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def start_of(records: list[Record], which: int) -> int:
    return NAME + sum(len(encode(SERIES, each)) for each in records[:which])


def test_what_was_written_is_read(records, content):
    found = parse(content, SERIES)
    assert found.records == tuple(records)
    assert (found.name, found.end, found.tail, found.last) == (JOURNAL, len(content), 0, 3)
    assert (found.rotten, found.torn) == ((), True)


def test_rows_come_back_as_they_were_also_those_of_which_a_turnover_is_not_known(candles, january):
    times = [january, january + MINUTE]
    for rows in (candles(times), candles(times, value=None), empty(ROW)):
        assert rows_of(columns_of(rows), "KRW-BTC").equals(rows)
    some = candles(times).with_columns(pl.Series("value", [None, 2.0]))
    assert rows_of(columns_of(some), "KRW-BTC").equals(some)


def test_a_record_cut_at_any_byte_is_no_record_and_those_before_it_are(records, content):
    last = start_of(records, 2)
    for end in range(last, len(content)):
        found = parse(content[:end], SERIES)
        assert found.records == tuple(records[:2])
        assert (found.end, found.tail, found.rotten, found.torn) == (last, end - last, (), True)


def test_half_a_name_is_no_journal_with_records():
    for end in range(NAME):
        assert parse(JOURNAL[:end], SERIES).records == ()


def test_no_flipped_bit_is_ever_read_as_something_else(records, content):
    dice = random.Random(1)
    known = {each.number: each for each in records}
    for _ in range(3_000):
        at, bit = dice.randrange(len(content)), 1 << dice.randrange(8)
        found = parse(damaged(content, at, bit), SERIES)
        assert len(found.records) >= len(records) - 1
        assert found.rotten or found.tail
        for each in found.records:
            whole = known[each.number]
            assert each == whole or (each.columns is None and each.covered == whole.covered)


def test_rotten_rows_in_the_middle_are_told_and_their_slots_are_still_named(records, content):
    at = start_of(records, 1) - 1
    found = parse(damaged(content, at), SERIES)
    assert [each.number for each in found.records] == [1, 2, 3]
    assert found.records[0].columns is None
    assert found.records[0].covered == records[0].covered
    assert found.records[0].rows("KRW-BTC").is_empty()
    assert found.rotten == ("the rows of record 1 are not those that were written",)


def test_any_parts_of_the_last_write_are_as_if_it_had_not_been(records):
    written = [replace(each, down=down) for each, down in zip(records, (0, 1, 1), strict=True)]
    content = JOURNAL + b"".join(encode(SERIES, each) for each in written)
    assert parse(content, SERIES).records == tuple(written)
    start, end = start_of(written, 1), len(content)
    for at in range(start, start_of(written, 2)):
        torn = content[:at] + bytes(min(8, end - at)) + content[at + 8 :]
        found = parse(torn, SERIES)
        assert found.records in {tuple(written[:1]), tuple(written)}  # zeros may be what was there
        assert not found.rotten
    (found,) = parse(damaged(content, start - 1), SERIES).rotten  # the rows of the write before
    assert found == "the rows of record 1 are not those that were written"


def test_rotten_words_in_the_middle_are_told_and_the_records_behind_are_read(records, content):
    found = parse(damaged(content, NAME + 30), SERIES)
    assert [each.number for each in found.records] == [2, 3]
    assert len(found.rotten) == 1


def test_a_last_record_of_full_length_that_rotted_is_no_torn_one(content):
    found = parse(damaged(content, len(content) - 1), SERIES)
    assert (found.last, found.rotten, found.torn) == (2, (), False)
    assert found.tail


def test_a_name_that_rotted_is_told_for_every_record_says_it_too(records, content):
    found = parse(damaged(content, 3), SERIES)
    assert found.records == tuple(records)
    assert found.rotten == ("the first 16 bytes do not name it",)


def test_records_of_another_series_are_none(content):
    other = Series("upbit", "KRW-ETH", TIMEFRAMES["1m"])
    assert parse(content, other).records == ()


def test_a_chunk_has_what_its_mark_says_and_no_more(content):
    found = parse(content, SERIES)

    def numbers(mark: Mark | None, chunk: str = "2024-01") -> list[int]:
        return [each.number for each in found.after(mark, chunk)]

    assert numbers(None) == [1, 2, 3]
    assert numbers(Mark(JOURNAL.hex(), 2)) == [3]
    assert numbers(Mark("0" * 32, 2)) == [1, 2, 3]
    assert numbers(None, "2024-02") == []


def test_a_mark_is_read_from_a_footer_or_refused():
    assert mark_of(None) is None
    assert mark_of([JOURNAL.hex(), 7]) == Mark(JOURNAL.hex(), 7)
    for odd in ("", [JOURNAL.hex()], [JOURNAL.hex(), -1], [JOURNAL.hex(), True], ["x", 1], [1, 1]):
        with pytest.raises(ValueError, match="names no journal"):
            mark_of(odd)


def test_each_series_has_a_journal_of_its_own(tmp_path):
    assert path_of(tmp_path, SERIES).relative_to(tmp_path).as_posix() == (
        "journal/source=upbit/timeframe=1min/KRW-BTC.log"
    )
