"""The store under the lake: series of candles, appended and looked up with proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import polars as pl

from marketkit.coverage import ONE_ANSWER, Evidence, Span, Spans
from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.layout import Series, check_source, cut_chunks, edge_chunks
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance
from marketkit.data.lake.store.drop import drop_series
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.left_out import name_of, of_the_sound, say
from marketkit.data.lake.store.located import Located
from marketkit.data.lake.store.mirror import Mirror
from marketkit.data.lake.store.pages import compact_all, write_page
from marketkit.data.lake.store.rows import CandlePage
from marketkit.data.lake.store.scan import Files, count, files_of, read
from marketkit.data.lake.store.write import Written
from marketkit.data.lake.tier import tier
from marketkit.errors import LakeError
from marketkit.frames import DEFAULTS
from marketkit.net.exchange_clock import machine_time
from marketkit.symbols import several
from marketkit.timeframe import Timeframe, parse_timeframe
from marketkit.window import Instant, check_range, window_of

_T = TypeVar("_T")


class Tally(NamedTuple):
    """How many slots traded, are proved empty, are not on the exchange, or are unknown."""

    traded: int
    empty: int
    absent: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Series of one timeframe as one look found each: the knowledge and the files.

    Files may be replaced later, but only by such as know more, so what is known here stays true.
    `failures` are, by their names, series that a look at all could not read.
    """

    root: Path
    timeframe: Timeframe
    found: dict[str, tuple[Series, list[Entry]]]
    knows: dict[str, Knowledge]
    failures: dict[str, LakeError] = field(default_factory=dict)

    @property
    def symbols(self) -> list[str]:
        """The symbols that were looked up, sorted."""
        return list(self.found)

    def of(self, symbols: Iterable[str]) -> Selection:
        """Give the part for some of the symbols."""
        names = list(symbols)
        return replace(
            self,
            found={symbol: self.found[symbol] for symbol in names},
            knows={symbol: self.knows[symbol] for symbol in names},
            failures={},
        )

    def known(self, symbol: str) -> Knowledge:
        """Give the proof of all chunks of a symbol together."""
        return self.knows[symbol]

    def files(self, window: Span) -> Files:
        """Give the files with candles of a range, in the order of their rows."""
        low, high = edge_chunks(self.timeframe, window)
        found = [
            (series, entry)
            for series, entries in self.found.values()
            for entry in entries
            if entry.footer.rows and low <= entry.chunk <= high
        ]
        whole = cut_chunks(self.timeframe, window).isdisjoint(entry.chunk for _, entry in found)
        only = self.symbols[0] if len(self.found) == 1 else None
        return files_of(self.root, found, None if whole else window, only)

    def tally(self, symbol: str, window: Span) -> Tally:
        """Count the slots of a range by state."""
        known = self.known(symbol)
        span = known.slots_of(*window)
        slots = self.timeframe.count_all
        traded = count(self.of([symbol]).files(span))
        covered = slots(known.covered.clip(*span))
        return Tally(
            traded, covered - traded, slots(known.absent(*span)), slots(known.missing(*span))
        )

    def read(self, window: Span) -> pl.DataFrame:
        """Read the candles of a range, sorted by symbol and time."""
        return read(self.files(window))

    def from_readable(self, answer: Callable[[Selection], _T], *, named: bool) -> _T:
        """Answer for series that somebody named; else for all that can be read, with a warning.

        Raises the failure of one that is named, and where none can be read.
        """
        if named:
            return answer(self)
        answered, failures = of_the_sound(
            self.symbols,
            lambda symbols: answer(self.of(symbols)),
            lambda symbol: name_of(self.found[symbol][0]),
        )
        say({**self.failures, **failures}, anything=bool(self.found))
        return answered


