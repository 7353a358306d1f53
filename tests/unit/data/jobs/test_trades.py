"""The report of a backfill of trades."""

from __future__ import annotations

from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile
from marketkit.data.jobs.trades import TradeReport
from marketkit.timeframe import DAY, TIMEFRAMES, parse_time

START = parse_time("2025-01-01")


def report(**more):
    said = {
        "symbols": ("KRW-BTC",),
        "timeframe": TIMEFRAMES["1d"],
        "start": START,
        "end": START + 3 * DAY,
        "traded": 2,
        "empty": 1,
        "absent": 0,
        "unknown": 0,
        "requests": 4,
        "rows": 500,
        "revisions": 0,
        "seconds": 1.0,
        "failures": {},
    }
    return TradeReport(**said | more)


def test_a_report_counts_days():
    told = report()
    assert told.complete
    assert "3 days = 2 with trades + 1 proved empty + 0 not known whole" in repr(told)
    assert "500 trades written" in repr(told)


def test_a_day_that_is_not_known_or_a_file_that_was_not_taken_is_told():
    assert "INCOMPLETE" in repr(report(unknown=1, empty=0))
    key = "trade/x.zip"
    run = ArchiveRun(troubles=[LeftFile("KRW-BTC", key, f"{key} is no whole zip")], stale=[key])
    told = repr(report(archive=run, revisions=2))
    assert "INCOMPLETE" in told
    assert "NOT TAKEN: trade/x.zip is no whole zip" in told
    assert "2 trades REVISED: see lake.trades.revisions()" in told
