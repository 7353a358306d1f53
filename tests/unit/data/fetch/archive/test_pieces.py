"""Files of one group become chunks that are each written once, with their files in the footer."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.pieces import Piece, broken, write_pieces
from marketkit.data.fetch.archive.rows import CANDLE
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Check
from marketkit.errors import InputError
from marketkit.exchange.upbit.archive.finding import Published
from marketkit.exchange.upbit.archive.keys import ArchiveFile, Shelf
from marketkit.net.archive.download import Fetched
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

MINUTES = TIMEFRAMES["1m"]
SERIES = Series("upbit", "KRW-BTC", MINUTES)
START = parse_time("2025-01-30")
MINUTE = 60_000


def piece(tmp_path, day, *minutes, low=1.0, published="2025-02-01T01:00:00Z", at=5):
    file = ArchiveFile(Shelf("KRW-BTC", MINUTES), "daily", START + day * DAY)
    times = [file.start + MINUTE * each for each in minutes]
    rows = pl.DataFrame({"time": times}, schema={"time": pl.Int64}).with_columns(
        pl.col("time").cast(CANDLE["time"]),
        *(pl.lit(1.0).alias(name) for name in CANDLE if name not in {"time", "low"}),
        low=pl.lit(low),
    )
    listed = Published(file, 1000, published)
    return Piece(Fetched(listed, tmp_path / "x.zip", "ab" * 32, 1000, at), rows.select(*CANDLE))


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_files_cover_the_whole_of_their_days(lake, tmp_path):
    pieces = [piece(tmp_path, 0, 5, 6), piece(tmp_path, 1, 7)]
    written = write_pieces(lake, SERIES, pieces, [])
    assert written == (3, 0)
    assert lake.covered("KRW-BTC", "1m") == Spans([(START, START + 2 * DAY)])
    assert lake.read("KRW-BTC", "1m").height == 3
    assert lake.audit().is_empty()


def test_each_chunk_has_its_own_files_and_checks(lake, tmp_path):
    pieces = [piece(tmp_path, 1, 5), piece(tmp_path, 2, 6)]
    check = Check(START + DAY, START + DAY + MINUTE, 9, 1, 0, None)
    write_pieces(lake, SERIES, pieces, [check])
    january = lake.provenance("KRW-BTC", "1m", "2025-01-01", "2025-02-01")
    february = lake.provenance("KRW-BTC", "1m", "2025-02-01", "2025-03-01")
    assert january["key"].to_list() == [pieces[0].source.key]
    assert january["compared"].to_list() == [1]
    assert february["key"].to_list() == [pieces[1].source.key]
    assert february["compared"].to_list() == [0]


def test_the_same_file_again_changes_nothing(lake, tmp_path):
    write_pieces(lake, SERIES, [piece(tmp_path, 0, 5)], [])
    (path,) = (lake.root / "candles").rglob("*.parquet")
    before = path.stat().st_mtime_ns
    assert write_pieces(lake, SERIES, [piece(tmp_path, 0, 5)], []) == (0, 0)
    assert path.stat().st_mtime_ns == before


def test_other_rows_of_a_file_are_revisions(lake, tmp_path):
    write_pieces(lake, SERIES, [piece(tmp_path, 0, 5, 6)], [])
    written = write_pieces(lake, SERIES, [piece(tmp_path, 0, 5, low=0.5)], [])
    assert written.revisions == 1 + 6  # one number, and the candle that went
    assert lake.revisions()["seen_at"].dt.epoch("ms").unique().to_list() == [5]


def test_impossible_candles_are_named_by_file_and_nothing_is_written(lake, tmp_path):
    pieces = [piece(tmp_path, 0, 5), piece(tmp_path, 1, 5, low=7.0)]
    with pytest.raises(InputError, match="high is not the highest"):
        write_pieces(lake, SERIES, pieces, [])
    assert not lake.covered("KRW-BTC", "1m")
    found = broken(SERIES, pieces)
    assert list(found) == [pieces[1].source.key]


def test_each_later_version_of_a_file_is_believed_and_an_older_one_is_not(lake, tmp_path):
    def taken(low, day):
        published, at = f"2025-02-{day}T01:00:00Z", parse_time("2025-02-20")
        write_pieces(lake, SERIES, [piece(tmp_path, 0, 5, low=low, published=published, at=at)], [])
        return lake.read("KRW-BTC", "1m")["low"].to_list()

    assert taken(0.9, "01") == [0.9]
    assert taken(0.8, "02") == [0.8]
    assert taken(0.7, "03") == [0.7]
    assert taken(0.8, "02") == [0.7]
    seen = lake.revisions("KRW-BTC", "1m")["seen_at"].dt.day().to_list()
    assert seen == [2, 3]
