"""Whose numbers count, and prices that cannot be of the market a file is taken for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import HOUR, MINUTE, parse_time
from tests.people.given import candles, minutes, row, write
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2024-01-01")
TOLD = {"symbol": "KRW-BTC", "timeframe": "1m", "settled": True}
Walk = Callable[..., Path]


def walk(count: int, price: float = 1e8, *, seed: int = 1, step: float = 2e-4) -> list[float]:
    """Walk a price at random, by a usual step in logarithms."""
    dice = random.Random(seed)
    prices = [price]
    for _ in range(count - 1):
        prices.append(round(prices[-1] * math.exp(dice.gauss(0, step)), 2))
    return prices


def at(start: str, prices: list[float]) -> dict[int, float]:
    return dict(zip(minutes(start, len(prices)), prices, strict=True))


@pytest.fixture
def day(lake, tmp_path) -> list[float]:
    """Keep a day of minutes, as the exchange gave them, and give its closes."""
    prices = walk(1440)
    rows = make_candles(range(START, START + 1440 * MINUTE, MINUTE), volume=1.5).with_columns(
        pl.Series(prices).alias(name) for name in ("open", "high", "low", "close")
    )
    lake.append("KRW-BTC", "1m", rows, Spans([(START, START + 1440 * MINUTE)]))
    return prices


def refused(lake: Lake, path: Path, match: str, **options) -> None:
    before = lake.read("KRW-BTC", "1m"), lake.covered("KRW-BTC", "1m")
    with pytest.raises(InputError, match=match):
        lake.import_(path, **(TOLD | options))
    assert lake.read("KRW-BTC", "1m").equals(before[0])
    assert (lake.covered("KRW-BTC", "1m"), lake.revisions().height) == (before[1], 0)


def test_what_the_lake_knows_stays_and_the_differences_are_listed(lake, tmp_path):
    times = minutes("2024-01-01", 4)
    kept = write(tmp_path / "kept.csv", [row(times[0]), row(times[1]), row(times[3])])
    lake.import_(kept, **TOLD, covering="range")
    lines = [
        row(times[0], 101.0),
        row(times[1]),
        row(times[2]),
        row(times[3]),
        row(times[3] + MINUTE),
    ]
    came = lake.import_(write(tmp_path / "file.csv", lines), **TOLD)
    assert (came.changed, came.revisions, came.filled, came.differing) == (1, 0, 1, 2)
    rows = lake.read("KRW-BTC", "1m")
    assert rows["time"].dt.minute().to_list() == [0, 1, 3, 4]
    assert rows["close"].to_list() == [100.0] * 4
    told = came.differences.select(pl.col("time").dt.minute(), "column", "lake", "file").rows()
    assert told[:4] == [(0, each, 100.0, 101.0) for each in ("open", "high", "low", "close")]
    assert told[4:6] == [(2, "open", None, 100.0), (2, "high", None, 100.0)]
    assert "2 slots differ from the lake; the first at 2024-01-01T00:00:00Z: open 101" in repr(came)


def test_the_numbers_of_a_file_are_revisions_where_it_is_preferred(lake, tmp_path):
    times = minutes("2024-01-01", 3)
    lake.import_(write(tmp_path / "kept.csv", map(row, times)), **TOLD)
    path = write(tmp_path / "file.csv", [row(times[1], volume=2.5)])
    came = lake.import_(path, **TOLD, prefer="file")
    assert (came.changed, came.revisions) == (1, 1)
    assert lake.read("KRW-BTC", "1m")["volume"].to_list() == [1.5, 2.5, 1.5]
    assert lake.revisions().select("column", "old", "new").rows() == [("volume", 1.5, 2.5)]


def test_before_a_listing_nothing_is_added(lake, tmp_path):
    rows = make_candles([START + 5 * MINUTE])
    covering = Spans([(START + 5 * MINUTE, START + 6 * MINUTE)])
    lake.append("KRW-BTC", "1m", rows, covering, nothing_before=START + 5 * MINUTE)
    came = lake.import_(write(tmp_path / "old.csv", map(row, minutes("2024-01-01", 5))), **TOLD)
    assert (came.changed, came.differing) == (0, 5)
    assert lake.read("KRW-BTC", "1m").height == 1


@pytest.mark.parametrize("prefer", ["lake", "file"])
def test_a_turnover_that_a_file_lacks_erases_none(lake, tmp_path, prefer):
    times = minutes("2024-01-01", 3)
    lake.import_(write(tmp_path / "kept.csv", map(row, times)), **TOLD)
    lines = [row(time, value=None, volume=1.75) for time in times]
    lake.import_(write(tmp_path / "bare.csv", lines), **TOLD, prefer=prefer)
    assert lake.read("KRW-BTC", "1m")["value"].to_list() == [7.25] * 3


def test_one_row_with_the_turnover_and_one_without_are_one_candle(lake, tmp_path):
    (time,) = minutes("2024-01-01", 1)
    for lines in ([row(time), row(time, value=None)], [row(time, value=None), row(time)]):
        came = lake.import_(write(tmp_path / "twice.csv", lines), **TOLD)
        assert (came.rows, came.distinct) == (2, 1)
        assert lake.read("KRW-BTC", "1m")["value"].to_list() == [7.25]


@pytest.mark.parametrize("met", [1, 3, 7, 15, 100])
def test_another_market_is_refused_however_few_candles_are_met(lake, day, tmp_path, met):
    prices = [price / 30 for price in day[-met:]] + walk(200, day[-1] / 30)
    path, first = tmp_path / "eth.csv", START + (1440 - met) * MINUTE
    candles(path, {first + each * MINUTE: price for each, price in enumerate(prices)})
    refused(lake, path, "eth.csv: closes otherwise than the lake .* another symbol")
    assert lake.import_(path, **TOLD, force=True).changed == 200


@pytest.mark.parametrize(
    "start", ["2023-12-31T20:40", "2024-01-02", "2024-01-02T06:00", "2024-03-01"]
)
def test_another_market_is_refused_at_either_seam_though_no_candle_is_met(
    lake, day, tmp_path, start
):
    path = candles(tmp_path / "eth.csv", at(start, walk(200, day[-1] / 30)))
    refused(lake, path, "does not go on where its neighbours end")


def test_a_hole_is_not_filled_with_another_market_nor_left_open_for_its_own(lake, tmp_path):
    prices = walk(600)
    path = tmp_path / "all.csv"
    around = {
        t: p
        for t, p in at("2024-01-01", prices).items()
        if not START + 200 * MINUTE <= t < START + 400 * MINUTE
    }
    lake.import_(candles(path, around), **TOLD)
    hole = at("2024-01-01T03:20", prices[200:400])
    wrong = candles(path, {time: price * 1.02 for time, price in hole.items()})
    refused(lake, wrong, "does not go on where its neighbours end")
    assert lake.import_(candles(path, hole), **TOLD).changed == 200


@pytest.mark.parametrize("by", [9 * HOUR, -9 * HOUR])
def test_a_file_of_another_zone_is_known_by_the_candles_of_the_lake(lake, day, tmp_path, by):
    prices = dict(zip(minutes("2024-01-01", 1440), day, strict=True))
    some = [time for time in prices if (time + by) not in prices]
    path = candles(tmp_path / "kst.csv", {time + by: prices[time] for time in some})
    refused(lake, path, "nine hours|does not go on")


def test_a_file_of_another_zone_is_refused_where_both_have_candles(lake, day, tmp_path):
    late = {time + 9 * HOUR: price for time, price in at("2024-01-01", day).items()}
    refused(lake, candles(tmp_path / "kst.csv", late), "another symbol or time zone")


@pytest.mark.parametrize("start", ["2024-01-02", "2024-01-02T06:00", "2023-12-31T20:40"])
def test_the_market_itself_goes_on_and_so_does_the_next_file(lake, day, tmp_path, start):
    price = day[-1] if start > "2024" else day[0]
    path = candles(tmp_path / "more.csv", at(start, walk(200, price, seed=5)))
    assert lake.import_(path, **TOLD).changed == 200


def test_a_single_price_may_be_corrected(lake, day, tmp_path):
    path = candles(tmp_path / "one.csv", {START + 700 * MINUTE: day[700] * 1.05})
    assert lake.import_(path, **TOLD, prefer="file").revisions == 5


def test_one_file_of_another_market_among_many_is_found(lake, tmp_path):
    prices, files = walk(900), []
    for each in range(9):
        part = prices[100 * each : 100 * each + 100]
        scale = 0.05 if each == 4 else 1
        some = {START + (100 * each + n) * MINUTE: p * scale for n, p in enumerate(part)}
        files.append(candles(tmp_path / f"{each}.csv", some))
    refused(lake, files, "4.csv: does not go on")
    came = lake.import_(files, **TOLD, on_error="skip")
    assert (came.changed, len(came.failures)) == (800, 1)


def test_the_command_refuses_another_market(command, lake, day, tmp_path):
    path = candles(tmp_path / "eth.csv", at("2024-01-02", walk(200, day[-1] / 30)))
    code, out, err = command("import", path, "--symbol", "KRW-BTC", "--timeframe", "1m")
    assert code == 2
    assert "eth.csv: does not go on where its neighbours end" in out + err


def test_the_command_prefers_the_lake_or_the_file(command, lake, tmp_path):
    times = minutes("2024-01-01", 3)
    lake.import_(write(tmp_path / "kept.csv", map(row, times)), **TOLD)
    path = write(tmp_path / "file.csv", [row(times[1], volume=2.5), row(times[2])])
    told = ("--symbol", "KRW-BTC", "--timeframe", "1m")
    code, out, _ = command("import", path, *told)
    assert (code, "1 slots differ from the lake; the first at 2024" in out) == (0, True)
    code, out, _ = command("import", path, *told, "--prefer", "file", "--dry-run")
    assert (code, lake.revisions().height) == (0, 0)
    code, out, _ = command("import", path, *told, "--prefer", "file")
    assert (code, "1 new or changed; 1 revised" in out) == (0, True)
    assert lake.revisions().height == 1
    eth = candles(tmp_path / "eth.csv", dict.fromkeys(times, 3.0))
    assert command("import", eth, *told)[0] == 2
    assert command("import", eth, *told, "--force")[0] == 0
