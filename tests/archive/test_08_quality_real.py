"""The quality of real months: sound days stay sound, and one false candle is found among them."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.timeframe import MINUTE, parse_time

SPAN = ("2025-09-01", "2025-09-29")


@pytest.fixture(scope="module")
def lake(shared, tmp_path_factory):
    """Minutes and hours of September 2025, of a liquid market and of one that rests at times."""
    made = Lake(tmp_path_factory.mktemp("real") / "lake")
    folder = shared / "realdata" / "azuremooni_krw"
    for name in ("BTC", "DOGE"):
        for width in ("1m", "1h"):
            made.import_(
                folder / f"{name}_KRW_{width}.csv",
                symbol=f"KRW-{name}",
                timeframe=width,
                tz="UTC",
                covering="range",
                settled=True,
            )
    return made


@pytest.mark.parametrize("width", ["1m", "1h"])
def test_real_days_are_sound(lake, width):
    found = lake.quality(["KRW-BTC", "KRW-DOGE"], width, *SPAN)
    assert found.height == 2 * 28
    assert found["score"].min() >= 90, found.filter(pl.col("score") < 90).rows()
    assert found["impossible"].sum() == 0
    assert found["compared"].to_list() == [24] * 56


@pytest.mark.parametrize("by", [1000, 10, 0.1])
def test_a_false_candle_among_them_is_found(lake, by):
    at = parse_time("2025-09-13T12:34")
    row = lake.read("KRW-DOGE", "1m", at, at + MINUTE)
    prices = ("open", "high", "low", "close")
    try:
        spoilt = row.with_columns(pl.col(*prices) * by)
        lake.append("KRW-DOGE", "1m", spoilt, Spans([(at, at + MINUTE)]))
        found = lake.quality("KRW-DOGE", "1m", *SPAN)
    finally:
        lake.append("KRW-DOGE", "1m", row, Spans([(at, at + MINUTE)]))
    poor = found.filter(pl.col("score") < 90)
    assert poor["worst_at"].to_list() == row["time"].to_list()
    assert poor["impossible"].to_list() == [1]
