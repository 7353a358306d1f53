"""Seconds that are older than the exchange keeps: named, and never taken for slots without trade.

For them an empty page says nothing about trades, other than for candles from before a listing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from marketkit.coverage import Span, Spans
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.errors import InvalidRange, MarketkitError
from marketkit.timeframe import DAY, Timeframe, iso
from marketkit.window import Window

# "The last three months" (Upbit reference, section 3.2), of which nobody says how many days.
KEPT = 90 * DAY
GONE = 93 * DAY
_QUIET = DAY  # within which even a quiet market trades: what ends later began with a listing


def gone(timeframe: Timeframe, now: int) -> Spans:
    """Give the slots that the exchange surely has no longer."""
    return Spans([(0, timeframe.ceil(now - GONE))] if timeframe.name == "1s" else [])


def lost(
    timeframe: Timeframe, covered: Mapping[str, Spans], span: Span, oldest: int
) -> dict[str, MarketkitError]:
    """Give an error for each symbol that lacks seconds of a range from before `oldest`.

    Symbols that lack the same have the same error.
    """
    if timeframe.name != "1s" or span.start >= oldest:
        return {}
    part = Span(timeframe.ceil(span.start), timeframe.ceil(min(span.end, oldest)))
    same: dict[Spans, MarketkitError] = {}
    return {
        symbol: same.setdefault(missing, _error(missing))
        for symbol, spans in covered.items()
        if (missing := spans.gaps(*part))
    }


def lost_to(
    window: Window,
    known: Mapping[str, Knowledge],
    span: Span,
    now: int,
    height: Callable[[str], int],
) -> dict[str, MarketkitError]:
    """Give an error for each symbol whose answer lacks seconds that the exchange has no longer.

    `span` is the range of the window, `height` counts the candles found. Counted back from now they
    may be fewer than were asked for, as those of a market that was listed lately.
    """
    oldest = now - KEPT
    if window.timeframe.name != "1s" or (window.start is None and window.end is None):
        return {}
    if window.count is None:
        covered = {symbol: each.covered for symbol, each in known.items()}
        return lost(window.timeframe, covered, span, oldest)
    before = _refusal(f"those before {iso(oldest)}")
    return {
        symbol: before
        for symbol, each in known.items()
        if height(symbol) < window.count and (each.nothing_before or 0) <= oldest + _QUIET
    }


def _error(missing: Spans) -> InvalidRange:
    hull = missing.hull or Span(0, 0)
    return _refusal(f"those from {iso(hull.start)} to {iso(hull.end)}")


def _refusal(which: str) -> InvalidRange:
    return InvalidRange(
        f"the exchange keeps 1s candles for three months: {which} can no longer be fetched, and"
        " the lake lacks them"
    )
