"""The lake as files and other lakes come in, and candles that nobody proved yet."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.audit.widths import compare
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.markets import universe_of
from marketkit.data.lake.names import in_codes
from marketkit.data.lake.report import provenance
from marketkit.data.lake.snapshots.snapshot_store import SnapshotStore
from marketkit.data.lake.store.left_out import from_series, name_of
from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.store.unsettled import Unsettled
from marketkit.data.lake.trades.day import KIND
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.transfer.imported import Imported, Imports
from marketkit.data.lake.transfer.importing import Import
from marketkit.data.lake.transfer.merged import MergeReport
from marketkit.data.lake.transfer.merging import MergeTerms, merge
from marketkit.data.lake.transfer.pairing import PreferLake
from marketkit.data.lake.transfer.sources.markets import market_of
from marketkit.data.lake.transfer.sources.paths import Paths, files_of
from marketkit.data.lake.transfer.sources.reading import read_tables
from marketkit.data.lake.transfer.sources.rows import Reading
from marketkit.data.lake.transfer.terms import Covering, Duplicates, Prefer, Terms
from marketkit.frames import OnError
from marketkit.notebook.arguments import explained
from marketkit.schema import CANDLE, STATE
from marketkit.symbols import several
from marketkit.timeframe import Timeframe, parse_timeframe
from marketkit.window import EVER, Instant


@explained
class Intake(SnapshotStore):
    """A store that takes candles in from files and from other lakes."""

    @overload
    def import_(
        self,
        path: Paths,
        *,
        symbol: str,
        timeframe: str | Timeframe,
        columns: Mapping[str, str | None] | None = None,
        tz: str | None = None,
        encoding: str | None = None,
        covering: Covering = "rows",
        prefer: Prefer = "lake",
        settled: bool = False,
        duplicates: Duplicates = "error",
        force: bool = False,
        on_error: OnError = "raise",
        dry_run: bool = False,
    ) -> Imported: ...
    @overload
    def import_(
        self,
        path: Paths,
        *,
        symbol: None = None,
        timeframe: str | Timeframe,
        columns: Mapping[str, str | None] | None = None,
        tz: str | None = None,
        encoding: str | None = None,
        covering: Covering = "rows",
        prefer: Prefer = "lake",
        settled: bool = False,
        duplicates: Duplicates = "error",
        force: bool = False,
        on_error: OnError = "raise",
        dry_run: bool = False,
    ) -> Imports: ...
    def import_(
        self,
        path: Paths,
        *,
        symbol: str | None = None,
        timeframe: str | Timeframe,
        columns: Mapping[str, str | None] | None = None,
        tz: str | None = None,
        encoding: str | None = None,
        covering: Covering = "rows",
        prefer: Prefer = "lake",
        settled: bool = False,
        duplicates: Duplicates = "error",
        force: bool = False,
        on_error: OnError = "raise",
        dry_run: bool = False,
    ) -> Imported | Imports:
        """Import the candles of a file, of several, of a folder or of a glob, and give the counts.

        A file may add what nobody knew. With `prefer="lake"` slots that the lake knows stay as they
        are, and what the files have otherwise is listed in the report; `"file"` puts the numbers of
        the files in their place, and `revisions()` lists those that changed.

        It proves only what it says. `covering="rows"` claims the slots that the files have rows
        for, and the whole day or month that the name of an archive's file says; `"range"` that
        nothing traded in any other slot from the first of a file to its last; `(start, end)` in any
        other slot of that time. Rows without prices, those of volume 0 at one price, and those
        whose `state` says so, claim that nothing traded. Rows that are `forming` or `unknown` are
        left out.

        A slot that ended after its file was last written, and the newest row of a file that names
        no time that was over by then, are not claimed: the candle is kept as unsettled (see
        `unsettled()`), `read` gives it, and the next backfill asks again. `settled=True` says that
        all candles are final.

        With `symbol` the result for that market, else one for each market that the files name. The
        columns are found by the names in circulation, or given: `columns={"time": "ts"}`. `tz` is
        the zone of times that carry none. Any order of rows; of two different candles of one time
        `duplicates` says which counts. `force=True` takes files whose name says another market or
        time, and prices that do not fit those of the lake. With `dry_run` nothing is written.

        Raises `InputError`, with nothing written at all, for files that cannot be read, name no
        market or another, or hold impossible candles, times that are no slots of `timeframe`, or
        prices of another market or time zone. With `on_error="skip"` such files are left out and
        listed in `failures`; it raises only if no file is left.
        """
        width, now = parse_timeframe(timeframe), self.clock()
        terms = Terms(
            *(symbol and (market_of(symbol) or symbol), width, now, covering, prefer),
            settled=settled,
            duplicates=duplicates,
            force=force,
            on_error=on_error,
            dry_run=dry_run,
        )
        reading = Reading(width, now, columns or {}, tz, encoding)
        read = functools.partial(read_tables, reading=reading)
        told = Import(self, terms, compare).run(files_of(path), read)
        self.close()
        return told if symbol is None else told.markets[0]

    def merge(
        self,
        other: str | Path | Store,
        *,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
        prefer: PreferLake = "lake",
        dry_run: bool = False,
    ) -> MergeReport:
        """Take in the knowledge of another lake: a colleague's, an older copy, a frozen set.

        `other` is as for `diff`: a lake, its folder, the folder or the name of a frozen set. Its
        candles come with their proof (slots that traded, slots proved empty, the time before the
        listing), with the revisions logged there of all that is taken, with its unsettled candles,
        with its trades and what is known of them (alone with the timeframe `trade`), and with its
        market lists of days without one. It is only read, not even its index is
        written.

        `prefer="lake"` fills the slots that nobody knew here and changes no other; where both know
        a slot and tell it differently, that is counted and listed in the report's `differences`.
        With `"other"` its word replaces what was known, as revisions do: see `revisions()`; with
        `"newer"` only where a change of the slot was seen later there than here. A turnover that
        one of them does not know is no difference. Slots that are not over are left out, whoever
        claims them.

        A series with a corrupt file, here or there, is left out as a whole, with a warning and its
        error in `failures` of the report; the others go on. `dry_run` only says what would come.
        A kill loses nothing, and the same call goes on. Raises `InputError` for this lake itself,
        one of another exchange and what is no lake, `UnknownSymbol`, `NewerFormat` and
        `NotWritable`.
        """
        side = self._side(other)
        lists = universe_of(self.root, self.source, self.mirror)
        names = None if symbols is None else in_codes(several(symbols), lists.newest())
        found = merge(self, side, MergeTerms(self.clock(), names, timeframe, prefer, dry_run))
        if names is None:
            new = lists.take(universe_of(side.root, self.source, side.mirror), dry_run=dry_run)
            found = replace(found, lists=new)
        self.close()
        found.warn_of_failures()  # last: all of it is done, whatever warnings do
        return found

    def pull(
        self,
        other: str | Path | Store,
        *,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
        dry_run: bool = False,
    ) -> MergeReport:
        """Take in what a shared lake knows more, from the folder or the bucket it is in.

        `merge` with `prefer="newer"`: slots that nobody knew here come with their proof, and of a
        slot that both tell differently the word counts that was seen to change last. Of a bucket
        only chunks are fetched whose version is not known here. Raises as `merge`.
        """
        part = functools.partial(self.merge, symbols=symbols, timeframe=timeframe)
        return part(other, prefer="newer", dry_run=dry_run)

    def push(
        self,
        other: str | Path | Intake,
        *,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
        dry_run: bool = False,
    ) -> MergeReport:
        """Give what this lake knows more to a shared lake, in a folder or a bucket.

        The other way round than `pull`, by the same rules; a lake that is not there yet is made.
        Raises as `merge`, of the other lake.
        """
        there = other if isinstance(other, Intake) else type(self)(other, source=self.source)
        if there is not other:
            there.clock, there.defaults = self.clock, self.defaults
        return there.pull(self, symbols=symbols, timeframe=timeframe, dry_run=dry_run)

    def unsettled(
        self, symbols: str | Iterable[str] | None = None, timeframe: str | Timeframe = "1m"
    ) -> pl.DataFrame:
        """Give the candles that files showed and nobody proved, sorted by symbol and time.

        Columns are `schema.CANDLE`, the state being `forming`. `read`, `scan` and `latest` give
        these candles, too, and `get_candle(source="lake", forming=True)` the newest, until a
        backfill or another file proves their slots.
        """
        found = self.select(symbols, timeframe)

        def unproved(sound: Selection) -> pl.DataFrame:
            return self._unproved(sound, EVER, everything=symbols is None)

        rows = found.from_readable(unproved, named=symbols is not None)
        return rows.with_columns(state=pl.lit("forming", STATE)).select(*CANDLE)

    @property
    def _beside(self) -> Unsettled:
        # Made anew: kept, the two would hold each other, and with them the index open.
        return Unsettled(self)

    def provenance(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> pl.DataFrame:
        """List the files of the exchange's archive that candles came in, as the chunks tell.

        One row (`symbol timeframe start end key sha256 size modified fetched_at compared
        differing`) for each: the times that the file proves, the SHA-256 and the bytes of the zip,
        when the archive says that the file was last changed, when it was fetched; and of the pages
        of REST held against it how many slots were compared, and how many of them differed.
        Candles that came in no file are in none of these.
        """
        window, chosen = self._window(start, end), self._chosen(symbols, timeframe)

        def files(sound: Sequence[Series]) -> pl.DataFrame:
            return provenance.frame(
                provenance.SeriesProvenance(each, provenance.provenance_in(self, each, window))
                for each in sound
            )

        return from_series(chosen, files, name_of, named=symbols is not None)

    def drop(self, symbols: str | Iterable[str], timeframe: str | Timeframe) -> int:
        """Remove series with all coverage, and give the bytes of candles.

        Codes only, each spelt as in `catalog()`. Frozen sets keep theirs; of a series that the lake
        does not have nothing is removed. Each goes under the lock of its writers: one who writes
        meanwhile, as a job at work, comes before or begins the series anew. The timeframe `trade`
        removes trades. Raises `NotWritable`.
        """
        names = several(symbols)
        if timeframe == KIND:
            return TradeStore(self.root, self.source).drop(names)
        size = super().drop(names, timeframe)
        self._beside.drop(names, timeframe)
        return size

    def _unproved(self, found: Selection, window: Span, *, everything: bool) -> pl.DataFrame:
        """Give the unsettled candles of series that were looked up, or of all."""
        names = set(found.symbols)
        if everything:
            names |= set(self._beside.symbols(found.timeframe))
        return self._beside.read(found, window, sorted(names))
