"""When the exchange itself stood still."""

from __future__ import annotations

import random

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.report import maintenance
from marketkit.data.lake.report.maintenance import windows
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time

START = parse_time("2024-01-01")


def part(start: int, end: int) -> Spans:
    """Give minutes of January."""
    return Spans([(START + start * MINUTE, START + end * MINUTE)])


def keep(lake, make, symbol, silent, *, covering=None, timeframe="1m"):
    """Append a market that trades in every slot but the silent ones."""
    width = TIMEFRAMES[timeframe].width
    covering = part(0, 3 * 1440) if covering is None else covering
    times = [time for span in covering - silent for time in range(*span, width)]
    lake.append(symbol, timeframe, make(times, symbol), covering)


def found(lake, timeframe="1m", empty=None):
    return windows(lake, TIMEFRAMES[timeframe], part(0, 3 * 1440) if empty is None else empty)


def states(lake, symbol, timeframe="1m"):
    spans = lake.coverage(symbol, timeframe).filter(pl.col("state") != "traded")
    edges = (pl.col("start", "end").cast(pl.Int64) - START) // MINUTE
    return spans.select(edges, "state", "slots").rows()


def test_a_quarter_of_an_hour_without_any_liquid_market_is_maintenance(lake, candles):
    keep(lake, candles, "KRW-BTC", part(600, 620) | part(900, 914) | part(1_000, 1_003))
    keep(lake, candles, "KRW-ETH", part(603, 622) | part(900, 914))
    assert found(lake) == part(603, 620)
    assert states(lake, "KRW-BTC") == [
        (600, 603, "empty", 3),
        (603, 620, "maintenance", 17),
        (900, 914, "empty", 14),
        (1_000, 1_003, "empty", 3),
    ]
    assert states(lake, "KRW-ETH")[:2] == [(603, 620, "maintenance", 17), (620, 622, "empty", 2)]


def test_one_market_alone_proves_nothing(lake, candles):
    keep(lake, candles, "KRW-BTC", part(600, 700))
    assert not found(lake)
    keep(lake, candles, "KRW-ETH", part(0, 0), covering=part(0, 500) | part(800, 1_440))
    assert not found(lake)
    assert states(lake, "KRW-BTC") == [(600, 700, "empty", 100)]


def test_a_market_that_trades_ends_a_window_even_if_it_is_not_liquid(lake, candles):
    rests = Spans(
        (START + minute * MINUTE, START + (minute + 1) * MINUTE) for minute in range(0, 4320, 2)
    )
    for symbol in ("KRW-BTC", "KRW-ETH"):
        keep(lake, candles, symbol, part(600, 700))
    keep(lake, candles, "KRW-XRP", (rests | part(600, 700)) - part(640, 641))
    assert found(lake) == part(600, 640) | part(641, 700)


def test_markets_that_often_rest_are_no_evidence(lake, candles):
    draw = random.Random(1)
    rests = [
        Spans(
            (START + minute * MINUTE, START + (minute + 1) * MINUTE)
            for minute in range(4320)
            if draw.random() < 0.01
        )
        for _ in range(2)
    ]
    keep(lake, candles, "KRW-BTC", rests[0] | part(600, 700))
    keep(lake, candles, "KRW-ETH", rests[1] | part(600, 700))
    assert not found(lake)


def test_a_symbol_is_closed_with_the_exchange_however_thin_it_is(lake, candles):
    for symbol in ("KRW-BTC", "KRW-ETH"):
        keep(lake, candles, symbol, part(600, 630))
    keep(lake, candles, "KRW-XRP", part(0, 3_000), covering=part(610, 650))
    assert states(lake, "KRW-XRP") == [(610, 630, "maintenance", 20), (630, 650, "empty", 20)]


@pytest.mark.parametrize("timeframe", ["15m", "30m", "1h", "4h"])
def test_one_silent_slot_of_a_quarter_of_an_hour_or_more_is_enough(lake, candles, timeframe):
    width = TIMEFRAMES[timeframe].width
    covering = Spans([(START, START + 240 * DAY)])
    silent = Spans([(START + 4 * DAY, START + 4 * DAY + width)])
    for symbol in ("KRW-BTC", "KRW-ETH"):
        keep(lake, candles, symbol, silent, covering=covering, timeframe=timeframe)
    assert found(lake, timeframe, covering) == silent


@pytest.mark.parametrize("timeframe", ["1s", "1d"])
def test_nothing_is_inferred_from_seconds_and_days(lake, candles, timeframe):
    width = TIMEFRAMES[timeframe].width
    covering = Spans([(START, START + 2_000 * width)])
    for symbol in ("KRW-BTC", "KRW-ETH"):
        silent = Spans([(START + 500 * width, START + 1_500 * width)])
        keep(lake, candles, symbol, silent, covering=covering, timeframe=timeframe)
    assert not found(lake, timeframe, covering)
    assert states(lake, "KRW-BTC", timeframe)[0][2] == "empty"


def test_a_window_over_the_end_of_a_month_and_a_year_is_one(lake, candles):
    edge = parse_time("2025-01-01")
    covering = Spans([(edge - 2 * DAY, edge + 2 * DAY)])
    silent = Spans([(edge - 8 * MINUTE, edge + 8 * MINUTE)])
    for symbol in ("KRW-BTC", "KRW-ETH"):
        keep(lake, candles, symbol, silent, covering=covering)
    assert found(lake, empty=covering) == silent
    before = lake.coverage("KRW-BTC", "1m", edge - DAY, edge).filter(state="maintenance")
    assert before["slots"].to_list() == [8]


def test_without_empty_slots_no_market_is_looked_at(lake, candles, monkeypatch):
    keep(lake, candles, "KRW-BTC", Spans())
    keep(lake, candles, "KRW-ETH", part(600, 700))
    monkeypatch.setattr(maintenance, "_witness", lambda *_: pytest.fail("a market was read"))
    assert states(lake, "KRW-BTC") == []


def test_the_ten_most_traded_markets_are_looked_at(lake, candles):
    for number in range(12):
        covering = part(0, 1_440 + number)
        keep(lake, candles, f"KRW-A{number}", part(600, 700), covering=covering)
    span = next(iter(part(0, 1_440)))
    chosen = maintenance._most_traded(lake.select(None, "1m"), span)
    assert chosen == [f"KRW-A{number}" for number in range(11, 1, -1)]
    assert found(lake) == part(600, 700)


def test_hours_in_which_only_a_part_of_the_lake_is_known_are_judged_by_that_part(lake, candles):
    covering = Spans([(START, START + 60 * DAY)])
    silent = Spans([(START + 40 * DAY, START + 40 * DAY + 3 * HOUR)])
    keep(lake, candles, "KRW-BTC", silent, covering=covering, timeframe="1h")
    keep(
        lake,
        candles,
        "KRW-ETH",
        silent,
        covering=covering.clip(START + 35 * DAY, START + 50 * DAY),
        timeframe="1h",
    )
    keep(
        lake,
        candles,
        "KRW-XRP",
        Spans(),
        covering=covering.clip(START, START + 30 * DAY),
        timeframe="1h",
    )
    assert found(lake, "1h", covering) == silent
