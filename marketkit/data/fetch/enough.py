"""How far back a counted window must reach, and when candles are enough. Pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.pages import proved
from marketkit.data.lake.read.candles import opens
from marketkit.exchange.dialect import Page
from marketkit.window import Window


def reach(window: Window) -> int:
    """Say how many slots before the end are enough, if each one traded.

    One more than is wanted: the newest may turn out to be forming.
    """
    count = window.wanted
    if count is None:
        return sys.maxsize
    return count + (window.into is not None or not window.forming)


def is_enough(window: Window, times: pl.Series, settled: Spans, span: Span, now: int) -> bool:
    """Say whether the newest candles that are wanted lie in `span`.

    `times` are those of all rows there, final or not; `settled` are the slots with an answer
    that is final. A filled window has a candle in each of these.
    """
    if window.into is None:
        return _own(window, times, settled, span) >= reach(window)
    if window.fill != "none":
        return span.start <= window.back(span.end, reach(window))
    found = opens(times, window)
    found = found.filter(found >= window.ceil(span.start))
    if not window.into.forming:
        found = found.filter(found < window.back(now + 1, 1))
    return window.wanted is None or found.len() >= window.wanted


def is_full(window: Window, pages: Sequence[Page], end: int, now: int) -> bool:
    """Say whether the newest candles that are wanted lie in pages that go down from `end`."""
    times = pl.concat(page.rows["time"] for page in pages)
    spans = proved(pages)
    start = spans.hull.start if spans.hull is not None else end
    return is_enough(window, times, spans, Span(start, end), now)


def _own(window: Window, times: pl.Series, settled: Spans, span: Span) -> int:
    """Count the exchange's own candles."""
    if window.fill == "none":
        return times.len()
    until = settled.hull.end if settled.hull is not None else 0
    young = int((times.cast(pl.Int64) >= until).sum())
    return young + window.timeframe.count_all(settled.clip(*span))
