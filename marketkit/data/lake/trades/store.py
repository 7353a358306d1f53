"""The trades of a lake: kept with proof, looked up, read."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance, Source
from marketkit.data.lake.store.left_out import from_series, say
from marketkit.data.lake.trades.day import DayEntry
from marketkit.data.lake.trades.days import entries_of, name_of, stored, survey
from marketkit.data.lake.trades.drop import drop_trades
from marketkit.data.lake.trades.layout import TradeSeries, day_span, days_of
from marketkit.data.lake.trades.log import CHANGE, read_log
from marketkit.data.lake.trades.rows import TradePage
from marketkit.data.lake.trades.scan import read_days, scan_days
from marketkit.data.lake.trades.write import TradesWritten, write_trades
from marketkit.net.exchange_clock import machine_time
from marketkit.notebook.arguments import explained
from marketkit.schema import TIME, TRADE, Schema, empty
from marketkit.symbols import several
from marketkit.window import EVER, Instant, window_of

CATALOG: Schema = {
    "symbol": pl.String(),
    "first": TIME,
    "last": TIME,
    "rows": pl.Int64(),
    "days": pl.Int64(),
    "whole_days": pl.Int64(),
    "bytes": pl.Int64(),
}
PROVENANCE: Schema = {
    "symbol": pl.String(),
    "date": pl.Date(),
    "key": pl.String(),
    "sha256": pl.String(),
    "size": pl.Int64(),
    "modified": pl.String(),
    "fetched": TIME,
}
GAPS: Schema = {"symbol": pl.String(), "start": TIME, "end": TIME}

_T = TypeVar("_T")


def _window(start: Instant | None, end: Instant | None) -> Span:
    # machine's clock: of a store by itself; a lake's goes by the lake's
    return window_of(start, end, machine_time())


@explained
class TradeStore:
    """The trades in a lake, a file for a market and a UTC day, with proof of the known times.

    Making one opens and writes nothing. Times are ms UTC, ranges half-open; the methods that answer
    frames also take what `parse_time` takes. Any number of threads and processes may read and
    append.
    """

    def __init__(
        self,
        root: Path,
        source: str = "upbit",
        window: Callable[[Instant | None, Instant | None], Span] = _window,
    ) -> None:
        self.root = root
        self.source = source
        self._window = window

    def append(
        self,
        symbol: str,
        rows: pl.DataFrame,
        covering: Spans,
        *,
        seen_at: int | None = None,
        only_unknown: bool = False,
        archive: Provenance = NO_ARCHIVE,
    ) -> TradesWritten:
        """Keep trades together with the proof that none is missing in `covering`.

        `rows` has the columns of `schema.TRADE`, of which `sequential_id`, `prev_close`,
        `change_price` and `symbol` may be missing, the first three null; `seq` may be there, the
        order of the trades of one millisecond. Inside of `covering` the newer word
        wins: stored trades that the page lacks go, and are logged if their time was proved; what
        they told beyond the page stays with the same trade. `archive` are the files that the rows
        came in. With `only_unknown` what is proved already stays as it is.

        Raises `InputError` for rows that are no possible trades or lie outside `covering`, and
        `NotWritable`; both before anything is written. A kill at any point loses at most what this
        call brought, day by day, never what was there.
        """
        page = TradePage(rows, covering, archive)
        # machine's clock: of rows that came from somebody's hand; a fetched page has its own date
        moment = time.time_ns() // 1_000_000 if seen_at is None else seen_at
        series = TradeSeries(self.source, symbol)
        return write_trades(self.root, series, page, moment, only_unknown=only_unknown)

    def drop(self, symbols: str | Iterable[str]) -> int:
        """Remove all trades of markets and the proof of covered times; give the bytes.

        As `Lake.drop` does: frozen sets keep theirs. Raises `NotWritable`.
        """
        found = [TradeSeries(self.source, symbol) for symbol in several(symbols)]
        return sum(drop_trades(self.root, series) for series in found)

    def covered(self, symbol: str, start: int | None = None, end: int | None = None) -> Spans:
        """Give the times in which no trade of a symbol is missing."""
        span = Span(EVER.start if start is None else start, EVER.end if end is None else end)
        entries = self._entries(TradeSeries(self.source, symbol), span)
        return Spans(each for entry in entries for each in entry.footer.covered).clip(*span)

    def missing(self, symbol: str, start: int, end: int) -> Spans:
        """Give the times of a range of which trades may be missing."""
        return self.covered(symbol, start, end).gaps(start, end)

    def sources(self, symbol: str, span: Span) -> dict[str, Source]:
        """Give by their keys the files of the archive that days of a span came from."""
        entries = self._entries(TradeSeries(self.source, symbol), span)
        return {each.key: each for entry in entries for each in entry.footer.archive.sources}

    def symbols(self) -> list[str]:
        """List the symbols with trades."""
        marker.check(self.root)
        return [series.symbol for series in stored(self.root, self.source)]

    def scan(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.LazyFrame:
        """Scan the trades of some symbols, or of all, by symbol, time and order.

        Columns are `schema.TRADE` and `seq`, the place of a trade in its day. The lazy frame sees
        the lake as it is now, and holds its files open.
        """
        window = self._window(start, end)
        return scan_days(self.paths(symbols, window), window)

    def read(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """Read the trades of some symbols, or of all, by symbol, time and order: `schema.TRADE`."""
        return self.read_span(symbols, self._window(start, end))

    def read_span(self, symbols: str | Iterable[str] | None, span: Span) -> pl.DataFrame:
        """Read the trades of a span."""
        of = functools.partial(self._paths, window=span)
        return self._of(symbols, lambda found: read_days(of(found), span)).select(*TRADE)

    def paths(self, symbols: str | Iterable[str] | None, window: Span) -> list[Path]:
        """Give the files with trades of a range, in the order of their rows.

        Of all symbols those with a broken file are left out, and a warning names them.
        """
        return self._of(symbols, functools.partial(self._paths, window=window))

    def tally(self, symbol: str, span: Span) -> tuple[int, int, int]:
        """Count the UTC days of a span: with trades, proved to have none, not known whole.

        Of a day that the span cuts the part inside counts.
        """
        entries = {each.day: each for each in self._entries(TradeSeries(self.source, symbol), span)}
        counts = [0, 0, 0]
        for day, parts in days_of(Spans([span])):
            entry = entries.get(day)
            if entry is None or not parts <= entry.footer.covered:
                counts[2] += 1
            else:
                counts[not entry.footer.rows] += 1
        return counts[0], counts[1], counts[2]

    def gaps(self, symbols: str | Iterable[str], start: Instant, end: Instant) -> pl.DataFrame:
        """List the times of a range of which trades may be missing: `symbol start end`."""
        window = self._window(start, end)
        rows = [
            (series.symbol, *span)
            for series in self._chosen(symbols)
            for span in self.missing(series.symbol, *window)
        ]
        raw = {"symbol": pl.String(), "start": pl.Int64(), "end": pl.Int64()}
        return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(GAPS))

    def catalog(self) -> pl.DataFrame:
        """List the markets with trades: `symbol first last rows days whole_days bytes`."""
        marker.check(self.root)
        found, failures = survey(self.root, self.source)
        say(failures, anything=bool(found))
        return catalog(found)

    def provenance(
        self,
        symbols: str | Iterable[str] | None = None,
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """List the files of the archive that days came from.

        Columns are `symbol date key sha256 size modified fetched`.
        """
        window = self._window(start, end)

        def files(found: Iterable[TradeSeries]) -> list[tuple[object, ...]]:
            return [
                (series.symbol, entry.day, *source[:5])
                for series in found
                for entry in self._entries(series, window)
                for source in entry.footer.archive.sources
            ]

        rows = self._of(symbols, files)
        raw = {**PROVENANCE, "date": pl.String(), "fetched": pl.Int64()}
        frame = pl.DataFrame(rows, raw, orient="row")
        return frame.with_columns(pl.col("date").str.to_date()).cast(pl.Schema(PROVENANCE))

    def revisions(self, symbols: str | Iterable[str] | None = None) -> pl.DataFrame:
        """List the trades that came or went after their time was proved, as that was seen.

        Columns are `symbol time price volume side sequential_id came seen_at`; `came` is false for
        a trade that went.
        """

        def logged(found: Iterable[TradeSeries]) -> pl.DataFrame:
            return pl.concat([empty(CHANGE), *(read_log(self.root, each) for each in found)])

        return self._of(symbols, logged)

    def _chosen(self, symbols: str | Iterable[str] | None) -> list[TradeSeries]:
        marker.check(self.root)
        if symbols is None:
            return stored(self.root, self.source)
        return [TradeSeries(self.source, symbol) for symbol in sorted(set(several(symbols)))]

    def _of(
        self,
        symbols: str | Iterable[str] | None,
        answer: Callable[[Sequence[TradeSeries]], _T],
    ) -> _T:
        """Answer for some symbols, or for all that can be read: a warning names the others."""
        return from_series(self._chosen(symbols), answer, name_of, named=symbols is not None)

    def _paths(self, found: Iterable[TradeSeries], window: Span) -> list[Path]:
        """Give the files with trades of a range, in the order of their rows."""
        return [
            self.root / series.path(entry.day)
            for series in found
            for entry in self._entries(series, window)
            if entry.footer.rows
        ]

    def _entries(self, series: TradeSeries, window: Span = EVER) -> list[DayEntry]:
        marker.check(self.root)
        entries = entries_of(self.root, series)
        return [each for each in entries if _meet(day_span(each.day), window)]


def catalog(found: Mapping[TradeSeries, list[DayEntry]]) -> pl.DataFrame:
    """Give one row for each market with trades."""
    rows = [_summed(series.symbol, entries) for series, entries in found.items() if entries]
    raw = {name: pl.Int64() if kind == TIME else kind for name, kind in CATALOG.items()}
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(CATALOG))


def _meet(span: Span, window: Span) -> bool:
    return span.start < window.end and window.start < span.end


def _summed(symbol: str, entries: list[DayEntry]) -> tuple[object, ...]:
    footers = [entry.footer for entry in entries]
    firsts = [each.first for each in footers if each.first is not None]
    lasts = [each.last for each in footers if each.last is not None]
    whole = sum(entry.footer.covered.holds(*day_span(entry.day)) for entry in entries)
    size = sum(entry.stamp.size for entry in entries)
    rows = sum(each.rows for each in footers)
    first, last = min(firsts, default=None), max(lasts, default=None)
    return symbol, first, last, rows, len(entries), whole, size
