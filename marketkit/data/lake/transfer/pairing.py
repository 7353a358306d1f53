"""A series in two lakes side by side: chunk by chunk, the news and the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import polars as pl

from marketkit.coverage import ONE_ANSWER, Evidence, Spans
from marketkit.data.lake.format.chunk import Entry, Footer, Version, read_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.away import bring, reading
from marketkit.data.lake.store.knowledge import Knowledge
from marketkit.data.lake.store.met import met
from marketkit.data.lake.store.pending import Patched
from marketkit.data.lake.store.revisions import last_seen, read_log
from marketkit.data.lake.store.rows import CandlePage, checked, times_of, within
from marketkit.data.lake.store.scan import read_patched
from marketkit.data.lake.store.store import Store
from marketkit.errors import CorruptFile
from marketkit.schema import NUMBERS, ROW, empty
from marketkit.window import EVER

PreferLake = Literal["lake", "other", "newer"]

_NOTHING = empty(ROW)


class Part(NamedTuple):
    """The news of one chunk of the other lake.

    `page` are the candles and slots to take, `fresh` the slots of these that nobody knew, `proved`
    all that the other lake proves and that are over, `differing` the candles of slots that both
    know and tell differently, side by side as `met` puts them, and `replaced` the slots known here
    of which the other's word is taken.
    """

    page: CandlePage
    fresh: Spans
    proved: Spans
    differing: pl.DataFrame
    replaced: Spans = Spans()

    def pages(self, prefer: PreferLake) -> Iterator[tuple[CandlePage, bool]]:
        """Give the pages to write, and whether each counts for slots alone that nobody knows."""
        if prefer != "newer" or not self.replaced:
            yield self.page, prefer != "other"
            return
        yield _of(self.page, self.fresh), True
        yield _of(self.page, self.replaced), False

    @property
    def fresh_candles(self) -> int:
        """How many candles lie in slots that nobody knew."""
        return int(within(self.page.rows["time"], self.fresh).sum())


class Beginning(NamedTuple):
    """A moment (ms UTC) before which nothing exists, and the kind of proof."""

    moment: int
    rests_on: Evidence


@dataclass(frozen=True, slots=True)
class SeriesPair:
    """A series in a lake and in another one, as of one look at both.

    A slot of the other lake that ends after `until` (ms UTC) is not over, whoever claims it.
    `later` are slots of which the other has seen a change after this one.
    """

    lake: Store
    other: Store
    series: Series
    prefer: PreferLake
    until: int
    own: Mapping[str, Entry]
    others: Mapping[str, Entry]
    later: Spans

    @classmethod
    def of(
        cls, lake: Store, other: Store, series: Series, prefer: PreferLake, now: int
    ) -> SeriesPair:
        """Look a series up in both lakes."""
        until = series.timeframe.floor(now)
        looked = _entries(lake, series), _entries(other, series)
        later = _later(lake, other, series) if prefer == "newer" else Spans()
        return cls(lake, other, series, prefer, until, *looked, later)

    @property
    def known(self) -> Knowledge:
        """The proof of this lake."""
        return Knowledge.of(self.series.timeframe, self.own.values())

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Read the chunks of the other lake, and compare each with this one."""
        proved = self.known.proved
        for chunk in self.others:
            yield chunk, self.part(chunk, proved)

    def part(self, chunk: str, known: Spans) -> Part:
        """Compare a chunk of the other lake with this one, that proves the slots `known`."""
        if self._is_same(chunk):
            proved = self.others[chunk].footer.covered.clip(EVER.start, self.until)
            return Part(CandlePage(_NOTHING, Spans()), Spans(), proved, _NOTHING)
        theirs, said = _read(self.other, self.series, self.others[chunk])
        proved = said.covered.clip(EVER.start, self.until)
        fresh, both = proved - known, proved & known
        differing = self._differing(chunk, theirs, both)
        replaced = both if self.prefer == "other" else self.later & self._slots(differing)
        covering = fresh | replaced
        rows = theirs.filter(within(theirs["time"], covering))
        page = CandlePage(rows, covering, archive=said.archive.of(covering))
        return Part(checked(self.series, page), fresh, proved, differing, replaced)

    def _slots(self, rows: pl.DataFrame) -> Spans:
        """Give the slots of candles."""
        next_slot = self.series.timeframe.next
        return Spans((time, next_slot(time)) for time in times_of(rows).to_list())

    def beginning(self) -> Beginning | None:
        """Give the moment before which nothing exists, if the other lake knows better.

        A later one counts, but one of a single answer overrules none with better proof. None also
        where it cannot be: this lake has older candles that the other does not know.
        """
        ours, theirs = self.known, Knowledge.of(self.series.timeframe, self.others.values())
        moment = theirs.nothing_before
        rests_on = next(
            (each for each in get_args(Evidence) if each == theirs.rests_on), ONE_ANSWER
        )
        if moment is None or not _is_better(Beginning(moment, rests_on), ours):
            return None
        if self.series.timeframe.name != "1s" and self._has_older(moment, theirs.covered):
            return None
        return Beginning(moment, rests_on)

    def _has_older(self, moment: int, covered: Spans) -> bool:
        older = [each for each in self.own.values() if (each.footer.first or moment) < moment]
        for entry in older:
            times = self._own_rows(entry)["time"]
            if ((times.cast(pl.Int64) < moment) & ~within(times, covered)).any():
                return True
        return False

    def _differing(self, chunk: str, theirs: pl.DataFrame, both: Spans) -> pl.DataFrame:
        ours, entry = _NOTHING, self.own.get(chunk)
        if entry is not None and both:
            ours = self._own_rows(entry)
        found = met(*(rows.filter(within(rows["time"], both)) for rows in (ours, theirs)))
        return found.filter(
            pl.any_horizontal(pl.col("difference") != "changed", *map(differs, NUMBERS))
        )

    def _own_rows(self, entry: Entry) -> pl.DataFrame:
        try:
            return _read(self.lake, self.series, entry)[0]
        except CorruptFile as error:
            raise CorruptFile(f"{error}; `marketkit lake repair` sets it aside") from error

    def _is_same(self, chunk: str) -> bool:
        """Say whether a chunk is the same file, or has the same bytes: none need be decoded."""
        entry = self.own.get(chunk)
        other = self.others[chunk]
        if entry is None or entry.stamp.size != other.stamp.size:
            return False
        if isinstance(entry, Patched) or isinstance(other, Patched):
            return False
        # An older file may have that size.
        _held = bring([(self.series, entry), (self.series, other)])
        ours, theirs = (store.root / self.series.path(chunk) for store in (self.lake, self.other))
        try:
            return ours.samefile(theirs) or ours.read_bytes() == theirs.read_bytes()
        except OSError:
            return False  # whoever reads it will say why


