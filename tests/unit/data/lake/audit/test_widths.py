"""Candles of one width against those of another: sums where all is told, bounds where a part is."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.audit.widths import apart, compare, exceeding, touched
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-05")
DAYS, HOURS = TIMEFRAMES["1d"], TIMEFRAMES["1h"]


def spans(start, end):
    return Spans([(START + start, START + end)])


def hours(count, **columns):
    return make_candles(range(START, START + count * HOUR, HOUR), **columns)


def test_a_part_is_no_more_than_the_whole():
    day = make_candles([START], volume=24.0, value=2_400.0)
    assert exceeding(day, make_candles([START], volume=20.0, value=1.0), 24).is_empty()
    over = exceeding(day, make_candles([START], volume=25.0, high=101.0, low=99.0), 24)
    assert over.select("open", "high", "low", "close", "volume", "value").rows() == [
        (False, True, True, False, True, False)
    ]
    unknown = make_candles([START], volume=1.0, value=None)
    assert exceeding(day, unknown, 24).is_empty()


@pytest.mark.parametrize(("known", "expected"), [(24, 1), (20, 0)])
def test_sums_are_compared_where_all_parts_are_told(known, expected):
    day, widths = make_candles([START], volume=30.0, value=None), (DAYS, HOURS)
    whole = Spans(DAYS.whole([(START, START + known * HOUR)]))
    assert apart(day, hours(known, value=None), widths, whole).height == expected


def test_whatever_is_touched_is_looked_at():
    assert touched(spans(30 * HOUR, 31 * HOUR), DAYS) == spans(DAY, 2 * DAY)


def test_new_candles_are_compared_both_ways(lake):
    lake.append("KRW-BTC", "1h", hours(48), spans(0, 2 * DAY))
    days = make_candles([START, START + DAY], volume=[24.0, 5.0][0], value=2_400.0)
    assert compare(lake, "KRW-BTC", days, spans(0, 2 * DAY), lake.select("KRW-BTC", "1d")) == ()
    few = make_candles([START], volume=5.0, value=2_400.0)
    (said,) = compare(lake, "KRW-BTC", few, spans(0, DAY), lake.select("KRW-BTC", "1d"))
    assert said == (
        "1d: 1 of 1 slots are not what 1h candles add up to (volume), the first at"
        " 2026-01-05T00:00:00Z"
    )


def test_new_narrow_candles_complete_those_that_are_there(lake):
    lake.append("KRW-BTC", "1d", make_candles([START], volume=24.0), spans(0, DAY))
    lake.append("KRW-BTC", "1h", hours(12), spans(0, 12 * HOUR))
    found = lake.select("KRW-BTC", "1h")
    rest = make_candles(range(START + 12 * HOUR, START + DAY, HOUR), volume=2.0)
    (said,) = compare(lake, "KRW-BTC", rest, spans(12 * HOUR, DAY), found)
    assert said.startswith("1d: 1 of 1 slots are not what 1h candles add up to (volume, value)")
    assert compare(lake, "KRW-BTC", rest.clear(), Spans(), found) == ()
