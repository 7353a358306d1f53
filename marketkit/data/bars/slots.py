"""Slots of bars of time: which there are, and which are known from end to end. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.bars.kinds import TimeBars
from marketkit.data.lake.store.slots import slots_of
from marketkit.schema import TIME


class Scope(NamedTuple):
    """The times that bars of a market are wanted of, and the times in which no trade is missing.

    `at` is the moment up to which there are trades of a slot that is not over, None for a past that
    is.
    """

    window: Span
    covered: Spans
    at: int | None = None


def opens(kind: TimeBars, span: Span) -> pl.Series:
    """Give the starts of the slots that begin in a span of time."""
    width = kind.width
    if kind.session is None:
        return slots_of(width, Span(width.ceil(span.start), width.ceil(span.end)))
    edges = kind.session.edges(width, span.start, max(span.start, span.end))
    inside = edges[bisect_left(edges, span.start) : bisect_left(edges, span.end)]
    return pl.Series(inside, dtype=pl.Int64).cast(TIME)


def ceil(kind: TimeBars, moment: int) -> int:
    """Give the first start of a slot at or after a moment."""
    if kind.session is None:
        return kind.width.ceil(moment)
    return kind.session.ceil(kind.width, moment)


def floor(kind: TimeBars, moment: int) -> int:
    """Give the start of the slot that holds a moment."""
    if kind.session is None:
        return kind.width.floor(moment)
    return kind.session.edges(kind.width, moment, moment + 1)[0]


def forming(kind: TimeBars, scope: Scope) -> int | None:
    """Give the slot that is not over and whose trades are all known as far as there are any."""
    if scope.at is None:
        return None
    start, window = floor(kind, scope.at), scope.window
    known = scope.covered.holds(start, max(start, scope.at))
    return start if known and window.start <= start < window.end else None


def whole(kind: TimeBars, covered: Spans) -> Spans:
    """Give the slots that lie within the covered times from end to end."""
    if kind.session is None:
        return Spans(kind.width.whole(covered))
    found = []
    for start, end in covered:
        edges = kind.session.edges(kind.width, start, end)
        first, last = bisect_left(edges, start), bisect_right(edges, end) - 1
        if first < last:
            found.append((edges[first], edges[last]))
    return Spans(found)
