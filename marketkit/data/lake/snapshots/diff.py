"""Differences between two stores: series by series, slots as spans, rows as numbers.

Compared is the content: candles, and the slots that are proved. Two sets of different hashes may
well be equal. What is known of the time before a listing is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.chunk import Entry, read_chunk
from marketkit.data.lake.format.layout import Series, check_symbol
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.away import bring, reading
from marketkit.data.lake.store.left_out import SPOILT, name_of, say
from marketkit.data.lake.store.met import DIFFERENCE, KINDS, ROW_DIFF, Difference, met, numbers
from marketkit.data.lake.store.pending import Patched
from marketkit.data.lake.store.rows import split, times_of
from marketkit.data.lake.store.scan import read_patched
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.trades.day import KIND
from marketkit.data.lake.trades.diff import differences as trade_differences
from marketkit.data.lake.trades.diff import symbols_of
from marketkit.data.lake.trades.layout import days_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import CorruptFile, InputError, LakeError, warn
from marketkit.frames import one_of
from marketkit.schema import TIME, Schema
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_timeframe

By = Literal["series", "slots", "rows"]

_SERIES: Schema = {"symbol": pl.String(), "timeframe": pl.String()}
SERIES_DIFF: Schema = {
    **_SERIES,
    **dict.fromkeys(KINDS, pl.Int64()),
    "start": TIME,
    "end": TIME,
}
SLOT_DIFF: Schema = {
    **_SERIES,
    "start": TIME,
    "end": TIME,
    "difference": DIFFERENCE,
    "slots": pl.Int64(),
}
LIMIT = 100_000  # rows of an answer: more than anybody reads, and a few megabytes

_ALONE: tuple[Difference, Difference] = ("only_a", "only_b")
_TOGETHER: tuple[Difference, ...] = ("appeared", "vanished", "changed")
_SCHEMAS: dict[By, Schema] = {"series": SERIES_DIFF, "slots": SLOT_DIFF, "rows": ROW_DIFF}


class _Found:
    """The differences of one series: slots by kind, and the numbers of rows if wanted.

    It has a `name`, of symbol and timeframe, and `count` counts the slots of spans.
    """

    def __init__(
        self, name: tuple[str, str], count: Callable[[Iterable[tuple[int, int]]], int]
    ) -> None:
        self.name = name
        self.count = count
        self.numbers = [pl.DataFrame(schema=dict(ROW_DIFF))]
        self._spans: dict[Difference, list[Span]] = {kind: [] for kind in KINDS}

    def add(self, kind: Difference, spans: Iterable[tuple[int, int]]) -> None:
        """Add slots of a kind."""
        self._spans[kind] += Spans(spans)

    def spans(self) -> dict[Difference, Spans]:
        """Give the slots of every kind."""
        return {kind: Spans(spans) for kind, spans in self._spans.items()}


class _Chunks(NamedTuple):
    """One chunk of a series in both stores, None where a store has none."""

    series: Series
    a: tuple[Path, Entry] | None
    b: tuple[Path, Entry] | None


def differences(
    a: Store,
    b: Store,
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    *,
    by: By,
    limit: int,
) -> pl.DataFrame:
    """Give the differences as a frame of `SERIES_DIFF`, `SLOT_DIFF` or `ROW_DIFF`.

    At most `limit` rows are given, the first; a warning says if there are more.
    """
    one_of("by", by, By)
    if timeframe == KIND and by == "rows":
        raise InputError("by='rows' gives numbers of candles: for trades ask by='slots'")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InputError(f"limit={limit!r}: ask for at least one difference")
    frames, height = [pl.DataFrame(schema=dict(_SCHEMAS[by]))], 0
    failures: dict[str, LakeError] = {}
    for series in _series((a, b), symbols, timeframe, failures):
        try:
            frames.append(_frame(_compared(a, b, series, limit if by == "rows" else 0), by))
        except SPOILT as failure:
            failures[name_of(series)] = failure
        height += frames[-1].height
        if height > limit:
            warn(f"more than {limit:,} differences: the first are given; name symbols or timeframe")
            break
    if by != "rows" and timeframe in {None, KIND} and height <= limit:
        frames += _trades(a, b, symbols, by, failures)
    say(failures, anything=len(frames) > 1)
    return pl.concat(frames).head(limit)


def _trades(
    a: Store,
    b: Store,
    symbols: str | Iterable[str] | None,
    by: By,
    failures: dict[str, LakeError],
) -> Iterator[pl.DataFrame]:
    """Give the differences of trades, whose slots are the UTC days that spans lie in."""
    ours, theirs = (TradeStore(each.root, a.source) for each in (a, b))
    names = {symbols} if isinstance(symbols, str) else symbols
    for symbol in symbols_of([ours, theirs], names if names is None else set(names)):
        found = _Found((symbol, KIND), _days)
        try:
            for span, kind in trade_differences(ours, theirs, symbol):
                found.add(kind, [span])
        except SPOILT as failure:
            failures[f"{symbol} {KIND}"] = failure
        yield _frame(found, by)


def _days(spans: Iterable[tuple[int, int]]) -> int:
    return sum(1 for _ in days_of(Spans(spans)))


def _series(
    stores: tuple[Store, Store],
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    failures: dict[str, LakeError],
) -> list[Series]:
    """List the series of both stores; a folder that cannot be listed is a failure."""
    names = {symbols} if isinstance(symbols, str) else symbols
    wanted = None if names is None else {check_symbol(name) for name in names}
    if timeframe == KIND:
        return []
    widths = TIMEFRAMES.values() if timeframe is None else [parse_timeframe(timeframe)]
    found: dict[Series, None] = {}
    for width in widths:
        for store in stores:
            try:
                stored = store.index.stored(stores[0].source, width)
            except CorruptFile as failure:
                failures[f"all {width}"] = failure
            else:
                found |= dict.fromkeys(
                    each for each in stored if wanted is None or each.symbol in wanted
                )
    return sorted(found, key=lambda series: series.symbol)


def _compared(a: Store, b: Store, series: Series, rows: int) -> _Found:
    """Compare a series chunk by chunk; with numbers, until there are more than `rows`."""
    name = (series.symbol, series.timeframe.name)
    found, height = _Found(name, series.timeframe.count_all), 0
    for chunks in _paired(a, b, series):
        candles = _compare(found, chunks)
        if rows and candles is not None:
            found.numbers.append(numbers(series, candles))
            height += found.numbers[-1].height
            if height > rows:
                break
    return found


def _paired(a: Store, b: Store, series: Series) -> Iterator[_Chunks]:
    """Give the chunks of a series in the order of time, except files shared by both stores."""
    left, right = (
        {
            entry.chunk: (store.root / series.path(entry.chunk), entry)
            for _, entry in bring([(series, each) for each in store.seen.entries(series)])
        }
        for store in (a, b)
    )
    for chunk in sorted(left.keys() | right.keys()):
        one = _Chunks(series, left.get(chunk), right.get(chunk))
        if not _is_same_file(one):
            yield one


def _is_same_file(chunks: _Chunks) -> bool:
    """Say whether both stores have the same bytes, without reading any."""
    if chunks.a is None or chunks.b is None:
        return False
    (path_a, entry_a), (path_b, entry_b) = chunks.a, chunks.b
    if isinstance(entry_a, Patched) or isinstance(entry_b, Patched):
        return False
    if entry_a.sha256 is not None and entry_a.sha256 == entry_b.sha256:
        return True
    try:
        return path_a.samefile(path_b)  # a frozen set has second names of the files
    except OSError:
        return False  # whoever reads it will say why


def _compare(found: _Found, chunks: _Chunks) -> pl.DataFrame | None:
    """Add the differences of one chunk, proof first; give the candles with differences.

    None where only one store has the chunk.
    """
    if chunks.a is None or chunks.b is None:
        for kind, side in zip(_ALONE, (chunks.a, chunks.b), strict=True):
            found.add(kind, () if side is None else side[1].footer.covered)
        return None
    (rows_a, known_a), (rows_b, known_b) = (
        _read(path, chunks.series, entry) for path, entry in (chunks.a, chunks.b)
    )
    found.add("only_a", known_a - known_b)
    found.add("only_b", known_b - known_a)
    both = known_a & known_b
    candles = met(*(pl.concat([rows.clear(), *split(rows, both)[1]]) for rows in (rows_a, rows_b)))
    next_slot = chunks.series.timeframe.next
    for kind in _TOGETHER:
        times = times_of(candles.filter(pl.col("difference") == kind)).to_list()
        found.add(kind, ((time, next_slot(time)) for time in times))
    return candles


def _read(path: Path, series: Series, entry: Entry) -> tuple[pl.DataFrame, Spans]:
    try:
        if isinstance(entry, Patched):
            rows, footer = read_patched(path, series, entry)
        else:
            rows, footer = reading(entry, lambda: read_chunk(path, series))
    except OSError as error:
        raise unreadable(path, error) from error
    return rows, footer.covered


def _frame(found: _Found, by: By) -> pl.DataFrame:
    if by == "rows":
        return pl.concat(found.numbers)
    count, name, spans = found.count, found.name, found.spans()
    told: list[tuple[object, ...]] = []
    if by == "slots":
        each = sorted((span, kind) for kind, several in spans.items() for span in several)
        told = [(*name, *span, kind, count([span])) for span, kind in each]
    elif (hull := Spans(span for several in spans.values() for span in several).hull) is not None:
        told = [(*name, *(count(several) for several in spans.values()), *hull)]
    return pl.DataFrame(told, schema=dict(_SCHEMAS[by]), orient="row")
