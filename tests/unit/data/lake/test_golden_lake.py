"""A lake of every format that was released opens for ever, and says what it said then."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.store import pages
from marketkit.errors import InputError
from marketkit.schema import ROW, TIME
from marketkit.timeframe import TIMEFRAMES

FORMATS = sorted((Path(__file__).parents[4] / "data" / "golden" / "lakes").glob("format-*"))
MAKING = runpy.run_path(str(Path(__file__).with_name("golden_lake.py")))


@pytest.fixture(params=FORMATS, ids=lambda path: path.name)
def golden(request, tmp_path):
    """A copy of a golden lake, and what is expected of it."""
    shutil.copytree(request.param / "lake", tmp_path / "lake")
    return Lake(tmp_path / "lake"), json.loads((request.param / "expected.json").read_text())


def series_of(expected: dict) -> list[tuple[str, str, dict]]:
    said = {tuple(key.split()): each for key, each in expected.items() if "KRW" in key}
    return [(*key, each) for key, each in said.items()]


def rows_of(symbol: str, rows: list[list]) -> pl.DataFrame:
    names = [name for name in ROW if name != "symbol"]
    kinds = {name: pl.Int64() if name == "time" else ROW[name] for name in names}
    frame = pl.DataFrame(rows, schema=kinds, orient="row")
    return frame.with_columns(pl.col("time").cast(TIME), pl.lit(symbol).alias("symbol")).select(
        *ROW
    )


def test_there_is_a_golden_lake():
    assert FORMATS


def test_its_rows_are_those_that_were_written(golden):
    lake, expected = golden
    for symbol, timeframe, said in series_of(expected):
        assert lake.read(symbol, timeframe).equals(rows_of(symbol, said["rows"]))


def test_it_covers_what_it_covered(golden):
    lake, expected = golden
    for symbol, timeframe, said in series_of(expected):
        assert lake.covered(symbol, timeframe) == Spans(map(tuple, said["covered"]))
        assert lake.nothing_before(symbol, timeframe) == said["nothing_before"]


def test_of_its_beginnings_it_says_that_nobody_confirmed_them(golden):
    lake, expected = golden
    frozen = lake.as_of(expected["frozen"]["name"])
    for one in (lake, frozen):
        found = one.catalog().select(pl.col("nothing_before").cast(pl.Int64), "rests_on")
        told = {("one answer" if moment is not None else None) for moment, _ in found.rows()}
        assert set(found["rests_on"]) == told
        assert "one answer" in told


def test_it_says_of_every_slot_what_it_is(golden):
    lake, expected = golden
    for symbol, timeframe, said in series_of(expected):
        spans, slot = Spans(map(tuple, said["covered"])), TIMEFRAMES[timeframe]
        found = lake.coverage(symbol, timeframe)
        counts = dict(found.group_by("state").agg(pl.col("slots").sum()).rows())
        slots = sum(slot.count(*span) for span in spans)
        assert counts["traded"] == len(said["rows"])
        assert counts["traded"] + counts.get("empty", 0) + counts.get("maintenance", 0) == slots


def test_its_gaps_are_those_it_had(golden):
    lake, expected = golden
    for symbol, timeframe, said in series_of(expected):
        spans = Spans(map(tuple, said["covered"]))
        gaps = spans.gaps(*spans.hull)
        found = lake.gaps(symbol, timeframe).select(pl.col("start", "end").cast(pl.Int64)).rows()
        assert found == [tuple(gap) for gap in gaps]


def test_its_revisions_are_told_number_by_number(golden):
    lake, expected = golden
    said = expected["revisions"]
    found = lake.revisions("KRW-BTC", "1m")
    told = found.select(
        pl.col("time").cast(pl.Int64), pl.col("column").cast(pl.String), "old", "new"
    )
    assert sorted(map(list, told.rows()), key=str) == sorted(said["KRW-BTC 1m"], key=str)
    assert set(found["seen_at"].cast(pl.Int64)) == {said["seen_at"]}


def test_its_frozen_set_is_as_it_was_frozen(golden):
    lake, expected = golden
    name, said = expected["frozen"]["name"], expected["frozen"]["KRW-BTC 1m"]
    assert lake.frozen().select("name", "hash").rows() == [(name, expected["frozen"]["hash"])]
    assert lake.verify(name).is_empty()
    assert lake.as_of(name).read("KRW-BTC", "1m").equals(rows_of("KRW-BTC", said["rows"]))


def test_nothing_is_wrong_with_it_and_it_takes_new_candles(golden):
    lake, expected = golden
    # Its days were made up, and no damage either.
    assert set(lake.audit()["finding"]) <= {"differs"}
    said = expected["KRW-BTC 1d"]
    rows = rows_of("KRW-BTC", said["rows"]).with_columns(pl.col("volume") + 1)
    assert (
        lake.append("KRW-BTC", "1d", rows, Spans(map(tuple, said["covered"]))).rows == rows.height
    )
    with pytest.raises(InputError):
        lake.freeze(expected["frozen"]["name"])


def test_a_lake_becomes_one_of_the_newest_format_when_a_page_first_waits(golden, monkeypatch):
    lake, expected = golden
    mark, said = lake.root / "lake.json", expected["KRW-ETH 1m"]
    before = mark.read_text()
    lake.read("KRW-ETH", "1m")
    rows = rows_of("KRW-ETH", said["rows"]).with_columns(pl.col("volume") + 1)[-5:-2]
    covering = Spans((time, time + 60_000) for time in rows["time"].dt.epoch("ms"))
    lake.append("KRW-ETH", "1m", rows[:1], Spans(list(covering)[:1]))
    assert mark.read_text() == before
    monkeypatch.setattr(pages, "_LARGE", 0)
    assert lake.append("KRW-ETH", "1m", rows, covering).rows == 2
    assert json.loads(mark.read_text())["format"] == 2
    assert Lake(lake.root).read("KRW-ETH", "1m")[-5:-2].equals(rows)


def test_the_newest_has_a_page_that_waits():
    assert list((FORMATS[-1] / "lake").glob("journal/*/*/*.log"))


def test_how_it_was_made_is_how_it_would_be_made_now(tmp_path):
    MAKING["make"](tmp_path)
    newest = json.loads((FORMATS[-1] / "expected.json").read_text())
    made = json.loads((tmp_path / "expected.json").read_text())
    for expected in (made, newest):
        expected["frozen"].pop(
            "hash"
        )  # speaks for the bytes, in which the library's version stands
    assert made == newest
