"""The proof in answers of a candle walk. Pure: a claim of one answer alone is asked again.

Candles prove themselves. That nothing traded in between is a claim, and in doubt where a page is
shorter than it could be, where it is empty, and where a hole is out of the market's rhythm. Asked
for from above the hole, a second answer has to show the candle at its edge, too, and settles it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from marketkit.coverage import Evidence, Span, Spans
from marketkit.errors import BadResponse
from marketkit.exchange.dialect import Page
from marketkit.exchange.upbit.rest import PAGE
from marketkit.timeframe import TIMEFRAMES, Timeframe, iso

_TRIES = 5  # answers in a row that contradict each other, before that is told as an error
_ODDS = 30.0  # nats, one in 10^13: so unlikely a hole is no chance of trading
_ODDS_AT_END = 7.0  # one in 1,000: where nothing is known above a page, an old one shows as a hole
_MONTHS = TIMEFRAMES["1M"]  # 200 of them are more than the exchange's whole history
_NEVER_WIDER = {"1s", "1M", "1y"}  # months tell nothing about seconds, which are kept for three


@dataclass(slots=True)
class CandleRange:
    """The candles of `symbol` whose slots start in `[start, end)`, milliseconds UTC.

    `end` may lie ahead of the exchange's clock. Slots that closed less than `settle` milliseconds
    ago are shown but never proved. `start` may be raised while a walk is on its way down to it.
    """

    symbol: str
    timeframe: Timeframe
    start: int
    end: int
    settle: int = 60_000


class Descent:
    """One walk on the way down: from `to` on everything was answered for."""

    def __init__(self, wanted: CandleRange) -> None:
        self._wanted = wanted
        self.to = wanted.end
        self._is_shown = False  # whether an answer had a candle at `to`
        self._heard: Spans | None = None  # the empty slots of the last answer, while in doubt
        self._bound: int | None = None  # no answer to one doubt proves more than the first
        self._longest = 0
        self._doubts = 0
        self._asks_wider = False
        self._is_contradicted = False  # whether months know of older candles

    @property
    def is_over(self) -> bool:
        """Whether the walk has come down to its start."""
        return self.to <= self._wanted.start

    @property
    def timeframe(self) -> Timeframe:
        """The width of the candles to ask for."""
        return _MONTHS if self._asks_wider else self._wanted.timeframe

    def asks_before(self, at: int) -> int:
        """Give the exclusive bound to ask for; `at` is the exchange's clock as last heard."""
        if self._asks_wider:
            return _MONTHS.next(at)
        # From above the hole: another page, which has to show the candle at its edge.
        return self.to if self._heard is None else self.timeframe.next(self.to)

    def weigh(self, rows: pl.DataFrame, height: int, at: int) -> Page:
        """Give the page that is proved by an answer of `height` candles, dated `at`.

        `rows` are those below what was asked for. Raises `BadResponse` where answers go on
        contradicting each other.
        """
        if self._asks_wider:
            return self._compare(rows)
        times = times_of(rows)
        if self._heard is not None and self._is_shown and self.to not in times:
            return self._doubt(rows.clear(), self._heard)
        bound = self._settled(at)
        below = times[: bisect_left(times, self.to)]
        rows = rows[: len(below)]
        empty = holes(self._wanted.timeframe, below, bound)
        hole = self._newest_doubt(below, empty, height)
        self._longest = max(self._longest, height)
        if hole is None:
            return self._believe(rows, bound)
        if not below and self._heard is None and not self._is_shown:
            self._asks_wider = self._wanted.timeframe.name not in _NEVER_WIDER
        self._bound = bound
        return self._doubt(rows[bisect_left(below, hole.end) :], empty)

    def _settled(self, at: int) -> int:
        """Give the end of the slots that an answer can prove."""
        timeframe = self._wanted.timeframe
        settled = timeframe.floor(at - self._wanted.settle)
        bound = min(timeframe.ceil(self.to), settled)
        return bound if self._bound is None else min(bound, self._bound)

    def _newest_doubt(self, below: Sequence[int], empty: Spans, height: int) -> Span | None:
        """Find the newest hole that no answer before has shown, too, and that needs one."""
        heard = self._heard or Spans()
        is_short = height < (self._longest or PAGE)
        for hole in reversed(list(empty)):
            if heard.holds(*hole) and (below or not self._is_contradicted):
                continue
            if is_short or not below:
                return hole
            is_at_end = hole.start > below[-1] and not self._is_shown
            most = _ODDS_AT_END if is_at_end else _ODDS
            if is_odd(self._wanted.timeframe, below, hole, most):
                return hole
        return None

    def _believe(self, rows: pl.DataFrame, bound: int, rests_on: Evidence = "two answers") -> Page:
        """Take all of an answer as proof; an empty one has been in doubt, and was confirmed."""
        self._heard, self._bound, self._doubts = None, None, 0
        if rows.is_empty():
            return Page(rows, Spans(), bound, rests_on)
        return self._came_down(rows, bound)

    def _doubt(self, kept: pl.DataFrame, heard: Spans) -> Page:
        """Take the rows above a hole, and have the hole asked for again."""
        self._doubts = 1 if kept.height else self._doubts + 1
        if self._doubts > _TRIES:
            raise BadResponse(
                f"{_TRIES} answers about {self._wanted.symbol} {self._wanted.timeframe} before"
                f" {iso(self.to)} contradict each other or the candles known: ask again later"
            )
        self._heard = heard
        if kept.is_empty():
            return Page(kept, Spans())
        return self._came_down(kept, self._bound or 0)

    def _came_down(self, rows: pl.DataFrame, bound: int) -> Page:
        self.to = times_of(rows[:1])[0]
        self._is_shown, self._is_contradicted = True, False
        return Page(rows, Spans([(self.to, bound)]))

    def _compare(self, months: pl.DataFrame) -> Page:
        """Hold an empty first page against the months of the whole history."""
        self._asks_wider = False
        bound = self._bound or 0
        first = _MONTHS.floor(bound)
        oldest = min(times_of(months), default=None)
        if oldest is None or oldest > first:
            return self._believe(months.clear(), bound, "months")
        # In the month of the listing only candles of the same width can tell.
        self._is_contradicted = oldest < first
        return Page(months.clear(), Spans())


