"""Trades added up in their order, day by day, where none is missing."""

from __future__ import annotations

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.quality.trades import added_up
from marketkit.schema import ROW, TIME
from marketkit.timeframe import DAY, HOUR, MINUTE, TIMEFRAMES, parse_time

START = parse_time("2026-03-02")


class Kept:
    """Trades of one symbol, by time and order, with proof."""

    def __init__(self, rows: list[tuple[int, float, float]], known: Spans) -> None:
        schema = {"time": pl.Int64(), "price": pl.Float64(), "volume": pl.Float64()}
        self.rows = pl.DataFrame(rows, schema, orient="row").cast({"time": TIME})
        self.known = known
        self.asked: list[Span] = []

    def covered(self, symbol: str, start: int | None = None, end: int | None = None) -> Spans:
        """Give the times that are known."""
        assert symbol == "KRW-BTC"
        return self.known.clip(start or 0, end or 1 << 50)

    def read_span(self, symbols: str, span: Span) -> pl.DataFrame:
        """Give the trades of a span."""
        assert symbols == "KRW-BTC"
        self.asked.append(span)
        ms = pl.col("time").dt.epoch("ms")
        return self.rows.filter(ms.is_between(*span, closed="left"))


def test_first_and_last_are_by_the_order_within_a_millisecond():
    kept = Kept(
        [(START, 5.0, 1.0), (START, 9.0, 2.0), (START, 7.0, 0.5), (START + MINUTE, 6.0, 1.0)],
        Spans([(START, START + HOUR)]),
    )
    known = Spans([(START, START + HOUR)])
    ((made, slots),) = added_up(kept, "KRW-BTC", TIMEFRAMES["1m"], known)
    assert dict(made.schema) == dict(ROW)
    names = ("open", "high", "low", "close", "volume", "value")
    assert made.select(names).rows() == [
        (5.0, 9.0, 5.0, 7.0, 3.5, None),
        (6.0, 6.0, 6.0, 6.0, 1.0, None),
    ]
    assert slots == known


def test_only_whole_slots_that_both_know_are_told_of_a_day_at_a_time():
    kept = Kept([], Spans([(START + MINUTE, START + 2 * DAY)]))
    known = Spans([(START, START + 3 * DAY)])
    told = [slots for _, slots in added_up(kept, "KRW-BTC", TIMEFRAMES["1h"], known)]
    days = [Span(START + HOUR, START + DAY), Span(START + DAY, START + 2 * DAY)]
    assert told == [Spans([each]) for each in days]
    assert kept.asked == days


def test_slots_wider_than_a_day_and_unknown_ones_have_none():
    kept = Kept([], Spans([(START, START + 9 * DAY)]))
    known = Spans([(START, START + 7 * DAY)])
    assert list(added_up(kept, "KRW-BTC", TIMEFRAMES["1w"], known)) == []
    assert list(added_up(kept, "KRW-BTC", TIMEFRAMES["1m"], Spans())) == []
    assert kept.asked == []
