"""The end of a Parquet file, read without a library."""

from __future__ import annotations

from io import FileIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format import chunk as files
from marketkit.data.lake.format.chunk import describe, read_footer, write_chunk
from marketkit.data.lake.format.footer import Tail, read_end, read_tail, schema_of
from marketkit.data.lake.format.layout import Series
from marketkit.errors import CorruptFile
from marketkit.timeframe import TIMEFRAMES

KEY = b"marketkit"
MINUTE = 60_000
SERIES = Series("upbit", "KRW-BTC", TIMEFRAMES["5m"])


def tail_of(path):
    with FileIO(path) as file:
        return read_tail(read_end(file), files.SCHEMA, KEY)


def write(path, candles, start, rows):
    frame = candles(range(start, start + rows * 5 * MINUTE, 5 * MINUTE))
    covered = Spans([Span(start, start + max(rows, 1) * 5 * MINUTE)])
    write_chunk(path, frame, describe(frame, covered, None), SERIES)


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 8191, 8192, 16_384, 100_000])
def test_it_says_what_a_library_says(tmp_path, candles, january, rows):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, rows)
    metadata = pq.read_metadata(path)
    assert tail_of(path) == Tail(metadata.num_rows, metadata.metadata[KEY])
    assert metadata.num_rows == rows


def test_the_schema_that_is_known_by_heart_is_the_one_that_is_written(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, 0)
    assert schema_of(path.read_bytes()) == files.SCHEMA


def test_a_footer_longer_than_what_is_read_at_first_is_read_whole(tmp_path):
    schema = pa.schema([("a", pa.int32())])
    path = tmp_path / "long.parquet"
    with pq.ParquetWriter(path, schema, store_schema=False) as writer:
        writer.write_table(pa.table({"a": range(1000)}, schema), row_group_size=2)
        writer.add_key_value_metadata({KEY: b"said"})
    pq.write_table(pa.table({"a": []}, schema), tmp_path / "empty.parquet", store_schema=False)
    with FileIO(path) as file:
        known = schema_of((tmp_path / "empty.parquet").read_bytes())
        assert read_tail(read_end(file), known, KEY) == Tail(1000, b"said")
    assert path.stat().st_size > 3 * 8192


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"\xff\xff\xff\xffPAR1", b"\0\0\0\0PAR1", b"x" * 9999]
)
def test_of_what_is_no_parquet_nothing_is_said(tmp_path, content):
    path = tmp_path / "2024.parquet"
    path.write_bytes(content)
    assert tail_of(path) is None


def test_of_a_file_with_another_schema_nothing_is_said(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    candles([january]).drop("value").write_parquet(path)
    assert tail_of(path) is None
    candles([january]).write_parquet(path)
    assert tail_of(path) is None


def test_of_a_file_without_the_key_nothing_is_said(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, 5)
    path.write_bytes(path.read_bytes().replace(KEY, b"markettik"))
    assert tail_of(path) is None


def test_a_file_that_another_library_wrote_again_is_left_to_a_library(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, 5)
    before = read_footer(path, SERIES)[0]
    said = pq.read_metadata(path).metadata[KEY].decode()
    pl.read_parquet(path).write_parquet(path, metadata={KEY.decode(): said})
    with pytest.raises(CorruptFile, match="bytes that were written"):  # the seal is of others
        read_footer(path, SERIES)
    said = said.replace('"pages"', '"a"').replace('"footer"', '"b"')  # as in earlier releases
    pl.read_parquet(path).write_parquet(path, metadata={KEY.decode(): said})
    assert tail_of(path) is None
    assert read_footer(path, SERIES)[0] == before


def test_a_file_whose_rows_another_program_changed_is_found_out(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, 5)
    pq.write_table(pq.read_table(path).slice(1), path)
    assert tail_of(path).rows == 4
    with pytest.raises(CorruptFile, match="bytes that were written"):
        read_footer(path, SERIES)


def test_no_cut_or_flipped_byte_of_a_footer_breaks_it(tmp_path, candles, january):
    path = tmp_path / "2024.parquet"
    write(path, candles, january, 5)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for at in range(footer, len(content)):
        path.write_bytes(content[:at])
        assert tail_of(path) is None
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        tail_of(path)  # whatever it says: it must not fail
