"""The files of the archive that candles came in are read from the footers of chunks."""

from __future__ import annotations

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.provenance import Check, Provenance, Source
from marketkit.data.lake.report.provenance import PROVENANCE, provenance_in
from marketkit.schema import ROW, empty
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

START = parse_time("2025-01-30")
ONE = Source("candle/a.zip", "ab" * 32, 1000, "2025-01-31T01:00:00Z", 5, START, START + DAY)
TWO = Source("candle/b.zip", "cd" * 32, 2000, None, 6, START + 4 * DAY, START + 5 * DAY)
CHECK = Check(START, START + DAY, 7, 1440, 2, START)


def lake_of(tmp_path):
    lake = Lake(tmp_path)
    for source, checks in ((ONE, (CHECK,)), (TWO, ())):
        told = Provenance((source,), checks)
        spans = Spans([(source.start, source.end)])
        lake.append("KRW-BTC", "1m", empty(ROW), spans, archive=told)
    return lake


def test_files_of_all_chunks_are_listed(tmp_path):
    frame = lake_of(tmp_path).provenance()
    assert dict(frame.schema) == dict(PROVENANCE)
    assert frame["key"].to_list() == ["candle/a.zip", "candle/b.zip"]
    assert frame["compared"].to_list() == [1440, 0]
    assert frame["differing"].to_list() == [2, 0]


def test_a_range_has_the_files_that_meet_it(tmp_path):
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
    found = provenance_in(lake_of(tmp_path), series, Span(START, START + DAY))
    assert found == Provenance((ONE,), (CHECK,))


def test_pages_of_rest_beside_leave_the_files_in_the_footer(tmp_path):
    lake = lake_of(tmp_path)
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([(START + DAY, START + 2 * DAY)]))
    assert lake.provenance().height == 2


def test_a_page_that_differed_is_told_by_the_audit(tmp_path):
    (finding,) = lake_of(tmp_path).audit().rows(named=True)
    assert finding["finding"] == "differs"
    assert "2 of 1440 slots" in finding["detail"]


def test_a_lake_that_takes_another_in_takes_the_files_of_what_it_learns(tmp_path):
    other = lake_of(tmp_path / "other")
    lake = Lake(tmp_path / "lake")
    lake.append("KRW-BTC", "1m", empty(ROW), Spans([(ONE.start, ONE.end)]))
    lake.merge(other)
    assert lake.provenance()["key"].to_list() == ["candle/b.zip"]
