"""The candle lake as people see it: what it has, what it lacks, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from marketkit.errors import LakeError
from marketkit.lake import marker, report
from marketkit.lake.reading import read_times, scan
from marketkit.lake.store import Store, Time, window_of
from marketkit.schema import empty
from marketkit.timeframe import TIMEFRAMES, Timeframe


class Lake(Store):
    """A folder of candles that can prove which slots it knows.

    Making one opens and writes nothing. Times are ms UTC, ranges half-open; the methods that answer
    frames also take what `parse_time` takes. Any number of threads and processes may read and
    append.

    Every method raises `NewerFormat` for a lake of a later marketkit and `CorruptFile` for a file
    in the series asked about that is not its candle file; other series stay usable.
    """

    def scan(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        start: Time | None = None,
        end: Time | None = None,
    ) -> pl.LazyFrame:
        """Scan the candles of some symbols, or of all, sorted by symbol and time.

        The lazy frame sees the lake as it is now, however long it is kept, and holds its files open
        for as long. A symbol that is not in the lake has no rows.
        """
        return scan(self.select(symbols, timeframe).files(window_of(start, end)))

    def read(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        start: Time | None = None,
        end: Time | None = None,
    ) -> pl.DataFrame:
        """Read the candles of some symbols, or of all, sorted by symbol and time."""
        return self.select(symbols, timeframe).read(window_of(start, end))

    def coverage(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Time | None = None,
        end: Time | None = None,
    ) -> pl.DataFrame:
        """Say of every slot whether it traded, is proved empty, cannot exist or is unknown.

        One row (`symbol timeframe start end state slots`) for each longest span of slots in one
        state. Without `start` or `end` the range of each series is what is known of it.
        """
        frames = [empty(report.COVERAGE)]
        for series, known, span in self._ranges(symbols, timeframe, start, end):
            # What is known was looked up first: rows that arrive since cannot turn a slot empty.
            files = self.select(series.symbol, series.timeframe).files(span)
            frames.append(report.coverage(series, known, span, read_times(files)))
        return pl.concat(frames)

    def gaps(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Time | None = None,
        end: Time | None = None,
    ) -> pl.DataFrame:
        """List the spans of slots nobody asked about: `symbol timeframe start end slots`."""
        return report.gaps(self._ranges(symbols, timeframe, start, end))

    def catalog(self) -> pl.DataFrame:
        """List the series: `symbol timeframe first last rows slots files bytes`.

        `slots` are the covered ones, traded or not.
        """
        marker.check(self.root)
        series = [each for timeframe in TIMEFRAMES.values() for each in self._stored(timeframe)]
        return report.catalog((each, self.index.entries(each)) for each in series)

    def __repr__(self) -> str:
        try:
            catalog = self.catalog()
        except LakeError as error:
            return f"Lake({str(self.root)!r}: {error})"
        rows, size = int(catalog["rows"].sum()), int(catalog["bytes"].sum()) / 1e6
        return f"Lake({str(self.root)!r}: {catalog.height} series, {rows:,} rows, {size:,.1f} MB)"
