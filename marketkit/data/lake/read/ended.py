"""Answers of the lake about ended markets: proved candles, and the slots without proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.candles import (
    CandleResult,
    first_wanted,
    known_of,
    named,
    newest,
    row,
)
from marketkit.data.lake.read.fill import closed, read_dense
from marketkit.data.lake.read.view import View, look
from marketkit.data.lake.store.store import Store
from marketkit.errors import CorruptFile
from marketkit.schema import empty
from marketkit.window import EVER, Window


@dataclass(frozen=True, slots=True)
class Kept:
    """Candles that a lake proves, however much of the range that is.

    `covered` are the slots with proof of each symbol, `lacking` those of the range without any. A
    symbol that the lake knows nothing of is in no part of the answer.
    """

    candles: CandleResult
    covered: dict[str, Spans]
    lacking: dict[str, Spans]


def from_kept(
    lake: Store,
    symbols: Iterable[str],
    window: Window,
    until: Mapping[str, int],
    *,
    exact: bool = False,
) -> Kept:
    """Answer with the proved candles of a range; `until` is when each market was surely gone.

    With `exact` numbers are decimals. A symbol whose file is corrupt fails alone.
    """
    found = Kept(CandleResult(closed(empty(row(exact=exact))), {}), {}, {})
    frames = [found.candles.frame]
    for symbol in sorted(symbols):
        try:
            frames += _add(found, lake, symbol, window, until[symbol], exact=exact)
        except CorruptFile as broken:
            found.candles.failures[symbol] = broken
    found.candles.frame = pl.concat(frames)
    return found


def _add(
    found: Kept, lake: Store, symbol: str, window: Window, until: int, *, exact: bool
) -> Iterator[pl.DataFrame]:
    """Note the proof of one symbol, and give the candles; nothing of a symbol without any."""
    start = EVER.start if window.start is None else window.start
    end = EVER.end if window.end is None else window.end
    view = look(lake, [symbol], window.timeframe, Span(start, end), derive=window.derive)
    known = view.known(symbol)
    if not known.covered:
        return
    part = _part(view, symbol, window, Span(start, end))
    rows = newest(read_dense(view, part, window.fill, exact=exact), window.count)
    lacks = _lacks_from(view, symbol, window, rows, part)
    found.covered[symbol] = known.covered
    found.lacking[symbol] = known.missing(lacks, max(lacks, min(end, until)))
    found.candles.known[symbol] = known_of(view, symbol)
    found.candles.derived |= named({symbol: view.made_of(symbol, part)})
    yield rows


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
