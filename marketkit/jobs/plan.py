"""From gaps to the walks that close them with the fewest requests; pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from marketkit.coverage import Span, Spans
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.paging import CandleRange
from marketkit.exchange.upbit_rest import PAGE
from marketkit.timeframe import Timeframe


def walks(symbol: str, timeframe: Timeframe, gaps: Spans, *, settle: int) -> list[CandleRange]:
    """Turn a symbol's gaps into walks, the newest first.

    A request of 200 candles costs the same as one of a single candle, so a gap that lies within the
    last page of the walk above it joins that walk, together with the covered slots between them.
    """
    joined: list[Span] = []
    for gap in reversed(list(gaps)):
        if joined and timeframe.count(gap.start, joined[-1].start) <= _spare(timeframe, joined[-1]):
            joined[-1] = Span(gap.start, joined[-1].end)
        else:
            joined.append(gap)
    return [CandleRange(symbol, timeframe, start, end, settle) for start, end in joined]


def lanes(limit: RateLimit, round_trip: float) -> int:
    """Say how many walks must run side by side so that the limit, not the latency, is the pace.

    A walk waits a round trip for each page. One more than the exact number hides the time between.
    """
    exact = limit.requests / limit.seconds * round_trip
    return 1 if exact < 0.5 else math.ceil(exact) + 1


def spread(plan: Sequence[CandleRange], count: int) -> list[CandleRange]:
    """Cut the longest walks until there are `count`, as far as every piece keeps ten pages.

    Each cut may cost one request more, so nothing is cut that could run beside enough others.
    """
    pieces = list(plan)
    while pieces and len(pieces) < count:
        longest = max(range(len(pieces)), key=lambda at: _slots(pieces[at]))
        if _slots(pieces[longest]) < 20 * PAGE:
            break
        pieces[longest : longest + 1] = _halves(pieces[longest])
    return pieces


def _halves(walk: CandleRange) -> list[CandleRange]:
    middle = walk.timeframe.shift(walk.start, _slots(walk) // 2)
    return [replace(walk, start=middle), replace(walk, end=middle)]


def _slots(walk: CandleRange) -> int:
    return walk.timeframe.count(walk.start, walk.end)


def _spare(timeframe: Timeframe, walk: Span) -> int:
    return -timeframe.count(walk.start, walk.end) % PAGE
