"""A look at one chunk finds what is wrong with it, and says what of it can be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import polars as pl
import pyarrow.parquet as pq
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.audit.chunk import inspect
from marketkit.data.lake.format.chunk import FORMAT, describe, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.seal import UNSEALED
from marketkit.timeframe import MINUTE, TIMEFRAMES

SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
SLOTS = 10


@pytest.fixture
def path(tmp_path):
    path = tmp_path / SERIES.path("2024-01")
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def rows(candles, january):
    """Candles in the odd ones of ten minutes."""
    return candles([january + slot * MINUTE for slot in range(1, SLOTS, 2)])


@pytest.fixture
def footer(rows, january):
    return describe(rows, Spans([(january, january + SLOTS * MINUTE)]), None)


def found(inspected) -> list[str]:
    return [problem.finding for problem in inspected.problems]


def test_a_sound_chunk_is_trusted_as_it_is(path, rows, footer):
    version = write_chunk(path, rows, footer, SERIES)
    looked = inspect(path, SERIES)
    assert looked.problems == []
    assert (looked.stamp, looked.sha256) == version
    assert looked.sha256 == sha256(path.read_bytes()).hexdigest()
    assert looked.said == looked.trusted.footer == footer
    assert looked.trusted.rows.equals(rows)


def test_a_missing_file_is_nobodys_finding(path):
    with pytest.raises(FileNotFoundError):
        inspect(path, SERIES)


def test_what_cannot_be_opened_is_corrupt(path):
    path.mkdir()
    looked = inspect(path, SERIES)
    assert found(looked) == ["corrupt"]
    assert looked.sha256 is None


def test_a_flipped_bit_is_corrupt(path, rows, footer):
    write_chunk(path, rows, footer, SERIES)
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1
    path.write_bytes(content)
    looked = inspect(path, SERIES)
    assert found(looked) == ["corrupt"]
    assert looked.trusted is None


def test_a_file_of_others_is_foreign(path, rows):
    rows.write_parquet(path)
    assert found(inspect(path, SERIES)) == ["foreign"]


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"format": FORMAT + 1}, "newer"),
        ({"symbol": "KRW-ETH"}, "misplaced"),
        ({"timeframe": "3m"}, "misplaced"),
        ({"covered": [[0, MINUTE]]}, "misplaced"),
        ({"covered": "all"}, "corrupt"),
        ({"rows": "five"}, "corrupt"),
        ({"first": 1.5}, "corrupt"),
        ({"rests_on": 2}, "corrupt"),
    ],
)
def test_a_footer_that_cannot_be_believed_leaves_nothing(path, rows, footer, said, finding):
    write_chunk(path, rows, footer, SERIES)
    table = pq.read_table(path, partitioning=None)
    wrong = {**json.loads(table.schema.metadata[b"marketkit"]), **said}
    for name in UNSEALED:  # the proof of other bytes
        del wrong[name]
    marked = table.replace_schema_metadata({b"marketkit": json.dumps(wrong).encode()})
    pq.write_table(marked, path)
    looked = inspect(path, SERIES)
    assert found(looked) == [finding]
    assert looked.trusted is None


def test_a_file_named_like_no_chunk_is_misplaced(path, rows, footer):
    write_chunk(path, rows, footer, SERIES)
    other = path.rename(path.with_name("january.parquet"))
    assert found(inspect(other, SERIES)) == ["misplaced"]


def test_an_impossible_row_goes_and_its_slot_is_unknown(path, rows, footer, january):
    wrong = rows.with_columns(high=pl.when(pl.int_range(pl.len()) == 2).then(1.0).otherwise("high"))
    write_chunk(path, wrong, footer, SERIES)
    looked = inspect(path, SERIES)
    assert found(looked)[0] == "impossible"
    assert looked.trusted.rows.height == rows.height - 1
    assert january + 5 * MINUTE not in looked.trusted.footer.covered
    assert january + 6 * MINUTE in looked.trusted.footer.covered


def test_what_is_trusted_keeps_what_its_beginning_rests_on(path, rows, footer, january):
    wrong = rows.with_columns(high=pl.when(pl.int_range(pl.len()) == 2).then(1.0).otherwise("high"))
    said = replace(footer, nothing_before=january, rests_on="months")
    write_chunk(path, wrong, said, SERIES)
    looked = inspect(path, SERIES)
    assert looked.said == said
    trusted = looked.trusted.footer
    assert (trusted.nothing_before, trusted.rests_on) == (january, "months")


def test_rows_that_stand_twice_stand_once(path, rows, footer):
    doubled = pl.concat([rows, rows[:1]]).sort("time")
    write_chunk(path, doubled, replace(footer, rows=doubled.height), SERIES)
    looked = inspect(path, SERIES)
    assert found(looked) == ["duplicate"]
    assert looked.trusted.rows.equals(rows)


def test_two_values_for_a_slot_are_both_doubted(path, rows, footer, january):
    other = pl.concat([rows, rows[:1].with_columns(volume=pl.lit(9.0))]).sort("time")
    write_chunk(path, other, replace(footer, rows=other.height), SERIES)
    looked = inspect(path, SERIES)
    assert "contradiction" in found(looked)
    assert january + MINUTE not in looked.trusted.footer.covered


def test_where_rows_have_gone_no_slot_is_proved_empty(path, rows, footer):
    write_chunk(path, rows[1:], footer, SERIES)
    looked = inspect(path, SERIES)
    assert found(looked) == ["miscounted"]
    kept = rows[1:]["time"].cast(pl.Int64)
    assert looked.trusted.footer.covered == Spans((time, time + MINUTE) for time in kept)


def test_rows_out_of_order_are_put_in_order(path, rows, footer):
    write_chunk(path, rows.reverse(), footer, SERIES)
    looked = inspect(path, SERIES)
    assert "unsorted" in found(looked)
    assert looked.trusted.rows["time"].is_sorted()
