"""Answers of a lake alone: all candles of a proved range, or an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.decimals import in_precision
from marketkit.data.lake.read.fill import closed, read_dense, require
from marketkit.data.lake.read.view import View, look, opens_of
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.errors import CorruptFile, MarketkitError, NotCovered
from marketkit.schema import CANDLE, ROW, STATE, Schema, empty
from marketkit.schema import exact as exact_schema
from marketkit.timeframe import Timeframe, narrower
from marketkit.window import EVER, Window


@dataclass(slots=True)
class CandleResult:
    """Frames of `schema.CANDLE` for many symbols, and the failures by symbol.

    `known` are the slots that are known of each, `at` the moment of the exchange's clock up to
    which there are rows that are not; None where there are none. `derived` names for a symbol the
    timeframes that candles are made of, where some are.
    """

    frame: pl.DataFrame
    failures: dict[str, MarketkitError]
    known: dict[str, Spans] = field(default_factory=dict)
    at: int | None = None
    derived: dict[str, str] = field(default_factory=dict)


def from_lake(
    lake: Store, symbols: Sequence[str], window: Window, *, exact: bool = False
) -> CandleResult:
    """Answer from proved slots; a slot nobody asked about is `NotCovered`, no hole.

    With `exact` numbers are decimals. A symbol whose file is corrupt fails alone.
    """
    return _answer(lake, spelled_out(lake, symbols, window), window, exact=exact)


def halves(names: Sequence[str]) -> list[Sequence[str]]:
    """Cut names into two parts; one name has none."""
    middle = len(names) // 2
    return [names[:middle], names[middle:]] if middle else []


def without(
    broken: CorruptFile, names: Sequence[str], parts: Sequence[CandleResult], shape: Schema
) -> CandleResult:
    """Put the answers for parts of names together, of which one ran into a corrupt file.

    One name has no parts: its failure is that. Names that all fail for the same have one error.
    """
    failures: dict[str, MarketkitError] = {} if parts else dict.fromkeys(names, broken)
    result = CandleResult(closed(empty(shape)), failures)
    for each in parts:
        result.failures |= each.failures
        result.known |= each.known
        result.derived |= each.derived
    frames = [result.frame, *(each.frame for each in parts)]
    result.frame = pl.concat(frames).sort("symbol", "time")
    if all(str(each) == str(broken) for each in result.failures.values()):
        result.failures = dict.fromkeys(result.failures, broken)
    return result


def _answer(lake: Store, names: Sequence[str], window: Window, *, exact: bool) -> CandleResult:
    try:
        return _read(lake, names, window, exact=exact)
    except CorruptFile as broken:
        parts = [_answer(lake, half, window, exact=exact) for half in halves(names)]
        return without(broken, names, parts, row(exact=exact))


def row(*, exact: bool) -> Schema:
    """Give the schema of candles with floats, or with decimals."""
    return exact_schema(ROW) if exact else ROW


def _read(lake: Store, names: Sequence[str], window: Window, *, exact: bool) -> CandleResult:
    found = look(lake, names, window.timeframe, _range(window), derive=window.derive)
    spans, failures = dict[str, Span](), dict[str, MarketkitError]()
    for symbol in found.symbols:
        try:
            spans[symbol] = _proved(found, symbol, window)
        except NotCovered as failure:
            failures[symbol] = failure
    rows = [
        read_dense(found.of(same), span, window.fill, exact=exact)
        for span, same in _by_span(spans).items()
    ]
    rows += _shown(lake, found, spans, window, exact=exact)
    if len(rows) != 1:
        rows = [pl.concat([closed(empty(row(exact=exact))), *rows]).sort("symbol", "time")]
    known = {symbol: known_of(found, symbol) for symbol in spans}
    derived = {symbol: found.made_of(symbol, span) for symbol, span in spans.items()}
    return CandleResult(newest(rows[0], window.count), failures, known, derived=named(derived))


def _shown(
    lake: Store, found: View, spans: Mapping[str, Span], window: Window, *, exact: bool
) -> Iterator[pl.DataFrame]:
    """Give the unsettled candles after all that is proved, where forming ones are wanted."""
    if not window.forming or window.end is not None or window.into is not None:
        return
    beside = Unsettled(lake)
    if not beside.any:
        return
    for symbol, span in spans.items():
        rows = beside.read(found.stored, Span(span.end, EVER.end), [symbol])
        if rows.height:
            rows = in_precision(rows, "decimal" if exact else "float")
            yield rows.with_columns(state=pl.lit("forming", STATE)).select(*CANDLE)


def named(derived: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Write the timeframes that candles are made of; symbols without any are left out."""
    return {symbol: ", ".join(names) for symbol, names in derived.items() if names}


