"""Heat maps of days: whole ones, lacking ones, and those that can never be had."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.data.lake.report.calendar import calendar
from marketkit.data.lake.report.coverage import COVERAGE
from marketkit.errors import InputError
from marketkit.notebook.charts import coverage
from marketkit.timeframe import TIMEFRAMES
from tests.unit.notebook.charts.conftest import MINUTE, START

pytest.importorskip("plotly")

DAY = 1440 * MINUTE
STATES = ("traded", "empty", "maintenance", "before_listing", "unfetchable", "unknown")


def spans(*rows, symbol="KRW-BTC"):
    """Make a coverage of starts and ends in days, and states."""
    told = [
        (symbol, "1m", START + round(a * DAY), START + round(b * DAY), state, round((b - a) * 1440))
        for a, b, state in rows
    ]
    raw = {**COVERAGE, "start": pl.Int64(), "end": pl.Int64()}
    return pl.DataFrame(told, raw, orient="row").cast(pl.Schema(COVERAGE))


WEEK = spans(
    (0, 1, "before_listing"),
    (1, 2.5, "traded"),
    (2.5, 3, "empty"),
    (3, 3 + 1439 / 1440, "traded"),
    (3 + 1439 / 1440, 4, "unknown"),
    (4, 5, "unknown"),
    (5, 6, "empty"),
    (6, 7, "maintenance"),
)


def cells(chart, number=0):
    """Give the values of a heat map by what is said of them."""
    trace = chart.figure.data[number]
    return {
        said.partition("<br>")[0]: value
        for said_row, row in zip(trace.customdata, trace.z, strict=True)
        for said, value in zip(said_row, row, strict=True)
        if value is not None
    }


def test_a_day_that_lacks_a_minute_is_on_the_other_side_of_the_scale():
    found = cells(coverage(WEEK))
    days = {f"2026-03-0{at}": value for at, value in ((2, 2), (3, 1.5), (5, 0), (6, 1), (7, 1))}
    assert {day: found[day] for day in days} == pytest.approx(days)
    assert 0.99 < found["2026-03-04"] < 1


def test_days_that_can_never_be_had_are_grey_and_not_lacking():
    chart = coverage(WEEK)
    assert list(cells(chart, 1)) == ["2026-03-01"]
    assert chart.figure.layout.title.subtitle.text == "7 days, 2 of them lack candles"


def test_spans_and_the_calendar_of_them_make_the_same_chart():
    days = calendar(WEEK, TIMEFRAMES["1m"])
    assert coverage(days).figure == coverage(WEEK).figure
    shares = pl.sum_horizontal(STATES)
    assert days.select(((shares - 1).abs() < 1e-9).all()).item()


def test_a_lake_is_asked_for_its_calendar():
    asked = []

    class Lake:
        def calendar(self, symbols=None, timeframe="1m", start=None, end=None):
            asked.append((symbols, timeframe, start, end))
            return calendar(WEEK, TIMEFRAMES["1m"])

    chart = coverage(Lake(), "KRW-BTC", "1m", "2026-03-01", "2026-04-01")
    assert asked == [("KRW-BTC", "1m", "2026-03-01", "2026-04-01")]
    assert chart.figure == coverage(WEEK).figure


def test_pandas_makes_the_same_chart():
    pytest.importorskip("pandas")
    days = calendar(WEEK, TIMEFRAMES["1m"])
    assert coverage(days.to_pandas()).figure == coverage(days).figure
    assert coverage(WEEK.to_pandas()).figure == coverage(WEEK).figure


def test_a_calendar_has_a_row_for_each_day_of_the_week_and_a_pane_for_each_year():
    chart = coverage(spans((-90, -89, "traded"), (0, 1, "traded")))
    newer = chart.figure.data[1]
    assert newer.yaxis == "y2"
    sunday = date(2026, 3, 1)
    week = (sunday - date(2025, 12, 29)).days // 7
    assert newer.z[6][week] == 2
    assert chart.figure.layout.yaxis2.title.text == "2026"
    assert chart.figure.layout.yaxis.title.text == "2025"


def test_many_symbols_have_a_row_each_on_one_axis_of_days():
    both = pl.concat([WEEK, spans((2, 4, "traded"), symbol="KRW-X<b>")])
    chart = coverage(both)
    trace = chart.figure.data[0]
    assert list(trace.y) == ["KRW-BTC", "KRW-X&lt;b&gt;"]
    assert len(trace.x) == 7
    assert list(trace.z[1]) == [None, None, 2, 2, None, None, None]
    one = coverage(both, ["KRW-BTC"])
    assert one.figure == coverage(WEEK).figure


def test_no_days_are_an_empty_chart():
    assert coverage(WEEK.head(0)).figure.layout.title.subtitle.text == "no days"


def test_what_is_no_coverage_is_refused():
    with pytest.raises(InputError, match="needs columns start end state"):
        coverage(pl.DataFrame({"symbol": ["KRW-BTC"]}))
    with pytest.raises(InputError, match="no state of a coverage is called 'lost'"):
        coverage(WEEK.with_columns(state=pl.lit("lost")))
    with pytest.raises(InputError, match="theme='black'"):
        coverage(WEEK, theme="black")
