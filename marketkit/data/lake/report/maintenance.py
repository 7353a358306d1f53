"""When the exchange itself stood still: no liquid market traded although each was asked.

A single market may rest for many minutes; that all liquid ones rest at once for a quarter of an
hour is no chance (measured on 1h candles of BTC, DOGE and LINK 2022 to 2025: 51 of the 52 hours
without BTC are without all three). The windows are inferred, never stored: every market that joins
the lake makes them surer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import edge_chunks
from marketkit.data.lake.report.coverage import runs
from marketkit.data.lake.store.scan import read_times
from marketkit.data.lake.store.store import Selection, Store
from marketkit.errors import CorruptFile
from marketkit.timeframe import DAY, MINUTE, SECOND, TIMEFRAMES, Timeframe

_WITNESSES = 10  # markets looked at, the most traded, and two of them must be liquid
_SHORTEST = 15 * MINUTE  # no chance silences all liquid markets for as long (see above)
# Share of a month's slots in which a liquid market trades. In minutes DOGE passes (99.51 % of
# September 2025). One silent hour is as wide as the shortest window: a month may have one of them.
_LIQUID, _LIQUID_WIDE = 0.995, 0.998

_MONTH, _YEAR = TIMEFRAMES["1M"], TIMEFRAMES["1y"]


@dataclass(frozen=True, slots=True)
class Witness:
    """A market as evidence: which slots are known, and the sorted times that traded."""

    known: Spans
    times: pl.Series


def windows(store: Store, timeframe: Timeframe, empty: Spans) -> Spans:
    """Infer the maintenance windows that meet slots which are proved empty for some market.

    A window is a longest run of slots in which none of the witnesses traded and at least two of
    the liquid ones are proved empty; it lasts a quarter of an hour or longer. Witnesses are the ten
    most traded series of the store with this timeframe. Nothing is inferred from `1s`, where every
    market rests, nor from `1d` and wider, where a window fills no slot.
    """
    if not SECOND < timeframe.width < DAY:
        return Spans()
    stored = None
    found = Spans()
    for part in _parts(empty):
        stored = store.select(None, timeframe) if stored is None else stored
        found |= _windows(stored, part)
    return found


def _parts(empty: Spans) -> Iterator[Span]:
    """Cut the range into years, so that ten markets of one fit into memory."""
    hull = empty.hull
    at = hull.start if hull is not None else 0
    while hull is not None and at < hull.end:
        end = min(_YEAR.next(at), hull.end)
        inside = empty.clip(at, end).hull
        if inside is not None:
            yield inside
        at = end


def _windows(stored: Selection, span: Span) -> Spans:
    # Whole months say who is liquid, and the day around finds windows that cross the edge.
    around = Span(_MONTH.floor(span.start - DAY), _MONTH.ceil(span.end + DAY))
    witnesses = list(_witnesses(stored, around))
    if len(witnesses) < 2:
        return Spans()
    return find(stored.timeframe, witnesses, around).clip(span.start - DAY, span.end + DAY)


def find(timeframe: Timeframe, witnesses: Sequence[Witness], span: Span) -> Spans:
    """Find the windows in a span of whole months."""
    asked = Spans(part for each in witnesses for part in each.known)
    silent = _silences(timeframe, witnesses, span) & asked
    months = {month: silent.clip(*month) for month in _months(span)}
    proved = Spans(
        part
        for month, silence in months.items()
        if silence
        for part in _twice(timeframe, witnesses, silence, month)
    )
    return Spans(part for part in proved if part.end - part.start >= _SHORTEST)


def _silences(timeframe: Timeframe, witnesses: Sequence[Witness], span: Span) -> Spans:
    """Give the long spans in which none of the witnesses traded, whether asked or not."""
    edges = pl.DataFrame({"start": span, "end": span}, schema={"start": pl.Int64, "end": pl.Int64})
    alive = [runs(timeframe, each.times) for each in witnesses]
    last, following = pl.col("end").cum_max(), pl.col("start").shift(-1)
    return Spans(
        pl.concat([edges, *alive])
        .sort("start")
        .select(start=last, end=following)
        .filter(pl.col("end") - pl.col("start") >= _SHORTEST)
        .iter_rows()
    )


def _twice(
    timeframe: Timeframe, witnesses: Sequence[Witness], silence: Spans, month: Span
) -> Iterator[Span]:
    """Give the silent slots of a month for which two liquid markets bear witness."""
    once = Spans()
    for each in witnesses:
        if _is_liquid(timeframe, each, silence, month):
            heard = each.known & silence
            yield from heard & once
            once |= heard


def _is_liquid(timeframe: Timeframe, witness: Witness, silence: Spans, month: Span) -> bool:
    slots = timeframe.count_all(witness.known.clip(*month) - silence)
    times = witness.times.cast(pl.Int64)
    first, last = (times.search_sorted(edge) for edge in month)
    share = _LIQUID if timeframe.width < _SHORTEST else _LIQUID_WIDE
    return slots > 0 and last - first >= share * slots


def _witnesses(stored: Selection, span: Span) -> Iterator[Witness]:
    for symbol in _most_traded(stored, span):
        with suppress(CorruptFile):  # whoever asks about that one is told
            yield _witness(stored, symbol, span)


def _witness(stored: Selection, symbol: str, span: Span) -> Witness:
    known = stored.known(symbol).covered.clip(*span)
    return Witness(known, read_times(stored.of([symbol]).files(span)))


def _most_traded(stored: Selection, span: Span) -> list[str]:
    """Choose by the counts of the footers; nothing is read."""
    low, high = edge_chunks(stored.timeframe, span)
    rows = {
        symbol: sum(entry.footer.rows for entry in entries if low <= entry.chunk <= high)
        for symbol, (_, entries) in stored.found.items()
    }
    chosen = heapq.nlargest(_WITNESSES, rows, key=lambda symbol: (rows[symbol], symbol))
    return [symbol for symbol in chosen if rows[symbol]]


def _months(span: Span) -> Iterator[Span]:
    at = span.start
    while at < span.end:
        yield Span(at, _MONTH.next(at))
        at = _MONTH.next(at)
