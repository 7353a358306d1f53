"""Answers about markets that nobody can be asked about any more: what is proved, and what lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.candles import CandleResult, known_of, newest, newest_slots
from marketkit.data.lake.read.fill import closed, read_dense
from marketkit.data.lake.read.view import View, look
from marketkit.data.lake.store.store import Store
from marketkit.schema import ROW, empty
from marketkit.window import EVER, Window


@dataclass(frozen=True, slots=True)
class Kept:
    """Candles that a lake proves, however much of the range that is.

    `covered` are the slots with proof of each symbol, `lacking` those of the range without any. A
    symbol that the lake knows nothing of is in no part of the answer.
    """

    candles: CandleResult
    covered: Mapping[str, Spans]
    lacking: Mapping[str, Spans]


def from_kept(
    lake: Store, symbols: Iterable[str], window: Window, until: Mapping[str, int]
) -> Kept:
    """Answer with what is proved of a range; `until` says when each market was surely gone."""
    start = EVER.start if window.start is None else window.start
    end = EVER.end if window.end is None else window.end
    view = look(lake, sorted(symbols), window.timeframe, Span(start, end))
    frames, lacking = [closed(empty(ROW))], {}
    names = [symbol for symbol in view.symbols if view.known(symbol).covered]
    for symbol in names:
        rows = newest(_rows(view.of([symbol]), symbol, window, Span(start, end)), window.count)
        lacks = _lacks_from(view, symbol, window, rows)
        lacking[symbol] = view.known(symbol).missing(lacks, max(lacks, min(end, until[symbol])))
        frames.append(rows)
    known = {symbol: known_of(view, symbol) for symbol in names}
    covered = {symbol: view.known(symbol).covered for symbol in names}
    return Kept(CandleResult(pl.concat(frames), {}, known), covered, lacking)


def _rows(view: View, symbol: str, window: Window, span: Span) -> pl.DataFrame:
    covered = view.known(symbol).covered.clip(*span)
    hull = covered.hull or Span(0, 0)
    start = hull.start
    if window.count is not None and window.fill != "none":
        start = newest_slots(window.timeframe, covered, window.count) or start
    return read_dense(view, Span(start, hull.end), window.fill)


def _lacks_from(view: View, symbol: str, window: Window, rows: pl.DataFrame) -> int:
    """Give the moment from which a slot without proof is one that the answer lacks."""
    if window.start is not None:
        return window.start
    if window.count is None:
        return (view.known(symbol).covered.hull or EVER).start
    full = rows.height >= window.count
    return int(rows["time"].dt.epoch("ms")[0]) if full else EVER.start
