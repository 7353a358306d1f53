"""Answers of the lake about ended markets: proved candles, and the slots without proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.candles import CandleResult, first_wanted, known_of, named, newest
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
    """Answer with the proved candles of a range; `until` is when each market was surely gone."""
    start = EVER.start if window.start is None else window.start
    end = EVER.end if window.end is None else window.end
    span = Span(start, end)
    view = look(lake, sorted(symbols), window.timeframe, span, derive=window.derive)
    frames, lacking, derived = [closed(empty(ROW))], {}, {}
    names = [symbol for symbol in view.symbols if view.known(symbol).covered]
    for symbol in names:
        part = _part(view, symbol, window, span)
        rows = newest(read_dense(view.of([symbol]), part, window.fill), window.count)
        lacks = _lacks_from(view, symbol, window, rows, part)
        lacking[symbol] = view.known(symbol).missing(lacks, max(lacks, min(end, until[symbol])))
        derived[symbol] = view.made_of(symbol, part)
        frames.append(rows)
    known = {symbol: known_of(view, symbol) for symbol in names}
    covered = {symbol: view.known(symbol).covered for symbol in names}
    found = CandleResult(pl.concat(frames), {}, known, derived=named(derived))
    return Kept(found, covered, lacking)


def _part(view: View, symbol: str, window: Window, span: Span) -> Span:
    """Give the part of a range in which a symbol has the candles that are wanted."""
    part = view.known(symbol).covered.clip(*span).hull or Span(0, 0)
    if window.wanted is None:
        return part
    return Span(first_wanted(view, symbol, window, part, window.wanted), part.end)


def _lacks_from(view: View, symbol: str, window: Window, rows: pl.DataFrame, part: Span) -> int:
    """Give the moment from which a slot without proof is one that the answer lacks."""
    if window.start is not None:
        return window.start
    first = (view.known(symbol).covered.hull or EVER).start
    if window.wanted is None:
        return first
    if window.into is not None or rows.height < window.wanted:
        return part.start if part.start > first else EVER.start
    return int(rows["time"].dt.epoch("ms")[0])