def _is_better(beginning: Beginning, ours: Knowledge) -> bool:
    if ours.nothing_before is None:
        return True
    is_weak, is_ours_weak = (each == ONE_ANSWER for each in (beginning.rests_on, ours.rests_on))
    if is_weak != is_ours_weak:
        return is_ours_weak
    return beginning.moment > ours.nothing_before


def _later(lake: Store, other: Store, series: Series) -> Spans:
    """Give the slots of which another lake has seen a change later than this one has."""
    ours, theirs = _last_seen(lake, series), _last_seen(other, series)
    next_slot = series.timeframe.next
    return Spans(
        (time, next_slot(time)) for time, at in theirs.items() if at > ours.get(time, EVER.start)
    )


def _last_seen(store: Store, series: Series) -> dict[int, int]:
    waiting = store.journals.revised(series.source).get(series, ())
    return last_seen(read_log(store.root, series, waiting))


def _of(page: CandlePage, spans: Spans) -> CandlePage:
    """Give a page of some of the slots."""
    rows = page.rows.filter(within(page.rows["time"], spans))
    return CandlePage(rows, spans, archive=page.archive.of(spans))


def differs(column: str) -> pl.Expr:
    """Say where both candles say a number and not the same; an unknown turnover says none."""
    ours, theirs = pl.col(column), pl.col(f"{column} b")
    return ours.is_not_null() & theirs.is_not_null() & (ours != theirs)


def _entries(store: Store, series: Series) -> dict[str, Entry]:
    try:
        return {entry.chunk: entry for entry in store.seen.entries(series)}
    except OSError as error:  # a folder that is not ours to read
        raise CorruptFile(f"{store.root / series.folder} cannot be read: {error}") from error


def _read(store: Store, series: Series, entry: Entry) -> tuple[pl.DataFrame, Footer]:
    """Read a chunk: the rows, and the footer with the proof."""
    path = store.root / series.path(entry.chunk)
    ((_, entry),) = bring([(series, entry)])
    known = None if entry.sha256 is None else Version(entry.stamp, entry.sha256)
    try:
        if isinstance(entry, Patched):
            return read_patched(path, series, entry)
        return reading(entry, lambda: read_chunk(path, series, known))
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error
