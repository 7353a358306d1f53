"""The candle lake as people see the data: rows, coverage, gaps and revisions."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.intake import Intake
from marketkit.data.lake.markets import Universe, universe_of
from marketkit.data.lake.names import in_codes
from marketkit.data.lake.read.decimals import in_precision, to_decimals
from marketkit.data.lake.read.fill import scan_dense
from marketkit.data.lake.read.made import read_made
from marketkit.data.lake.read.renamed import Renames, scan_renamed
from marketkit.data.lake.read.spread import Function, Part, dask_frame, map_parts
from marketkit.data.lake.read.sql import answer
from marketkit.data.lake.report import coverage as report
from marketkit.data.lake.report.calendar import calendar
from marketkit.data.lake.report.maintenance import windows
from marketkit.data.lake.report.summary import look
from marketkit.data.lake.snapshots.snapshot import FrozenIndex
from marketkit.data.lake.store import away_log, revisions
from marketkit.data.lake.store import newest as hot
from marketkit.data.lake.store.left_out import SPOILT, from_series, name_of, say, survey
from marketkit.data.lake.store.pages import compact_all
from marketkit.data.lake.store.revisions import Logged
from marketkit.data.lake.store.scan import read_times, scan
from marketkit.data.lake.store.store import Selection
from marketkit.data.lake.trades.day import KIND as TRADE
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.transfer.exporting import check_target, write_rows
from marketkit.errors import WrongArgument
from marketkit.frames import Frame, Precision, one_of
from marketkit.notebook.arguments import explained
from marketkit.notebook.card import Card, Shown
from marketkit.schema import ROW, empty
from marketkit.settings import given_path
from marketkit.symbols import is_name, resolve, several
from marketkit.timeframe import Timeframe, parse_timeframe
from marketkit.window import EVER, Fill, Instant

if TYPE_CHECKING:
    import dask.dataframe as dd


@explained
class Lake(Intake, Shown):
    """A folder of candles that can prove which slots are known.

    Making one opens and writes nothing. Times are ms UTC, ranges half-open; the methods that answer
    frames also take what `parse_time` takes, `-30d` counting back from now. Any number of threads
    and processes may read and append.

    Every method raises `NewerFormat` for a lake of a later marketkit and `CorruptFile` for a file
    in the series asked about that is not its candle file, or may not be read; other series stay
    usable. Where all are asked about, and in reports about several, those are left out with a
    warning that names them (`errors.Incomplete`). Files of other names are never candles.
    """

    @property
    def trades(self) -> TradeStore:
        """The trades that were kept beside the candles."""
        # Made anew: kept, the two would hold each other, and with them the index open.
        return TradeStore(self.root, self.source, self._window)

    @functools.cached_property
    def universe(self) -> Universe:
        """The market lists that were kept beside the candles."""
        return universe_of(self.root, self.source, self.mirror)

    def named(self, symbols: str | Iterable[str]) -> list[str]:
        """Put codes in place of Korean names, by the newest market list of the lake.

        Raises `UnknownSymbol` for a name that the list has not: no code is spelt like one.
        """
        given = several(symbols)
        return in_codes(given, self.universe.newest()) if any(map(is_name, given)) else given

    def _chosen(
        self, symbols: str | Iterable[str] | None, timeframe: str | Timeframe
    ) -> list[Series]:
        given = [symbols] if isinstance(symbols, str) else symbols and list(symbols)
        return super()._chosen(self.named(given) if given else given, timeframe)

    def scan(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        fill: Fill = "none",
        rename: Mapping[str, str] | None = None,
        precision: Precision = "float",
    ) -> pl.LazyFrame:
        """Scan the candles of some symbols, or of all, sorted by symbol and time.

        The lazy frame sees the lake as it is now, however long it is kept, and holds its files open
        for as long. A symbol that is not in the lake has no rows.

        `fill="forward"` adds a row for every slot that is proved empty, with the last close as its
        prices and no volume, `"null"` one without numbers; then there is a column `state`, too.
        Raises `NotCovered` if slots of the range are unknown.

        `rename={"KRW-MATIC": "KRW-POL"}` joins the series of a market that changed its code under
        the newer one, and adds the column `listed_as`: the code that each candle had. Where both
        have a slot that of the newer code counts, and a warning says so. `precision="decimal"` is
        as for `read`.
        """
        one_of("fill", fill, Fill)
        one_of("precision", precision, Precision)
        exact, window = precision == "decimal", self._window(start, end)
        if rename is not None:
            return self._scan_renamed(symbols, timeframe, window, fill, rename, exact=exact)
        with self.index.reading(window):
            found = self.select(symbols, timeframe)

        def answered(sound: Selection) -> pl.LazyFrame:
            if fill != "none":
                return scan_dense(sound, window, fill, exact=exact)
            more = self._unproved(sound, window, everything=symbols is None)
            rows = scan(sound.files(window))
            if more.height:
                rows = pl.concat([rows, more.lazy()]).sort("symbol", "time")
            return to_decimals(rows) if exact else rows

        return found.from_readable(answered, named=symbols is not None)

    def read(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        rename: Mapping[str, str] | None = None,
        precision: Precision = "float",
    ) -> pl.DataFrame:
        """Read the candles of some symbols, or of all, sorted by symbol and time.

        Those that nobody proved yet (`unsettled()`) are among them. `rename` joins series, as for
        `scan`. Candles of `2h 6h 8h 12h` are made of `1h`, and `3d` (counted from 1970-01-01) of
        `1d`, where each one of these is proved. The lake keeps float64; `precision="decimal"` gives
        `Decimal(38, 8)`, of each number the shortest that means the same float: up to 15 digits
        that is the text of the exchange, digit for digit. Raises `InputError` for numbers from 1e30
        on, which have no room in that.
        """
        one_of("precision", precision, Precision)
        window = self._window(start, end)
        if rename is not None:
            plan = self._scan_renamed(symbols, timeframe, window, "none", rename, exact=False)
            return in_precision(plan.collect(), precision)
        if parse_timeframe(timeframe, made=True).made_of:
            return self._read_made(symbols, timeframe, window, exact=precision == "decimal")
        with self.index.reading(window):
            found = self.select(symbols, timeframe)

        def answered(sound: Selection) -> pl.DataFrame:
            rows = sound.read(window)
            more = self._unproved(sound, window, everything=symbols is None)
            return rows if more.is_empty() else pl.concat([rows, more]).sort("symbol", "time")

        rows = found.from_readable(answered, named=symbols is not None)
        return in_precision(rows, precision)

    def coverage(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """Give the state of every slot: traded, proved empty, impossible or unknown.

        One row (`symbol timeframe start end state slots`) for each longest span of slots in one
        state. Slots are `maintenance` instead of `empty` where all liquid markets of the lake are
        empty at once (`lake.maintenance.windows`), and `unfetchable` instead of `unknown` for a
        market that has ended: the newest market list of the lake lacks it. Without `start` or `end`
        the range of each series is what is known of it.
        """
        gone = functools.cache(lambda: self.universe.chronicle().ended)
        frames = [empty(report.COVERAGE)]
        ranges, failures = self._ranges(symbols, timeframe, start, end)
        for series, known, span in ranges:
            ended = bool(known.missing(*span)) and series.symbol in gone()
            try:
                # What is known was looked up first: rows that arrive since turn no slot empty.
                times = read_times(self.select(series.symbol, series.timeframe).files(span))
            except SPOILT as failure:
                failures[name_of(series)] = failure
            else:
                frames.append(report.coverage(series, known, span, times, ended=ended))
        say(failures, anything=len(frames) > 1)
        spans = pl.concat(frames)
        closed = windows(self, parse_timeframe(timeframe), report.where_empty(spans))
        return report.with_maintenance(spans, closed)

    def gaps(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """List the spans of slots nobody asked about: `symbol timeframe start end slots`."""
        ranges, failures = self._ranges(symbols, timeframe, start, end)
        say(failures, anything=bool(ranges))
        return report.gaps(parse_timeframe(timeframe), ranges)

    def catalog(self) -> pl.DataFrame:
        """List the series, and the evidence of each beginning.

        Columns are `symbol timeframe first last rows slots files bytes nothing_before rests_on`.
        `slots` are the covered ones, traded or not. Before `nothing_before`, null if unknown, the
        exchange had nothing: `rests_on` says by `two answers`, empty at different times, by a page
        of `months`, or by `one answer`, as in older lakes: `backfill(recheck=True)` asks again.
        Trades of a market are a series of the timeframe `trade`: `slots` are days known whole.
        """
        self.is_there()
        found, failures = survey(self.seen, [self.source])
        traded = self.trades.catalog()
        say(failures, anything=bool(found) or traded.height > 0)
        return pl.concat([report.catalog(found.items()), report.of_trades(traded)])

    def audit(self, *, tier: bool = False) -> pl.DataFrame:
        """Look at every byte of the lake and list the faults: one row for each finding.

        `path symbol timeframe finding detail`; no row, nothing wrong. Changes nothing, not even the
        index, but that pages of a sound journal go into the files. What is broken never hides the
        rest. `unreadable` is what this user may not read, and `stray` what other programs left: it
        is no part of the lake and changes no answer.

        `differs` is no damage: the exchange's own candles, days as a rule, are not what the
        narrower ones of the same time add up to. The detail counts them and names the first. With
        `tier` every byte of the images below the cache folder is looked at, too (see `warm`).
        """
        from marketkit.data.lake.audit import beside  # noqa: PLC0415 - slow, and seldom wanted

        compact_all(self._place, damaged=False)  # what is to be looked at is all in the files
        return beside.audit(self, tier=tier)

    def repair(self, *, dry_run: bool = False) -> pl.DataFrame:
        """Mend the findings of `audit` where that takes no guessing, and list each action.

        `path symbol timeframe finding action detail`. What cannot be trusted is taken out of the
        lake and kept under `corrupt/`; its slots are unknown from then on, so that the next
        backfill asks for them again. `left` is what only a person can judge. With `dry_run` it only
        says what it would do. Raises `NotWritable`.
        """
        from marketkit.data.lake.audit import beside  # noqa: PLC0415 - as above

        if not dry_run:
            compact_all(self._place, damaged=False)
        return beside.repair(self, dry_run=dry_run)

    def calendar(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """Describe every UTC day: one row per symbol and day, a share for each state.

        Columns are `symbol date slots` and the states of `coverage()`, whose shares of the day add
        up to 1. Without `start` or `end` the range of each series is what is known of it.
        """
        spans = self.coverage(symbols, timeframe, start, end)
        return calendar(spans, parse_timeframe(timeframe))

    def quality(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        bars: Frame | None = None,
    ) -> pl.DataFrame:
        """Judge every UTC day: one row per symbol and day, with a score and reasons.

        `score` is 100 less what each of the `reasons` costs (its points are behind it), null for
        days of which nothing can be had. Then come `slots`, the shares of the states as in
        `calendar()`, and counts. `longest_hole`: unknown slots in a row. `compared`: slots of other
        widths up to a day that were compared (`1h` and `1d` with what `1m` adds up to);
        `differing`: those that differ, and in which number (`open_differs` and so on; one day in
        thirty opens elsewhere than its first hour). `outliers`: candles that the market's own moves
        do not explain, such as a spike or a day of another market; `impossible` are those that no
        market makes, `worst_move` the farthest one in usual moves, at `worst_at`; `wrong_turnover`:
        candles whose turnover fits no price between low and high. `revised`: candles with
        `revisions()`. `trade_differs` of `trade_slots` differ from what the lake's trades add up
        to, or from `bars` of `mk.bars`, the same width made of trades. `checked` and
        `check_differs` are those of the archive that were asked for again through REST. Null is
        what was not looked for.

        Series of other widths that cannot be read are left out with a warning. Raises `InputError`
        for bars that are none.
        """
        from marketkit.data.lake.quality import quality as judging  # noqa: PLC0415 - seldom wanted

        given = None if bars is None else judging.read_bars(bars)
        width = parse_timeframe(timeframe)
        spans = self.coverage(symbols, width, start, end)
        logged = self.revisions(spans["symbol"].unique().to_list(), width)
        checks = judging.checks_of(self, spans, width)
        beside = judging.Beside(logged, given, self.trades, checks)
        return judging.quality(self, spans, width, beside)

    def revisions(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
    ) -> pl.DataFrame:
        """List the numbers that were known and changed, in the order in which that was seen.

        One row for each: `symbol timeframe time column old new seen_at`. A candle that came into a
        slot that was proved empty has nulls for `old`, one that vanished has nulls for `new`.
        """
        waiting = self._logged(timeframe)
        return revisions.read(self.root, self.source, symbols, timeframe, waiting)

    def _logged(self, timeframe: str | Timeframe | None) -> Mapping[Series, list[Logged]]:
        """Have the log here as it is now, and give the revisions of pages that wait."""
        self.is_there()
        if self.mirror is not None:
            away_log.pull(self.mirror, revisions.log_folder(self.source, timeframe))
        return self.journals.revised(self.source)

    def finality(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
    ) -> pl.DataFrame:
        """Measure how long after the close a candle was last seen to change, from `revisions()`.

        One row (`symbol timeframe candles median max`) for each series with revisions: how many
        candles were revised, and the durations. Revisions that an import brought count, too.
        """
        waiting = self._logged(timeframe)
        return revisions.finality(self.root, self.source, symbols, timeframe, waiting)

    def export(
        self,
        path: str | Path,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        overwrite: bool = False,
    ) -> int:
        """Write candles to a file and say how many: `.csv`, `.parquet`, `.arrow` or `.feather`.

        The file is complete or not there at all; `import_` reads it back, row for row. Candles that
        nobody proved yet (`unsettled()`) stay here, for a file could not mark them. The timeframe
        `trade` writes trades, as `schema.TRADE`, which `import_` does not read. Raises
        `InputError` for another suffix or a file that is there already, unless `overwrite` says so.
        """
        target = check_target(given_path(path, "path"), overwrite=overwrite)
        if timeframe == TRADE:
            return write_rows(target, self.trades.read(symbols, start, end))
        window = self._window(start, end)
        with self.index.reading(window):
            found = self.select(symbols, timeframe)
        rows = found.from_readable(lambda sound: sound.read(window), named=symbols is not None)
        return write_rows(target, rows)

    def latest(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        count: int = 200,
        *,
        precision: Precision = "float",
    ) -> pl.DataFrame:
        """Give the last `count` candles of each symbol, or of all, sorted by symbol and time.

        Columns are `schema.ROW`. Up to 256 candles of each cost little more than one file. Nothing
        is proved: gaps or not, they are the newest. `precision="decimal"` is as for `read`. Raises
        `InputError` for a count below 1.
        """
        one_of("precision", precision, Precision)
        if isinstance(symbols, int):  # it came first once
            raise WrongArgument(f"latest() takes symbols first: write count={symbols}")
        chosen = self._chosen(symbols, timeframe)
        answer = functools.partial(hot.latest, self.root, self.index, self.seen, count=count)
        rows = from_series(chosen, answer, name_of, named=symbols is not None)
        if self._beside.any:
            found = self.select(symbols, timeframe)
            more = self._unproved(found, EVER, everything=symbols is None)
            both = pl.concat([rows, more]).sort("symbol", "time")
            rows = both.group_by("symbol", maintain_order=True).tail(count).select(*ROW)
        return in_precision(rows, precision)

    def map(
        self,
        function: Function,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
        *,
        on: Executor | None = None,
    ) -> pl.DataFrame:
        """Call a function with the candles of each symbol, and put the frames together.

        It takes the `LazyFrame` of one symbol (`scan`) and gives a frame, lazy or not; those come
        in the order of the symbols (codes, globs or names; all, if none are given). It is called
        here and now, or `on` the workers of any `concurrent.futures.Executor`, such as Dask's
        `client.get_executor()`; each opens this lake by itself. Raises what the function raises,
        `UnknownSymbol`, `NotPicklable` for a function that cannot travel, `InputError` for an
        executor that forks, for workers with another marketkit, and for what is no frame, and
        `CorruptFile` for a symbol that cannot be read; of all symbols such are left out with a
        warning.

        >>> Lake("somewhere").map(lambda rows: rows.select("close"), timeframe="1d").height
        0
        """
        width, window = parse_timeframe(timeframe).name, self._window(start, end)
        parts = [Part(self, name, width, window) for name in self._meant(symbols, timeframe)]
        return map_parts(function, parts, on, named=symbols is not None)

    def dask(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> dd.DataFrame:
        """Give the candles as a Dask dataframe (`pip install 'marketkit-upbit[dask]'`).

        It has a partition for each symbol, read by `scan` when that is computed, with the symbols
        as the index: divisions are known, so that `ddf.loc["KRW-BTC"]` reads one. Raises
        `UnknownSymbol`, `InputError` where there are no series, and `MissingExtra`. Of all symbols
        those that cannot be looked at are left out with a warning.
        """
        names = None if symbols is None else self._meant(symbols, timeframe)
        return dask_frame(self, self.select(names, timeframe), self._window(start, end))

    def _meant(self, symbols: str | Iterable[str] | None, timeframe: str | Timeframe) -> list[str]:
        """Name the symbols that codes, globs and names mean, or all; each must be there."""
        stored = [series.symbol for series in self._chosen(None, timeframe)]
        return stored if symbols is None else resolve(self.named(symbols), stored)

    def sql(self, query: str, *, as_of: str | None = None) -> pl.DataFrame:
        """Answer a query in the SQL of DuckDB (`pip install 'marketkit-upbit[sql]'`).

        `candles_1m`, `candles_1h` and so on (`candles_1mo` for months) have the columns of
        `schema.ROW`, `candles` has all of them and `timeframe`; `trades` has
        those of `schema.TRADE` and `seq`, the order in a day. Times are in UTC. The query sees the
        files as they are when it begins, or those of the frozen set `as_of`; it can read nothing
        else of this machine and write nothing.

        Series that cannot be read are left out, with a warning that names them, unless the query
        asks about them alone: then that is a `CorruptFile`. Intervals come as text.

        Raises `InputError` with what DuckDB says, and `MissingExtra`.
        """
        return answer(self if as_of is None else self.as_of(as_of), query)

    def _read_made(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        window: Span,
        *,
        exact: bool,
    ) -> pl.DataFrame:
        width = parse_timeframe(timeframe, made=True)
        found = self.select(symbols, width.made_of or width)

        def answered(sound: Selection) -> pl.DataFrame:
            return read_made(self, sound.symbols, width, window, exact=exact)

        return found.from_readable(answered, named=symbols is not None)

    def _scan_renamed(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        window: Span,
        fill: Fill,
        rename: Mapping[str, str],
        *,
        exact: bool,
    ) -> pl.LazyFrame:
        meant = [series.symbol for series in self._chosen(symbols, timeframe)]
        lines = Renames(rename).lines(meant)
        codes = [code for line in lines.values() for code in line]
        return scan_renamed(self.select(codes, timeframe), lines, window, fill, exact=exact)

    def _card(self) -> Card:
        frozen = isinstance(self.index, FrozenIndex)
        title = f"{'Frozen set' if frozen else 'Lake'} {self.where}"
        return look(self).card(title, ZoneInfo(self.defaults.tz))
