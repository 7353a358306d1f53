"""Trades of the last moments, of an open stream: their reach, and their part of an answer. Pure.

A stream is late by less than REST, whose answer may lack the newest second. It adds only what
follows without a hole, and each trade once.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from marketkit.api.latest import Latest
from marketkit.api.query import Source
from marketkit.coverage import Span
from marketkit.data.fetch.trades import SETTLED

# ms since a stream was last heard, up to which it may answer alone: bars of trades believe an
# answer up to a second before the call.
YOUNG = 1_000


class TradeAnswer(NamedTuple):
    """Trades of one symbol in order, when the oldest answer was made (age clock), the source.

    `at` is the same moment on the exchange's clock, where it was the exchange that answered.
    """

    rows: pl.DataFrame
    made: int
    source: Source
    at: int = 0


class Streamed(NamedTuple):
    """The newest trades of a symbol in order, among and after which none is missing.

    `made` is the moment of that knowledge, by the `age_clock`.
    """

    rows: pl.DataFrame
    made: int

    def reaches(self, start: int, now: int) -> bool:
        """Say whether no trade since `start` (ms UTC) is missing; `now` is by the `age_clock`."""
        if self.rows.is_empty() or now - self.made > YOUNG:
            return False
        return _first(self.rows) < start  # of that millisecond others may have come before

    def of(self, span: Span) -> pl.DataFrame:
        """Give the trades of a span."""
        return self.rows.filter(pl.col("time").dt.epoch("ms").is_between(*span, closed="left"))


def streamed_by(feed: Latest | None, symbol: str) -> Streamed | None:
    """Give the trades that an open stream knows of a symbol, if there is one."""
    known = None if feed is None else feed.whole("trade", symbol)
    return None if known is None else Streamed(*known)


def joined(answer: TradeAnswer, streamed: Streamed, span: Span) -> TradeAnswer:
    """Add the trades of a stream to the answer of REST for a span.

    Nothing is added where trades may be missing between the two: they meet in a trade that both
    have, or the stream reaches back to where the answer is settled.
    """
    new, known = streamed.of(span), answer.rows["sequential_id"]
    if new.is_empty():
        return answer
    meets = known.len() > 0 and known[-1] in new["sequential_id"]
    if not (meets or _first(streamed.rows) < answer.at - SETTLED):
        return answer
    beyond = new.filter(~pl.col("sequential_id").is_in(known.implode()))
    rows = pl.concat([answer.rows, beyond.select(answer.rows.columns)])
    return answer._replace(rows=rows.sort("time", "sequential_id"))


def _first(rows: pl.DataFrame) -> int:
    return int(rows["time"].dt.epoch("ms")[0])
