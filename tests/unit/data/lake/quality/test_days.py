"""Findings of a market as columns of its days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.quality import days
from marketkit.data.lake.quality.identities import IDENTITIES
from marketkit.data.lake.quality.outliers import OUTLIER
from marketkit.data.lake.report.calendar import calendar
from marketkit.timeframe import HOUR, TIMEFRAMES
from tests.unit.data.lake.report.test_calendar import START, spans

HOURS = TIMEFRAMES["1h"]
FIRST = date(2024, 1, 1)


def test_the_longest_hole_is_counted_within_each_day():
    told = days.holes(
        spans(
            (0, 0.25, "unknown"),
            (0.25, 0.5, "traded"),
            (0.5, 1.25, "unknown"),
            (1.25, 2, "unfetchable"),
        ),
        HOURS,
    )
    found = dict(told.select("date", "longest_hole").iter_rows())
    assert found == {FIRST: 12, date(2024, 1, 2): 6}


def test_pairs_of_widths_are_added_up_and_the_worst_is_known():
    found = pl.DataFrame(
        [
            ("KRW-BTC", FIRST, "1h", 24, 2, 0, 0, 2, 0, 0, 1, 0),
            ("KRW-BTC", FIRST, "1d", 1, 1, 1, 1, 0, 0, 0, 0, 0),
        ],
        {"symbol": pl.String(), **IDENTITIES},
        orient="row",
    )
    (row,) = days.widths(found).rows(named=True)
    assert (row["compared"], row["differing"], row["opens"]) == (25, 3, 1)
    assert (row["open_differs"], row["high_differs"], row["volume_differs"]) == (1, 2, 1)
    assert row["worst_share"] == 2 / 24
    assert row["widths"] == (
        "2 of 24 slots differ from 1h (high, volume); 1 of 1 slots differ from 1d (open)"
    )


def test_the_farthest_outlier_of_a_day_is_named():
    moments = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (3, 5)]
    found = pl.DataFrame(
        [("KRW-BTC", moments[0], 900.0, True), ("KRW-BTC", moments[1], 40.0, False)],
        {"symbol": pl.String(), **OUTLIER},
        orient="row",
    )
    (row,) = days.odd(found).rows(named=True)
    assert (row["outliers"], row["impossible"], row["worst_move"]) == (2, 1, 900.0)
    assert row["worst_at"] == moments[0]


def test_a_candle_with_two_revisions_is_counted_once():
    moment = datetime(2024, 1, 1, 3, tzinfo=UTC)
    times = pl.DataFrame({"symbol": ["KRW-BTC"] * 2, "time": [moment] * 2})
    assert days.counted(times, "revised").rows() == [("KRW-BTC", FIRST, 1)]


def test_what_was_looked_for_and_not_found_is_none_and_the_rest_is_not_known():
    cover = spans((0, 1, "traded"), (1, 2, "before_listing"))
    nothing = pl.DataFrame(schema={"symbol": pl.String(), **IDENTITIES})
    told = days.gathered(calendar(cover, HOURS), [days.holes(cover, HOURS), days.widths(nothing)])
    assert told.schema == pl.Schema(days.QUALITY)
    first, second = told.rows(named=True)
    assert (first["score"], first["reasons"], first["compared"]) == (100.0, "", 0)
    assert first["outliers"] == first["longest_hole"] == 0
    assert first["trade_slots"] is first["checked"] is first["check_differs"] is None
    assert second["score"] is None


def test_checks_through_rest_are_a_reason():
    cover = spans((0, 1, "traded"))
    nothing = pl.DataFrame(schema={"symbol": pl.String(), **IDENTITIES})
    checks = pl.DataFrame(
        {"symbol": ["KRW-BTC"], "date": [FIRST], "checked": [20], "check_differs": [5]}
    )
    told = days.gathered(calendar(cover, HOURS), [days.widths(nothing), checks])
    assert told["score"].to_list() == [60.0]
    assert told["reasons"].to_list() == ["5 of 20 slots differ from REST (-40.0)"]


class Page(NamedTuple):
    """A page of REST that was held against candles."""

    start: int
    end: int
    differing: int = 0
    first: int | None = None


def test_checks_are_counted_by_the_day_that_they_reach_into():
    pages = [
        ("KRW-BTC", Page(START + 20 * HOUR, START + 28 * HOUR, 3, START + 25 * HOUR)),
        ("KRW-BTC", Page(START, START + 2 * HOUR)),
    ]
    told = days.checks(pages, HOURS).sort("date")
    assert told.rows() == [
        ("KRW-BTC", FIRST, 6, 0),
        ("KRW-BTC", date(2024, 1, 2), 4, 3),
    ]
    assert days.checks([], HOURS).is_empty()


def test_days_without_a_market_are_none():
    cover = spans((0, 1, "traded")).clear()
    told = days.gathered(
        calendar(cover, HOURS),
        [days.widths(pl.DataFrame(schema={"symbol": pl.String(), **IDENTITIES}))],
    )
    assert told.is_empty()
    assert told.schema == pl.Schema(days.QUALITY)
