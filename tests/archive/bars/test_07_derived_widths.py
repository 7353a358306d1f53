"""Candles of 2h, 6h, 8h, 12h and 3d are made of 1h and 1d, in every place that reads candles."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

import marketkit as mk
from marketkit.cli.main import main
from marketkit.schema import CANDLE, TIMEFRAME
from marketkit.timeframe import HOUR, MADE, iso, parse_time
from tests.integration.conftest import FAST_LIMITS

PRICES = ["open", "high", "low", "close"]
SPAN = {"start": "2026-11-03", "end": "2026-11-09"}


def slow(rows: pl.DataFrame, edges: list[int]) -> list[tuple]:
    """Add candles up one by one."""
    bars: dict[int, list] = {}
    for time, *numbers in rows.select(pl.col("time").dt.epoch("ms"), *PRICES, "volume").rows():
        start = max(edge for edge in edges if edge <= time)
        open_, high, low, close, volume = numbers
        if start not in bars:
            bars[start] = [open_, high, low, close, volume]
        else:
            bar = bars[start]
            bars[start] = [bar[0], max(bar[1], high), min(bar[2], low), close, bar[4] + volume]
    return [(start, *bar) for start, bar in sorted(bars.items())]


def numbers(frame: pl.DataFrame) -> list[tuple]:
    return frame.select(pl.col("time").dt.epoch("ms"), *PRICES, "volume").rows()


def base(width: str) -> str:
    return "1d" if width == "3d" else "1h"


@pytest.mark.parametrize("source", ["auto", "exchange"])
@pytest.mark.parametrize("width", MADE)
def test_every_such_width_is_the_sum_of_its_base_and_asks_for_that_alone(
    provider, exchange, width, source
):
    told = provider.with_response.get_candle("KRW-BTC", width, source=source, **SPAN)
    narrow = exchange.candles("KRW-BTC", base(width), *map(parse_time, SPAN.values()))
    edges = [*range(parse_time("2026-11-03"), parse_time("2026-11-09"), MADE[width].width)]
    assert [row[:5] for row in numbers(told.frame)] == [row[:5] for row in slow(narrow, edges)]
    assert told.frame["volume"].sum() == pytest.approx(narrow["volume"].sum())
    assert told.derived == {"KRW-BTC": base(width)}
    assert dict(told.frame.schema) == dict(CANDLE)
    assert all(time % MADE[width].width == 0 for time in told.frame["time"].dt.epoch("ms"))
    assert exchange.stats()["groups"]["candles"]["requests"] == 1


def test_the_lake_reads_what_was_fetched_for_it_and_only_whole_slots(provider, exchange):
    asked = {"start": "2026-11-03", "end": "2026-11-05"}
    made = provider.get_candle("KRW-BTC", "8h", **asked)
    exchange.reset_stats()
    lake = provider.lake()
    assert lake.read("KRW-BTC", "8h", **asked).equals(made.drop("state"))
    assert lake.read(None, "8h", **asked).equals(made.drop("state"))
    exact = lake.read("KRW-BTC", "8h", **asked, precision="decimal")
    assert exact["volume"].cast(pl.Float64).to_list() == pytest.approx(made["volume"].to_list())
    assert lake.read("KRW-BTC", "12h", "2026-11-03T06:00", "2026-11-05").height == 3
    assert max(lake.read("KRW-BTC", "3d")["time"].dt.epoch("ms")) <= parse_time("2026-11-02")
    assert list(lake.catalog()["timeframe"]) == ["1h"]
    assert not exchange.stats()["groups"].get("candles", {}).get("requests")


def test_a_slot_of_which_an_hour_is_unknown_is_not_covered(provider):
    provider.get_candle("KRW-BTC", "1h", start="2026-11-03", end="2026-11-03T11:00")
    asked = {"source": "lake", "start": "2026-11-03"}
    with pytest.raises(mk.NotCovered, match="1h"):
        provider.get_candle("KRW-BTC", "12h", **asked, end="2026-11-03T12:00")
    assert provider.get_candle("KRW-BTC", "6h", **asked, end="2026-11-03T06:00").height == 1
    assert provider.lake().read("KRW-BTC", "12h", "2026-11-03").is_empty()


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York"])
@pytest.mark.parametrize("width", MADE)
def test_slots_count_from_the_beginning_of_the_session(provider, width, zone):
    rows = provider.get_candle("KRW-BTC", width, session=f"00:00 {zone}", **SPAN)
    local = rows["time"].dt.convert_time_zone(zone)
    assert set(local.dt.hour()) <= set(range(0, 24, MADE[width].width // HOUR))
    hours = MADE[width].width // HOUR
    if width == "3d":
        assert all(day.date().toordinal() % 3 == 0 for day in local)
    assert rows["time"].diff().drop_nulls().unique().to_list() == [timedelta(hours=hours)]
    assert rows.height == 6 * 24 // hours


def test_a_day_of_25_hours_ends_in_a_shorter_slot(provider, exchange):
    asked = {"start": "2026-11-01T04:00", "end": "2026-11-02T05:00"}  # the clocks went back
    rows = provider.get_candle("KRW-BTC", "6h", session="00:00 America/New_York", **asked)
    hours = [time.astimezone(ZoneInfo("America/New_York")).hour for time in rows["time"]]
    assert hours == [0, 5, 11, 17, 23]
    narrow = exchange.candles("KRW-BTC", "1h", *map(parse_time, asked.values()))
    edges = rows["time"].dt.epoch("ms").to_list()
    assert [row[:5] for row in numbers(rows)] == [row[:5] for row in slow(narrow, edges)]


@pytest.mark.parametrize("session", ["02:00 UTC", "09:00 Asia/Seoul"])
def test_another_spelling_of_the_same_slots_gives_the_same(provider, session):
    plain = provider.get_candle("KRW-BTC", "2h" if "02" in session else "3d", count=5)
    width = "2h" if "02" in session else "3d"
    assert provider.get_candle("KRW-BTC", width, count=5, session=session).equals(plain)


def test_the_forming_candle_counts_and_fills_as_any(provider):
    newest = provider.get_candle("KRW-BTC", "8h", count=2, forming=True)
    assert newest["state"].to_list() == ["closed", "forming"]
    quiet = provider.get_candle("KRW-MK031", "2h", count=60, fill="null")
    assert quiet.height == 60
    assert quiet["time"].diff().drop_nulls().n_unique() == 1


def test_several_widths_sort_by_width_among_the_exchanges_own(provider):
    both = provider.get_candle("KRW-BTC", ["12h", "4h", "3d", "1d"], **SPAN)
    assert both["timeframe"].unique(maintain_order=True).to_list() == ["4h", "12h", "1d", "3d"]
    assert both.schema["timeframe"] == TIMEFRAME
    globbed = provider.get_candle(["KRW-BTC", "KRW-ETH"], "12h", **SPAN, wide="close")
    assert globbed.columns == ["time", "KRW-BTC", "KRW-ETH"]


@pytest.mark.parametrize("width", MADE)
def test_nothing_fetches_or_keeps_such_a_width_and_the_error_names_the_base(provider, width):
    lake = provider.lake()
    calls = [
        lambda: provider.backfill("KRW-BTC", width, start="2026-11-01"),
        lambda: provider.plan("KRW-BTC", width, start="2026-11-01"),
        lambda: provider.iter_candle("KRW-BTC", width, start="2026-11-01"),
        lambda: lake.scan("KRW-BTC", width),
        lambda: lake.coverage("KRW-BTC", width),
        lambda: lake.import_("nothing.csv", symbol="KRW-BTC", timeframe=width),
    ]
    for call in calls:
        with pytest.raises(mk.UnknownTimeframe, match=rf"no {width} candles.* {base(width)}, "):
            call()
    with pytest.raises(mk.InputError, match=f"derive=False.* made of {base(width)}"):
        provider.get_candle("KRW-BTC", width, derive=False)
    with pytest.raises(mk.InputError, match=f"gives {width} candles"):
        provider.live("KRW-BTC", width)


def test_the_command_line_prints_them_and_backfills_none(exchange, tmp_path, capsys):
    there = ["--endpoint", exchange.endpoint, "--lake", str(tmp_path / "lake")]
    asked = ["candles", "KRW-BTC", "--timeframe", "12h", "--count", "2", *there]
    assert main(asked) == 0
    assert "2026-11-19 12:00" in capsys.readouterr().out
    code = main(["backfill", "KRW-BTC", "--timeframe", "12h", "--start", "2026-11-01", *there])
    assert code != 0
    assert "1h" in capsys.readouterr().err


def test_the_async_provider_gives_the_same(exchange, tmp_path):
    async def ask() -> pl.DataFrame:
        async with mk.AsyncSmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS
        ) as one:
            bars = await one.bars("KRW-BTC", "6h", start="2026-11-19T18:00")
            assert bars.height == 1
            return await one.get_candle("KRW-BTC", "6h", count=3)

    assert [iso(time) for time in asyncio.run(ask())["time"].dt.epoch("ms")] == [
        "2026-11-19T06:00:00Z",
        "2026-11-19T12:00:00Z",
        "2026-11-19T18:00:00Z",
    ]
