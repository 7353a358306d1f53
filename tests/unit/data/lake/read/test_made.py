"""Slots that narrower candles prove whole are added up; others are left out."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.read.made import read_made
from marketkit.schema import ROW
from marketkit.timeframe import DAY, HOUR, MADE, parse_time

START = parse_time("2024-01-01")


def candles(times: list[int]) -> pl.DataFrame:
    numbers = {"open": 2.0, "high": 3.0, "low": 1.0, "close": 2.5, "volume": 0.1, "value": 0.2}
    rows = pl.DataFrame({"symbol": "KRW-BTC", "time": times, **numbers})
    return rows.with_columns(pl.col("time").cast(pl.Datetime("ms", "UTC"))).select(
        pl.col(name).cast(kind) for name, kind in ROW.items()
    )


@pytest.fixture
def lake(tmp_path):
    """A lake of eleven hours, the first of them empty, and of five days."""
    one = Lake(tmp_path / "lake")
    hours = [START + n * HOUR for n in range(1, 11)]
    one.append("KRW-BTC", "1h", candles(hours), Spans([(START, START + 11 * HOUR)]))
    days = [START + n * DAY for n in range(5)]
    one.append("KRW-BTC", "1d", candles(days), Spans([(START, START + 5 * DAY)]))
    return one


def read(lake, width: str, start: int = 0, end: int = START + 30 * DAY, **more) -> pl.DataFrame:
    return read_made(lake, ["KRW-BTC"], MADE[width], Span(start, end), **more)


@pytest.mark.parametrize(("width", "volumes"), [("6h", [0.5]), ("8h", [0.7]), ("12h", [])])
def test_only_slots_that_are_known_from_end_to_end_are_made(lake, width, volumes):
    rows = read(lake, width)
    assert rows["volume"].to_list() == pytest.approx(volumes)
    assert dict(rows.schema) == dict(ROW)
    assert rows["time"].dt.epoch("ms").to_list() == [START] * len(volumes)


def test_three_days_are_counted_from_1970(lake):
    times = read(lake, "3d")["time"].dt.epoch("ms").to_list()
    assert times == [START + 2 * DAY]  # 2024-01-03 is a multiple of three days
    assert times[0] // DAY % 3 == 0


def test_a_range_has_the_slots_that_begin_in_it(lake):
    assert read(lake, "2h", START + HOUR, START + 6 * HOUR).height == 2
    assert read(lake, "2h", START + 40 * DAY).is_empty()


def test_decimals_are_exact_sums(lake):
    assert str(read(lake, "6h", exact=True)["volume"][0]) == "0.50000000"