def opens(times: pl.Series, window: Window) -> pl.Series:
    """Give in ms the opens of the candles that rows of these times are or add up to."""
    into = window.into
    if into is not None and into.session is not None and times.len():
        times = opens_of(times, into.timeframe, into.session).unique(maintain_order=True)
    return times.cast(pl.Int64)


def known_of(view: View, symbol: str) -> Spans:
    """Give the slots that nobody need ask about."""
    known = view.known(symbol)
    absent = known.absent(*EVER)
    return known.covered | absent if absent else known.covered


def newest(rows: pl.DataFrame, count: int | None) -> pl.DataFrame:
    """Keep the newest rows of each symbol."""
    if count is None:
        return rows
    return rows.group_by("symbol", maintain_order=True).tail(count).select(*CANDLE)


def newest_slots(timeframe: Timeframe, covered: Spans, count: int) -> int | None:
    """Give where the newest `count` slots begin, or all if there are fewer."""
    for start, end in reversed(list(covered)):
        slots = timeframe.count(start, end)
        if slots >= count:
            return timeframe.shift(end, -count)
        count -= slots
    return covered.hull.start if covered.hull is not None else None


def _range(window: Window) -> Span:
    return Span(
        EVER.start if window.start is None else window.start,
        EVER.end if window.end is None else window.end,
    )


def spelled_out(lake: Store, symbols: Sequence[str], window: Window) -> list[str]:
    """Spell globs out with the symbols of the lake; other symbols stay, known or not."""
    if not any(map(naming.is_glob, symbols)):
        return sorted(symbols)
    own = () if window.timeframe.made_of else (window.timeframe,)
    usable = [*own, *(narrower(window.timeframe) if window.derive else ())]
    here = {symbol for each in usable for symbol in lake.select(None, each).symbols}
    found = {
        name
        for symbol in symbols
        for name in (naming.matches(symbol, here) if naming.is_glob(symbol) else [symbol])
    }
    return sorted(found)


def _proved(found: View, symbol: str, window: Window) -> Span:
    """Give the range that the lake answers for completely, or raise `NotCovered`."""
    known, timeframe = found.known(symbol), window.timeframe
    hull = known.covered.hull
    if hull is None:
        raise NotCovered(f"the lake has no {timeframe} candles of {symbol}")
    start = hull.start if window.start is None else window.start
    end = hull.end if window.end is None else window.end
    if window.wanted is not None:
        start = first_wanted(found, symbol, window, Span(start, end), window.wanted)
    require(found, symbol, Span(start, end))
    return Span(start, end)


def first_wanted(found: View, symbol: str, window: Window, span: Span, count: int) -> int:
    """Give the start of the newest `count` candles of a range, as far as the lake has any."""
    if window.into is not None:
        count += 1  # of a session the last slot may not be over
    if window.fill == "none":
        times = opens(found.of([symbol]).read(span)["time"], window).tail(count)
        start = times[0] if times.len() else span.start
    elif window.into is not None:
        start = window.back(span.end, count)
    else:
        covered = found.known(symbol).covered.clip(*span)
        start = newest_slots(window.timeframe, covered, count) or span.start
    return max(span.start, start)


def _by_span(spans: Mapping[str, Span]) -> dict[Span, list[str]]:
    """Put the symbols together that have the same range: one read each."""
    same: dict[Span, list[str]] = {}
    for symbol, span in spans.items():
        same.setdefault(span, []).append(symbol)
    return same
