"""The report of a backfill of trades."""

from __future__ import annotations

import asyncio

from marketkit.coverage import Span
from marketkit.data.fetch.archive.run import ArchiveRun, LeftFile
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.jobs.outage import Outage
from marketkit.data.jobs.trades import TradeReport, _rest
from marketkit.errors import MarketkitError, NetworkError, UnknownSymbol
from marketkit.progress import Progress, Reporter
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


class Answers:
    """A fill whose rounds of requests each fail as told, by symbol."""

    def __init__(self, *rounds: dict[str, MarketkitError]) -> None:
        self.run = FetchRun("background", Reporter(Progress("trades"), show=False))
        self._rounds = iter(rounds)

    async def from_rest(self, *_: object) -> dict[str, MarketkitError]:
        """Give the failures of the next round."""
        return next(self._rounds)


def test_an_outage_is_over_when_the_last_symbol_fails_with_an_answer():
    ended = UnknownSymbol("KRW-X")
    fill = Answers({"KRW-X": NetworkError("away")}, {"KRW-X": ended})
    run = fill.run
    outage = Outage(60.0, run.say, lambda: START, run.interruptions)
    asyncio.run(_rest(fill, ["KRW-X"], Span(START, START + DAY), START, outage))
    assert run.failures == {"KRW-X": ended}
    assert [(each.reason, each.closed) for each in run.interruptions] == [("away", START)]
    assert run.reporter.progress.note == ""
