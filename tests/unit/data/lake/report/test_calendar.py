"""What every day was like."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.data.lake.report.calendar import CALENDAR, calendar
from marketkit.data.lake.report.coverage import COVERAGE
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, parse_time

START = parse_time("2024-01-01")
STATES = ["traded", "empty", "maintenance", "before_listing", "unfetchable", "unknown"]


def spans(*rows: tuple[float, float, str], symbol: str = "KRW-BTC", timeframe: str = "1h"):
    """Make spans from days."""
    data = [
        (symbol, timeframe, START + round(start * DAY), START + round(end * DAY), state, 0)
        for start, end, state in rows
    ]
    return pl.DataFrame(data, schema=dict(COVERAGE), orient="row")


def test_each_day_has_the_share_of_every_state():
    frame = calendar(
        spans((0, 0.25, "before_listing"), (0.25, 2, "traded"), (2, 3, "maintenance")),
        TIMEFRAMES["1h"],
    )
    assert frame.schema == pl.Schema(CALENDAR)
    assert frame["date"].to_list() == [date(2024, 1, each) for each in (1, 2, 3)]
    assert frame["slots"].to_list() == [24, 24, 24]
    assert frame["before_listing"].to_list() == [0.25, 0, 0]
    assert frame["traded"].to_list() == [0.75, 1, 0]
    assert frame["maintenance"].to_list() == [0, 0, 1]


def test_a_day_of_which_a_part_is_asked_for_has_the_slots_of_that_part():
    frame = calendar(spans((0.5, 0.75, "traded"), (0.75, 1.25, "empty")), TIMEFRAMES["1h"])
    assert frame["slots"].to_list() == [12, 6]
    assert frame.select("traded", "empty").rows() == [(0.5, 0.5), (0, 1)]


def test_a_slot_wider_than_a_day_is_one_slot_of_each_of_its_days():
    frame = calendar(spans((0, 7, "traded"), (7, 14, "unknown"), timeframe="1w"), TIMEFRAMES["1w"])
    assert frame["slots"].to_list() == [1] * 14
    assert frame["traded"].to_list() == [1.0] * 7 + [0.0] * 7


def test_no_spans_are_no_days():
    assert calendar(spans(), TIMEFRAMES["1m"]).schema == pl.Schema(CALENDAR)
    assert calendar(spans(), TIMEFRAMES["1m"]).is_empty()


@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d"])
def test_shares_of_a_lake_add_up_to_one_and_its_slots_to_those_of_the_range(
    lake, candles, timeframe
):
    from marketkit.coverage import Spans

    width = TIMEFRAMES[timeframe].width
    covering = Spans([(START + DAY, START + 5 * DAY)])
    for symbol in ("KRW-BTC", "KRW-ETH"):
        times = range(START + 2 * DAY, START + 5 * DAY, max(width, 7 * HOUR // width * width))
        lake.append(symbol, timeframe, candles(times, symbol), covering, nothing_before=START + DAY)
    frame = lake.calendar(None, timeframe, START, START + 6 * DAY)
    assert frame["symbol"].to_list() == ["KRW-BTC"] * 6 + ["KRW-ETH"] * 6
    assert frame["slots"].to_list() == [DAY // width] * 12
    assert all(
        abs(total - 1) < 1e-12 for total in frame.select(pl.sum_horizontal(*STATES)).to_series()
    )
    assert frame["before_listing"].to_list()[:2] == [1.0, 0.0]
    assert frame["unknown"].to_list()[5] == 1.0
