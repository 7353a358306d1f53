"""The quality of a week in which a day is wrong, of a lake that an exchange filled."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

import marketkit as mk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.quality.days import QUALITY
from marketkit.notebook.table import table
from marketkit.timeframe import DAY, MINUTE, parse_time

START, END = "2026-11-12", "2026-11-19"
WEEK = [date(2026, 11, 12) + timedelta(at) for at in range(7)]
WRONG = WEEK[3]
AT = parse_time(WRONG)
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A lake with a week of minutes, hours and days of one market, and minutes of another."""
    from marketkit.api.sync import SmartDataProvider
    from marketkit.sandbox import Sandbox
    from tests.integration.conftest import FAST, FAST_LIMITS, NOW

    root = tmp_path_factory.mktemp("filled") / "lake"
    with (
        Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as exchange,
        SmartDataProvider(endpoint=exchange.endpoint, lake=root, limits=FAST_LIMITS) as provider,
    ):
        for name in ("1m", "1h", "1d"):
            provider.backfill("KRW-BTC", name, start=START, end=END).wait()
        provider.backfill("KRW-ETH", "1m", start=START, end=END).wait()
    return root


@pytest.fixture
def lake(filled, tmp_path):
    """A copy of that lake, to be spoilt."""
    import shutil

    shutil.copytree(filled, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def quality(lake: Lake, timeframe: str = "1m") -> pl.DataFrame:
    return lake.quality("KRW-BTC", timeframe, START, END)


def inject(lake: Lake, rows: pl.DataFrame) -> None:
    lake.append("KRW-BTC", "1m", rows, Spans([(AT, AT + DAY)]))


def minutes(lake: Lake, symbol: str = "KRW-BTC") -> pl.DataFrame:
    rows = lake.read(symbol, "1m", WRONG, WRONG + timedelta(1))
    return rows.with_columns(symbol=pl.lit("KRW-BTC"))


def low(frame: pl.DataFrame) -> list[date]:
    return frame.filter(pl.col("score") < 90)["date"].to_list()


def test_a_week_as_the_exchange_gave_it_is_sound(lake):
    found = quality(lake)
    assert found.schema == pl.Schema(QUALITY)
    assert found["date"].to_list() == WEEK
    assert found["compared"].to_list() == [25] * 7
    assert found["score"].min() >= 95, found.select("date", "score", "reasons").rows()


def test_a_day_of_another_market_is_named_with_its_reasons(lake):
    inject(lake, minutes(lake, "KRW-ETH"))
    found = quality(lake)
    assert low(found) == [WRONG]
    (day,) = found.filter(date=WRONG).rows(named=True)
    assert day["score"] == 0
    assert day["outliers"] == day["impossible"] > 1_000
    for said in ("24 of 24 slots differ from 1h", "1 of 1 slots differ from 1d", "far from their"):
        assert said in day["reasons"]
    assert str(WRONG) in table(found.select("symbol", "date", "score", "reasons")).text()


def test_without_other_widths_the_markets_own_moves_tell(lake):
    for name in ("1h", "1d"):
        lake.drop("KRW-BTC", name)
    inject(lake, minutes(lake, "KRW-ETH"))
    assert low(quality(lake)) == [WRONG]


def test_a_false_day_is_found_when_it_is_asked_for_alone(lake):
    for name in ("1h", "1d"):
        lake.drop("KRW-BTC", name)
    inject(lake, minutes(lake, "KRW-ETH"))
    found = lake.quality("KRW-BTC", "1m", WRONG, WRONG + timedelta(1))
    assert low(found) == [WRONG]
    after = lake.quality("KRW-BTC", "1m", WRONG + timedelta(1), WRONG + timedelta(2))
    assert low(after) == []


def test_a_day_that_is_a_little_off_is_found_by_both_of_its_ends(lake):
    for name in ("1h", "1d"):
        lake.drop("KRW-BTC", name)
    inject(lake, minutes(lake).with_columns(pl.col(*PRICES, "value") * 1.2))
    assert low(quality(lake)) == [WRONG]


@pytest.mark.parametrize("names", [PRICES, ("high",), (*PRICES, "value"), ("volume",)])
def test_a_spike_of_a_thousand_is_found_on_its_day_alone(lake, names):
    for name in ("1h", "1d"):
        lake.drop("KRW-BTC", name)
    rows = minutes(lake)
    met = pl.int_range(pl.len()) == 700
    spoilt = rows.with_columns(pl.when(met).then(pl.col(names) * 1000).otherwise(pl.col(names)))
    inject(lake, spoilt)
    assert lake.audit().is_empty()  # each candle is a possible one
    found = quality(lake)
    assert low(found) == [WRONG]
    (day,) = found.filter(date=WRONG).rows(named=True)
    assert day["outliers"] + day["wrong_turnover"] >= 1
    if "high" in names:
        assert day["worst_at"] == rows["time"][700]


def test_a_candle_that_widths_contradict_is_counted_by_number(lake):
    rows = minutes(lake)
    met = pl.int_range(pl.len()) == 700
    spoilt = rows.with_columns(volume=pl.when(met).then(pl.col("volume") * 3).otherwise("volume"))
    inject(lake, spoilt.with_columns(value=pl.lit(None, pl.Float64())))
    (day,) = quality(lake).filter(date=WRONG).rows(named=True)
    assert (day["volume_differs"], day["close_differs"], day["differing"]) == (2, 0, 2)
    assert day["revised"] >= 1


def test_hours_and_days_are_judged_by_minutes(lake):
    inject(lake, minutes(lake, "KRW-ETH"))
    for name in ("1h", "1d"):
        assert low(quality(lake, name)) == [WRONG]


def test_what_is_not_known_costs_its_share_and_the_longest_hole_is_told(lake):
    whole = lake.read("KRW-BTC", "1m", START, END)
    lake.drop("KRW-BTC", "1m")
    hole = Spans([(AT, AT + 6 * 60 * MINUTE)])
    known = Spans([(parse_time(START), parse_time(END))]) - hole
    rows = whole.filter(~pl.col("time").dt.epoch("ms").is_between(AT, AT + 360 * MINUTE - 1))
    lake.append("KRW-BTC", "1m", rows, known)
    (day,) = quality(lake).filter(date=WRONG).rows(named=True)
    assert (day["unknown"], day["longest_hole"]) == (0.25, 360)
    assert day["score"] == pytest.approx(75, abs=2)


def test_bars_of_trades_are_a_witness(lake):
    rows = lake.read("KRW-BTC", "1h", START, END)
    bars = rows.with_columns(state=pl.lit("closed"))
    met = pl.col("time").dt.date() == WRONG
    other = bars.with_columns(close=pl.when(met).then(pl.col("low")).otherwise("close"))
    told = lake.quality("KRW-BTC", "1h", START, END, bars=bars)
    assert told["trade_slots"].to_list() == [24] * 7
    assert told["trade_differs"].sum() == 0
    told = lake.quality("KRW-BTC", "1h", START, END, bars=other.to_pandas())
    assert low(told) == [WRONG]


def test_a_heat_map_has_every_day(lake):
    pytest.importorskip("plotly")
    inject(lake, minutes(lake, "KRW-ETH"))
    chart = mk.plot.quality(lake, "KRW-BTC", "1m", START, END)
    assert chart.figure.layout.title.subtitle.text == "7 days, 1 of them below 90"
    values = [each for row in chart.figure.data[0].z for each in row if each is not None]
    assert min(values) == 0
    assert len(values) == 7


def test_the_command_prints_the_worst_days(lake, capsys):
    from marketkit.cli.main import main

    inject(lake, minutes(lake, "KRW-ETH"))
    words = ["lake", "quality", "KRW-BTC", "--start", START, "--end", END]
    assert main([*words, "--lake", str(lake.root)]) == 0
    out = capsys.readouterr().out
    assert "7 days, 1 of them below 90" in out
    assert main([*words, "--below", "90", "--lake", str(lake.root), "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count('"score"') == 1
    assert str(WRONG) in out
