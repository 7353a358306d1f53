"""One chunk on disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys

import polars as pl
import pyarrow.parquet as pq
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format import chunk as files
from marketkit.data.lake.format.chunk import (
    Footer,
    describe,
    read_chunk,
    read_footer,
    spans_of_text,
    spans_to_text,
    write_chunk,
)
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.seal import UNSEALED
from marketkit.disk import make_folder
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "2024-01.parquet"


@pytest.fixture
def written(path, candles, january):
    """A chunk of three rows in five covered slots."""
    rows = candles([january, january + MINUTE, january + 4 * MINUTE], value=None)
    footer = describe(rows, Spans([(january, january + 5 * MINUTE)]), january - MINUTE)
    write_chunk(path, rows, footer, SERIES)
    return rows, footer


def rewrite(path, **said):
    """Write the chunk again with another footer."""
    table = pq.read_table(path)
    footer = {**json.loads(table.schema.metadata[b"marketkit"]), **said}
    for name in UNSEALED:  # the proof of other bytes
        del footer[name]
    pq.write_table(table.replace_schema_metadata({b"marketkit": json.dumps(footer).encode()}), path)


def test_rows_and_footer_come_back_as_they_were_written(path, written):
    rows, footer = read_chunk(path, SERIES)
    assert rows.equals(written[0])
    assert rows.schema == pl.Schema(ROW)
    assert footer == written[1]


def test_stamp_and_hash_of_a_write_are_those_of_the_file(path, candles, january):
    rows = candles([january])
    footer = describe(rows, Spans([(january, january + MINUTE)]), None)
    stamp, sha256 = write_chunk(path, rows, footer, SERIES)
    assert read_footer(path, SERIES) == (footer, stamp)
    assert stamp == files.Stamp.of(path.stat())
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_empty_chunk_keeps_its_proof(path, january):
    covered = Spans([(january, january + MINUTE)])
    write_chunk(path, empty(ROW), describe(empty(ROW), covered, None), SERIES)
    rows, footer = read_chunk(path, SERIES)
    assert rows.equals(empty(ROW))
    assert footer == Footer(covered, None, 0, None, None)


def test_columns_are_spelt_to_be_small_and_quick_to_read(path, written):
    group = pq.read_metadata(path).row_group(0)
    encodings = {group.column(i).path_in_schema: group.column(i).encodings for i in range(8)}
    assert "DELTA_BINARY_PACKED" in encodings["time"]
    assert "BYTE_STREAM_SPLIT" in encodings["volume"]
    assert set(encodings["value"]) == {"RLE", "PLAIN"}
    packed = {group.column(i).path_in_schema: group.column(i).compression for i in range(8)}
    assert packed.pop("value") == "UNCOMPRESSED"
    assert set(packed.values()) == {"ZSTD"}
    assert "RLE_DICTIONARY" in encodings["close"]
    assert group.column(1).statistics.has_min_max


def test_other_readers_see_plain_columns(path, written):
    schema = pq.read_schema(path)
    assert schema.names == list(ROW)
    assert [str(kind) for kind in schema.types] == [
        "string",
        "timestamp[ms, tz=UTC]",
        *["double"] * 6,
    ]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all" * 100])
def test_what_is_no_parquet_is_named_and_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match=r"2024-01\.parquet"):
        read_footer(path, SERIES)
    with pytest.raises(CorruptFile, match=r"2024-01\.parquet"):
        read_chunk(path, SERIES)
    assert path.read_bytes() == content


def test_a_foreign_parquet_is_not_a_chunk(path):
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(CorruptFile, match="not a candle file"):
        read_footer(path, SERIES)


def test_a_truncated_chunk_is_corrupt(path, written):
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptFile):
        read_footer(path, SERIES)


def test_pages_that_rotted_are_corrupt_although_the_footer_reads(path, written):
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    read_footer(path, SERIES)
    with pytest.raises(CorruptFile, match=r"2024-01\.parquet"):
        read_chunk(path, SERIES)


def test_a_chunk_of_a_later_format_is_not_guessed_at(path, written):
    rewrite(path, format=2)
    with pytest.raises(NewerFormat, match="format 2"):
        read_footer(path, SERIES)


@pytest.mark.parametrize(
    "said",
    [
        {"symbol": "KRW-ETH"},
        {"timeframe": "3m"},
        {"rows": 4},
        {"covered": [[0, MINUTE]]},
        {"covered": "everything"},
        {"covered": []},
        {"first": 0},
        {"nothing_before": "1970"},
        {"rests_on": 2},
        {"rests_on": "\x1b[2J"},
        {"format": "one"},
    ],
)
def test_a_footer_that_contradicts_its_place_or_rows_is_corrupt(path, written, said):
    rewrite(path, **said)
    with pytest.raises(CorruptFile):
        read_footer(path, SERIES)


@pytest.mark.parametrize(
    ("word", "read"), [(None, "one answer"), ("months", "months"), ("a word of 2030",) * 2]
)
def test_the_evidence_is_read_as_written_and_of_before_there_was_any_as_one_answer(
    path, written, word, read
):
    rewrite(path, rests_on=word)
    assert read_footer(path, SERIES)[0].rests_on == read


def test_a_beginning_keeps_what_it_rests_on(path, written):
    rows, footer = written
    told = describe(rows, footer.covered, footer.nothing_before, "two answers")
    write_chunk(path, rows, told, SERIES)
    assert read_footer(path, SERIES)[0] == told != footer


@pytest.mark.parametrize("name", ["2024-02.parquet", "copy.parquet", "2024.parquet"])
def test_a_chunk_under_a_wrong_name_is_corrupt(path, written, name):
    other = path.with_name(name)
    shutil.copy(path, other)
    with pytest.raises(CorruptFile, match=name):
        read_footer(other, SERIES)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(path, written, monkeypatch):
    rows, footer = written

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_chunk(path, rows[:1], footer, SERIES)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    monkeypatch.undo()
    assert read_chunk(path, SERIES)[0].equals(rows)


def test_bytes_are_down_before_the_name_and_the_name_before_the_return(path, written, monkeypatch):
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *given, real=real, name=name: (steps.append(name), real(*given))[1]
        )
    write_chunk(path, *written, SERIES)
    assert steps == ["fsync", "replace", "fsync"]


def test_folders_are_made_with_their_parents_once(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_spans_come_back_from_their_text():
    spans = Spans([(0, 5), (7, 9)])
    assert spans_of_text(spans_to_text(spans)) == spans


def test_who_reads_loads_no_library_that_writes_until_that_is_asked_for(path, written):
    code = f"""
import sys
from pathlib import Path
from marketkit.data.lake.format import chunk, encoding
from marketkit.data.lake.format.layout import Series
from marketkit.timeframe import TIMEFRAMES
series = Series("upbit", {SERIES.symbol!r}, TIMEFRAMES[{SERIES.timeframe.name!r}])
rows, footer = chunk.read_chunk(Path({str(path)!r}), series)
assert rows.height == footer.rows
assert "pyarrow" not in sys.modules
encoding.load_writer()
assert "pyarrow.parquet" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
