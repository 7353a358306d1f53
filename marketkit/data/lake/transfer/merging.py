"""The merge of another lake into this one: rows with their proof, revisions, beginnings.

All that the other lake has of a series is read and compared before anything of it is written, so
that of a series with a damaged file nothing is taken. Then its log goes in, and each chunk is
merged as any page is: under the lock of its writers, all or nothing. A kill leaves some chunks
merged and the others as they were, and the same call goes on. Nothing is written where the other
lake lies, not even its index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import ONE_ANSWER, Evidence, Span, Spans
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.layout import Series, check_source, chunk_of
from marketkit.data.lake.store import away_log
from marketkit.data.lake.store.index import Index, UnkeptIndex
from marketkit.data.lake.store.mirror import writable
from marketkit.data.lake.store.revisions import Logged, add_history, news_of
from marketkit.data.lake.store.rows import CandlePage, times_of
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.store.unsettled import FOLDER
from marketkit.data.lake.store.write import only_writer
from marketkit.data.lake.trades.day import KIND
from marketkit.data.lake.trades.store import TradeStore
from marketkit.data.lake.transfer.merged import LIMIT, MergeReport, SeriesMerge, listed
from marketkit.data.lake.transfer.merging_trades import TradeTerms, merge_trades
from marketkit.data.lake.transfer.pairing import Beginning, Part, PreferLake, SeriesPair
from marketkit.data.lake.transfer.unproved import take_unproved, unproved_of
from marketkit.errors import CorruptFile, InputError, MarketkitError, NotWritable
from marketkit.frames import one_of
from marketkit.progress import Progress, Reporter
from marketkit.schema import ROW, empty
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_timeframe

_NO_PART = Part(CandlePage(empty(ROW), Spans()), Spans(), Spans(), empty(ROW))
_Failures = dict[tuple[str, str], MarketkitError]  # by symbol and timeframe


@dataclass(frozen=True, slots=True)
class MergeTerms:
    """The words of a call for a merge, checked; `now` is in ms UTC.

    Raises `InputError` for words that mean nothing.
    """

    now: int
    symbols: Sequence[str] | None = None
    timeframe: str | Timeframe | None = None
    prefer: PreferLake = "lake"
    dry_run: bool = False

    def __post_init__(self) -> None:
        one_of("prefer", self.prefer, PreferLake)

    @property
    def widths(self) -> list[Timeframe]:
        """The timeframes that are meant."""
        every = list(TIMEFRAMES.values())
        if self.timeframe == KIND:
            return []
        return every if self.timeframe is None else [parse_timeframe(self.timeframe)]


@dataclass(slots=True)
class _Judged:
    """The findings about a series: the chunks with something to take, and counts of all."""

    pair: SeriesPair
    chunks: list[str] = field(default_factory=list)
    fresh: list[Span] = field(default_factory=list)
    agreed: list[Span] = field(default_factory=list)
    candles: int = 0
    differing: int = 0
    found: list[pl.DataFrame] = field(default_factory=list)
    beginning: Beginning | None = None
    history: list[Logged] = field(default_factory=list)

    def add(self, chunk: str, part: Part) -> None:
        """Count the part of one chunk."""
        if part.page.covering:
            self.chunks.append(chunk)
        times = times_of(part.differing).to_list()
        next_slot = self.pair.series.timeframe.next
        others = Spans((time, next_slot(time)) for time in times) - part.replaced
        self.fresh += part.fresh
        self.agreed += part.proved - others
        self.candles += part.fresh_candles
        self.differing += len(times)
        if times and sum(each.height for each in self.found) < LIMIT:
            self.found.append(listed(self.pair.series, part.differing))

    def result(self, revisions: int, unsettled: int) -> SeriesMerge:
        """Give the counts of the series."""
        fresh, counted = Spans(self.fresh), self.pair.series.timeframe.count_all
        return SeriesMerge(
            self.pair.series,
            fresh.hull,
            counted(fresh),
            self.candles,
            self.differing,
            revisions,
            len(self.history),
            unsettled,
            pl.concat(self.found).head(LIMIT) if self.found else None,
        )


def merge(lake: Store, other: Store, terms: MergeTerms) -> MergeReport:
    """Merge the series of another lake; see `Lake.merge`.

    A series that cannot be read, here or there, is left out, and its failure kept.
    """
    refuse_no_lake(other)
    refuse_same(lake, other)
    refuse_other_source(lake, other)
    source, into = untouched(other), untouched(lake) if terms.dry_run else lake
    if not terms.dry_run:
        lake.require_writable()
    failures: _Failures = {}
    results = list(_each(into, source, terms, failures))
    report = MergeReport.of(
        lake.root, other.root, terms.prefer, results, failures, dry_run=terms.dry_run
    )
    if terms.timeframe not in {None, KIND}:
        return report
    how = TradeTerms(terms.symbols, replaces=terms.prefer == "other", dry_run=terms.dry_run)
    return report.with_trades(list(merge_trades(lake, other, how, failures)))


def _each(
    lake: Store, other: Store, terms: MergeTerms, failures: _Failures
) -> Iterator[SeriesMerge]:
    """Merge the series in turn, and note each failure."""
    wanted = _wanted(other, terms, failures)
    reporter = Reporter(Progress("merge", len(wanted), asks=False))
    for series in wanted:
        try:
            merged = merge_series(lake, other, series, terms)
        except NotWritable:  # nor could any other series be written
            raise
        except MarketkitError as failure:
            failures[series.symbol, series.timeframe.name] = failure
        else:
            reporter.progress.rows += merged.candles
            yield merged
        reporter.progress.done += 1
        reporter.update()
    reporter.progress.state = "done"
    reporter.close()


def merge_series(lake: Store, other: Store, series: Series, terms: MergeTerms) -> SeriesMerge:
    """Merge one series; of a dry run the counts are the same, and nothing is written."""
    for store in (lake, other):
        if store.mirror is not None:
            away_log.pull_series(store.mirror, series)
    judged = _judge(SeriesPair.of(lake, other, series, terms.prefer, terms.now))
    revisions = 0 if terms.dry_run else _write(judged)
    unsettled = take_unproved(lake, other, series, dry_run=terms.dry_run)
    return judged.result(revisions, unsettled)


def _judge(pair: SeriesPair) -> _Judged:
    """Read and compare all of a series; nothing is written."""
    judged = _Judged(pair)
    for chunk, part in pair.parts():
        judged.add(chunk, part)
    judged.beginning = pair.beginning()
    slots = Spans(judged.agreed)
    news = news_of(pair.lake.root, pair.other.root, pair.series)
    judged.history = [each for each in news if each[0].time in slots]
    return judged


def _write(judged: _Judged) -> int:
    """Write the news of a series, and count the numbers that were revised."""
    pair, revisions = judged.pair, 0
    lake, series = pair.lake, pair.series
    # What is known of the past of a candle must be on record before the candle, as ever.
    _log(lake, series, judged.history)
    proved = pair.known.proved
    begins, rests_on = _by_chunk(series.timeframe, judged.beginning)
    # In the order of time: older slots of the other lake count until its beginning is written.
    for chunk in sorted({*judged.chunks, *begins}):
        part = pair.part(chunk, proved) if chunk in judged.chunks else _NO_PART
        # What is unknown is asked again under the lock: a job may have learned more a moment ago.
        for page, only_unknown in part.pages(pair.prefer):
            written = lake.append(
                series.symbol,
                series.timeframe,
                page.rows,
                page.covering,
                nothing_before=begins.get(chunk),
                rests_on=rests_on,
                only_unknown=only_unknown,
                archive=page.archive,
            )
            revisions += written.revisions
    return revisions


def _by_chunk(timeframe: Timeframe, beginning: Beginning | None) -> tuple[dict[str, int], Evidence]:
    """Give the chunk for a beginning, with the moment and the proof."""
    if beginning is None:
        return {}, ONE_ANSWER
    return {chunk_of(timeframe, beginning.moment): beginning.moment}, beginning.rests_on


def _log(lake: Store, series: Series, history: list[Logged]) -> None:
    root = lake.root
    if not history:
        return None
    if lake.mirror is not None:
        with writable(lake.mirror.url):
            return away_log.add_history(lake.mirror, series, history)
    try:
        with only_writer(root, series):
            add_history(root, series, history)
    except OSError as error:
        raise NotWritable(f"the lake {root} cannot be written: {error}") from error


def _wanted(other: Store, terms: MergeTerms, failures: _Failures) -> list[Series]:
    """List the series of the other lake that are meant; note the widths that cannot be listed.

    Raises `UnknownSymbol`.
    """
    stored: dict[Series, None] = {}
    for width in terms.widths:
        try:
            stored |= dict.fromkeys(other.index.stored(other.source, width))
            stored |= dict.fromkeys(unproved_of(other, width))
        except CorruptFile as failure:
            failures["all", width.name] = failure
        except OSError as error:  # a folder that is not ours to read
            why = CorruptFile(f"the {width} candles of {other.root} cannot be read: {error}")
            failures["all", width.name] = why
    if terms.symbols is None:
        return list(stored)
    traded = (
        TradeStore(other.root, other.source).symbols() if terms.timeframe in {None, KIND} else []
    )
    names = naming.resolve(terms.symbols, {series.symbol for series in stored} | set(traded))
    return [series for series in stored if series.symbol in names]


def untouched(store: Store) -> Store:
    """Open a lake for a look that writes nothing, as of a frozen set no look does anyway."""
    if type(store.index) is not Index:  # nor of one in a bucket: its index is a cache elsewhere
        return store
    looked_at = Store(store.root, source=store.source)
    looked_at.index = UnkeptIndex(store.root)
    return looked_at


def refuse_no_lake(other: Store) -> None:
    """Raise `InputError` where no lake and no frozen set lies, and `NewerFormat`."""
    if not (other.is_there() or (other.root / marker.FROZEN).is_file()):
        raise InputError(f"there is no lake in {other.where}: nothing to merge")
    if other.root.name == FOLDER and marker.check(other.root.absolute().parent):
        raise InputError(
            f"{other.root} has candles that nobody proved: merge {other.root.absolute().parent}"
        )


def refuse_same(lake: Store, other: Store) -> None:
    """Raise `InputError` if both are the same lake, also under two names."""
    for ours, theirs in ((lake.root, other.root), (lake.root / "candles", other.root / "candles")):
        try:
            same = ours.samefile(theirs)
        except OSError:
            same = ours.absolute() == theirs.absolute()
        if same:
            raise InputError(f"{other.where} is this lake itself: name another one to merge")


def refuse_other_source(lake: Store, other: Store) -> None:
    """Raise `InputError` for a lake whose candles are all of other exchanges."""
    sources = sorted(_sources(other.root)) if other.source == lake.source else [other.source]
    if sources and lake.source not in sources:
        raise InputError(
            f"{other.root} has candles of {' and '.join(sources)}, this lake is one of"
            f" {lake.source}: lakes of different exchanges cannot be merged"
        )


def _sources(root: Path) -> Iterator[str]:
    for folder in (root / "candles").glob("source=*"):
        try:
            yield check_source(folder.name.removeprefix("source="))
        except InputError:  # somebody else's folder
            continue
