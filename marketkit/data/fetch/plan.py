"""From gaps to the walks that close each with the fewest requests; pure arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from marketkit.coverage import Span, Spans
from marketkit.exchange.dialect import RateLimit
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.exchange.upbit.rest import PAGE
from marketkit.timeframe import Timeframe


def walks(symbol: str, timeframe: Timeframe, gaps: Spans, *, settle: int) -> list[CandleRange]:
    """Turn a symbol's gaps into walks, the newest first.

    A request of 200 candles costs the same as one of a single candle, so a gap joins the walk above
    it, together with the covered slots between them, where that saves a request.
    """
    joined: list[Span] = []
    for gap in reversed(list(gaps)):
        hull = Span(gap.start, joined[-1].end) if joined else gap
        apart = sum(_pages(timeframe, span) for span in (gap, *joined[-1:]))
        if joined and _pages(timeframe, hull) < apart:
            joined[-1] = hull
        else:
            joined.append(gap)
    return [CandleRange(symbol, timeframe, start, end, settle) for start, end in joined]


def lanes(limit: RateLimit, round_trip: float) -> int:
    """Say how many walks must run side by side so that the limit, not the latency, is the pace.

    A walk waits a round trip for each page; one walk more than the exact number hides what lies
    between. Beyond four the requests that cut walks cost would outweigh the gain.
    """
    exact = limit.requests / limit.seconds * round_trip
    return 1 if exact < 0.5 else min(4, math.ceil(exact) + 1)


def spread(plan: Sequence[CandleRange], count: int) -> list[CandleRange]:
    """Cut a plan of fewer than `count` walks into at least so many of like length.

    Each cut may cost a request, so a piece keeps at least ten pages.
    """
    if len(plan) >= count:
        return list(plan)
    total = sum(map(_slots, plan))
    pieces: list[CandleRange] = []
    for walk in plan:
        share = math.ceil(_slots(walk) * count / total - 0.1)
        pieces += _parts(walk, max(1, min(share, _slots(walk) // (10 * PAGE))))
    return pieces


def split(walk: CandleRange, to: int) -> CandleRange | None:
    """Take the older half off a walk that has come down to `to`, for somebody with nothing to do.

    The walk is shortened; None when too little is left to be worth the request that it may cost.
    """
    left = walk.timeframe.count(walk.start, to)
    if left < 20 * PAGE:
        return None
    middle = walk.timeframe.shift(walk.start, left // 2)
    half = replace(walk, end=middle)
    walk.start = middle
    return half


def _parts(walk: CandleRange, count: int) -> list[CandleRange]:
    cuts = [walk.timeframe.shift(walk.start, _slots(walk) * n // count) for n in range(1, count)]
    edges = [walk.start, *cuts, walk.end]
    spans = list(itertools.pairwise(edges))
    return [replace(walk, start=start, end=end) for start, end in reversed(spans)]


def _slots(walk: CandleRange) -> int:
    return walk.timeframe.count(walk.start, walk.end)


def _pages(timeframe: Timeframe, span: Span) -> int:
    return math.ceil(timeframe.count(*span) / PAGE)