class Store(Located):
    """A folder of candles that can prove which slots are known: the part that programs need.

    Making one opens and writes nothing. Times are ms UTC, ranges half-open; the methods that answer
    frames also take what `parse_time` takes. Any number of threads and processes may read and
    append.

    Every method raises `NewerFormat` for a lake of a later marketkit and `CorruptFile` for a file
    in the series asked about that is not its candle file, or may not be read; other series stay
    usable. Where all are asked about those are left out, with a warning that names them.
    """

    def __init__(self, root: str | Path | Mirror, *, source: str = "upbit") -> None:
        super().__init__(root)
        self.source = check_source(source)
        # machine's clock: of a lake by itself; a provider's goes by the exchange's
        self.clock: Callable[[], int] = machine_time
        self.defaults = DEFAULTS  # whose zone its looks have; of a provider's lake that one's

    def __reduce__(self) -> tuple[Any, ...]:
        # Only the address travels, whatever folder the other process works in.
        if self.mirror is not None:
            return _reopened_away, (type(self), self.mirror.url, self.source)
        return _reopened, (type(self), self.root.absolute(), self.source, type(self.index))

    def append(
        self,
        symbol: str,
        timeframe: str | Timeframe,
        rows: pl.DataFrame,
        covering: Spans,
        *,
        nothing_before: int | None = None,
        rests_on: Evidence = ONE_ANSWER,
        seen_at: int | None = None,
        only_unknown: bool = False,
        archive: Provenance = NO_ARCHIVE,
    ) -> Written:
        """Keep candles together with the proof that `covering` was asked and answered.

        `rows` has the columns of `schema.ROW`, in any order of time; slots of `covering` without a
        row are proved empty. Inside of `covering` the newer word wins: stored rows with the same
        time are replaced, and those that the page lacks go; outside of it nothing changes. Every
        number that was known and is not the same any more is a revision, logged with `seen_at`, the
        moment (ms UTC, default now) the exchange said so. `nothing_before` says that the exchange
        has no candle that starts earlier, and `rests_on` how that was proved: the latest counts,
        but one of a single answer that candles contradict gives way to one with better proof. With
        `only_unknown` what is proved already stays as it is, and the page counts for other slots
        alone. `archive` are the files that the page came in, for the footers of chunks. Gives how
        many rows are new or different, and how many numbers were revised; when the call returns
        they are on disk.

        Raises `InputError` for rows that are no possible candles or lie outside `covering`, and
        `NotWritable`; both before anything is written. A kill at any point loses at most what this
        call brought, chunk by chunk, never what was there.
        """
        series = self._series(symbol, timeframe)
        page = CandlePage(rows, covering, nothing_before, rests_on, archive)
        # machine's clock: of rows that came from somebody's hand; a fetched page has its own date
        moment = time.time_ns() // 1_000_000 if seen_at is None else seen_at
        return write_page(self._place, series, page, moment, only_unknown=only_unknown)

    def one_look(
        self, symbols: str | Iterable[str] | None, timeframe: str | Timeframe
    ) -> AbstractContextManager[None]:
        """Answer the questions of this thread about some series by one look at a bucket."""
        return self.index.one_look(self._chosen(symbols, timeframe))

    def drop(self, symbols: str | Iterable[str], timeframe: str | Timeframe) -> int:
        """Remove series with all coverage, and give the bytes of candles.

        Codes only, each spelt as in `catalog()`. Frozen sets keep theirs; of a series that the lake
        does not have nothing is removed. Each goes under the lock of its writers: one who writes
        meanwhile, as a job at work, comes before or begins the series anew. Raises `NotWritable`.
        """
        found = [self._series(name, timeframe) for name in several(symbols)]
        compact_all(self._place, found)  # a drop that is cut short must leave no older word
        return sum(drop_series(self._place, series) for series in found)

    def warm(
        self,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe = "1m",
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> int:
        """Prepare files of some symbols, or of all, to be read as memory; give how many are.

        Reads do the same by themselves, for files that are read a second time. Images of files lie
        below the cache folder, take three times the room there, and may be deleted at any time; all
        of them have 2 GB (`MARKETKIT_TIER`, bytes; `0` is off), and the newest files of a range
        come first. Every file is compared with its proof before. Raises as `read`.
        """
        found, window = self.select(symbols, timeframe), self._window(start, end)

        def prepared(sound: Selection) -> int:
            files = sound.files(window)
            ready, without = tier.warm(files.newest_first, files.known)
            if without:  # as who reads a broken file is told
                count(replace(files, paths=without))
            return ready

        return found.from_readable(prepared, named=symbols is not None)

    def covered(self, symbol: str, timeframe: str | Timeframe) -> Spans:
        """Give the slots that were asked and answered."""
        return self._known(self._series(symbol, timeframe)).covered

    def nothing_before(self, symbol: str, timeframe: str | Timeframe) -> int | None:
        """Give the moment before which the exchange has no candle, if known."""
        return self._known(self._series(symbol, timeframe)).nothing_before

    def missing(self, symbol: str, timeframe: str | Timeframe, start: int, end: int) -> Spans:
        """Give the slots starting in `[start, end)` that nobody asked about and that may exist."""
        return self._known(self._series(symbol, timeframe)).missing(*check_range(start, end))

    def select(self, symbols: str | Iterable[str] | None, timeframe: str | Timeframe) -> Selection:
        """Look some series up, or all of a timeframe: their proof and their files in one look.

        Of all, those that cannot be looked at are `failures`; one that is named raises its own.
        """
        chosen = self._chosen(symbols, timeframe)
        looked_up, failures = self.seen.survey(chosen)
        for failure in failures.values() if symbols is not None else ():
            raise failure
        found = {series.symbol: (series, entries) for series, entries in looked_up.items()}
        knows = {each.symbol: self._knowledge(each, entries) for each, entries in looked_up.items()}
        named = {name_of(series): failure for series, failure in failures.items()}
        return Selection(self.root, parse_timeframe(timeframe), found, knows, named)

    def _window(self, start: Instant | None, end: Instant | None) -> Span:
        """Give the range a caller means; `-30d` counts back from now."""
        return window_of(start, end, self.clock())

    def _series(self, symbol: str, timeframe: str | Timeframe) -> Series:
        self.is_there()
        return Series(self.source, symbol, parse_timeframe(timeframe))

    def _chosen(
        self, symbols: str | Iterable[str] | None, timeframe: str | Timeframe
    ) -> list[Series]:
        self.is_there()
        timeframe = parse_timeframe(timeframe)
        if symbols is None:
            return self._stored(timeframe)
        names = {symbols} if isinstance(symbols, str) else set(symbols)
        return [Series(self.source, name, timeframe) for name in sorted(names)]

    def _stored(self, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe."""
        return self.index.stored(self.source, timeframe)

    def _known(self, series: Series) -> Knowledge:
        return self._knowledge(series, self.seen.entries(series))

    def _knowledge(self, series: Series, entries: list[Entry]) -> Knowledge:
        """Add up entries, once for as long as the index gives the same list."""
        seen, known = self._worked_out.get(series.folder, (None, None))
        if seen is not entries or known is None:
            known = Knowledge.of(series.timeframe, entries)
            self._worked_out[series.folder] = entries, known
        return known

    def _ranges(
        self,
        symbols: str | Iterable[str] | None,
        timeframe: str | Timeframe,
        start: Instant | None,
        end: Instant | None,
    ) -> tuple[list[tuple[Series, Knowledge, Span]], dict[str, LakeError]]:
        """Give the series asked about, the knowledge of each, and the range to report.

        Those that cannot be looked at come second, by their names.
        """
        window = self._window(start, end)  # a wrong range is refused, whatever is known
        looked_up, failures = self.seen.survey(self._chosen(symbols, timeframe))
        found: list[tuple[Series, Knowledge, Span]] = []
        for series, entries in looked_up.items():
            known = self._knowledge(series, entries)
            span: Span | None = window
            if start is None or end is None:  # else nobody need know how far the series reaches
                span = hull = known.hull
                if hull is not None:
                    first = hull.start if start is None else window.start
                    span = Span(first, hull.end if end is None else window.end)
            if span is not None and span.start < span.end:
                found.append((series, known, span))
        return found, {name_of(series): failure for series, failure in failures.items()}


S = TypeVar("S", bound=Store)


def _reopened_away(kind: type[S], url: str, source: str) -> S:
    return kind(url, source=source)


def _reopened(kind: type[S], root: Path, source: str, index: type[Index]) -> S:
    store = kind(root, source=source)
    store.index = index(root)
    return store