def holes(timeframe: Timeframe, times: Sequence[int], bound: int) -> Spans:
    """Give the slots before `bound` in which nothing traded, by an answer with candles at `times`.

    They begin with the oldest candle; an answer without any says that nothing ever traded.
    """
    if not times:
        return Spans([(0, bound)])
    edges = pairwise([*(time for time in times if time < bound), bound])
    apart = timeframe.width  # as far the next slot lies at least
    return Spans((timeframe.next(opened), end) for opened, end in edges if end - opened > apart)


def times_of(rows: pl.DataFrame) -> list[int]:
    """List the times of rows in ms UTC: few rows are looked through sooner than a query begins."""
    times: list[int] = rows["time"].cast(pl.Int64).to_list()
    return times


def is_odd(timeframe: Timeframe, times: Sequence[int], hole: Span, most: float = _ODDS) -> bool:
    """Say whether a hole is far longer than the rhythm of the candles at `times` lets expect."""
    long = timeframe.count(*hole)
    end = max(hole.end, timeframe.next(times[-1]))
    others = timeframe.count(times[0], end) - long
    return odds(len(times), max(others, len(times)), long) > most


def odds(traded: int, slots: int, hole: int) -> float:
    """Give how unlikely a hole is, in nats, next to `slots` slots of which `traded` traded.

    The chance of a trade is unknown itself (Jeffreys' prior): few candles contradict nothing.
    """
    quiet, all_of = slots - traded + 0.5, slots + 1.0
    after = math.lgamma(all_of + hole) - math.lgamma(quiet + hole)
    return after - math.lgamma(all_of) + math.lgamma(quiet)
