"""Markets that changed their code: all codes are asked for, and one series is given of each."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from marketkit import symbols as naming
from marketkit.api.ended import EndedMarkets, lacks
from marketkit.api.query import CallOptions, Note, Query, Result, Source, Symbols, choose_source
from marketkit.api.router import Router
from marketkit.clock import age_clock
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.chronicle import Chronicle, with_last_days
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.candles import CandleResult, row, spelled_out
from marketkit.data.lake.read.fill import closed
from marketkit.data.lake.read.renamed import (
    RENAMED,
    Part,
    Renames,
    doubled,
    joined,
    parts_of,
    unknown,
)
from marketkit.data.lake.read.resample import fold
from marketkit.data.lake.read.view import look
from marketkit.errors import MarketkitError, NotCovered, UnknownSymbol
from marketkit.net.engine import aside
from marketkit.progress import Progress, Reporter
from marketkit.schema import empty, exact
from marketkit.window import EVER, Window


class RenamedCall(NamedTuple):
    """A call for joined candles: of `only` one lake, or of the exchange, with a lake or without."""

    window: Window
    renames: Renames
    options: CallOptions
    with_lake: bool = True
    only: Lake | None = None


class Codes(NamedTuple):
    """Rows, parts and failures of all codes, and the names of the codes asked for."""

    rows: pl.DataFrame
    parts: Mapping[str, Part]
    failures: Mapping[str, MarketkitError]
    asked: AbstractSet[str] = frozenset()
    derived: Mapping[str, str] = {}


class RenamedMarkets:
    """Candles of markets under all their codes, old and new."""

    def __init__(
        self, router: Router, reader: CandleReader, lake: Lake, ended: EndedMarkets
    ) -> None:
        self._router = router
        self._reader = reader
        self._lake = lake
        self._ended = ended

    def query(
        self, symbols: Symbols, call: RenamedCall, as_of: str | None, *, lake_only: bool
    ) -> Query:
        """Ask for all codes that markets had."""
        given = self._router.markets.codes(naming.several(symbols))
        wanted = naming.typed(self._lake.named(given), slips=False)

        async def fetch() -> Result:
            only = self._lake if lake_only else None
            if as_of is not None:
                only = await aside(functools.partial(self._lake.as_of, as_of))
            return await self.answer(wanted, call._replace(only=only))

        return Query("candle", symbols, call.options, fetch, sends=not lake_only)

    async def answer(self, symbols: Sequence[str], call: RenamedCall) -> Result:
        """Give the joined candles of each market that is meant, or the failure."""
        made = age_clock()
        names, failures = await self._names(symbols, call)
        plain = [each for each in symbols if not naming.is_glob(each)]
        lines = call.renames.lines([*names, *plain])
        told = await self._told(call)
        asked, kept = await self._found(lines, call, told)
        found = Codes(
            pl.concat([asked.rows, kept.rows]),
            {**asked.parts, **kept.parts},
            _failed(asked, kept),
            asked.asked,
            {**asked.derived, **kept.derived},
        )
        joint = _Joint(call, found, told, self._router.transport.now(), dict(failures))
        await aside(functools.partial(joint.add_all, lines))
        return joint.result(made)

    async def _names(
        self, symbols: Sequence[str], call: RenamedCall
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        heirs = [each if naming.is_glob(each) else call.renames.heir(each) for each in symbols]
        if call.only is None:
            return await self._router.markets.resolve(heirs, call.options.priority)
        return spelled_out(call.only, heirs, call.window), {}

    async def _found(
        self, lines: Mapping[str, Sequence[str]], call: RenamedCall, told: Chronicle
    ) -> tuple[Codes, Codes]:
        """Ask for the listed codes, and read the lake for the others."""
        codes = [code for line in lines.values() for code in line]
        known = self._router.markets.known() if call.only is None else frozenset()
        asked = await self._asked([code for code in codes if code in known], call)
        gone = {code for code, why in asked.failures.items() if isinstance(why, UnknownSymbol)}
        return asked, await self._kept([*(set(codes) - known), *gone], call, told)

    async def _told(self, call: RenamedCall) -> Chronicle:
        if call.only is None:
            return await self._router.markets.chronicle()
        return await aside(call.only.universe.chronicle)

    async def _asked(self, codes: Sequence[str], call: RenamedCall) -> Codes:
        """Ask for the codes that are listed, as for any other market."""
        if not codes:
            return Codes(closed(empty(row(exact=call.options.exact))), {}, {})
        progress = Progress(f"{len(codes)} symbols {call.window.timeframe}")
        run = FetchRun(call.options.priority, Reporter(progress))
        try:
            got = await self._reader.answer(
                codes, call.window, run, lake=call.with_lake, exact=call.options.exact
            )
        finally:
            run.reporter.close()
        fine = [code for code in codes if code not in got.failures]
        covered = await aside(functools.partial(self._covered, fine, call, got))
        parts = {code: Part(_to_the_edge(covered[code]), Spans([EVER])) for code in fine}
        return Codes(got.frame, parts, got.failures, run.asked, got.derived)

    def _covered(
        self, codes: Sequence[str], call: RenamedCall, got: CandleResult
    ) -> dict[str, Spans]:
        """Give the slots that each code has: proved in the lake, or from the first candle on."""
        if call.with_lake:
            narrow = call.window.narrow(self._router.transport.now())
            parts = parts_of(look(self._lake, codes, narrow.timeframe, derive=narrow.derive), codes)
            return {code: part.covered for code, part in parts.items()}
        covered = {}
        for code in codes:
            times = got.frame.filter(symbol=code)["time"].dt.epoch("ms")
            first = EVER.end if times.is_empty() else int(times[0])
            covered[code] = got.known.get(code, Spans()).clip(first, EVER.end)
        return covered

    async def _kept(self, codes: Sequence[str], call: RenamedCall, told: Chronicle) -> Codes:
        """Read the lake for the codes in no list."""
        narrow = call.window.narrow(self._router.transport.now())
        exact = call.options.exact
        kept = await self._ended.kept(codes, narrow, told, call.only, exact=exact)
        folded = await aside(functools.partial(fold, kept.candles, narrow))
        parts = {}
        for code, covered in kept.covered.items():
            gone = told.gone_by(code)
            after = Spans() if gone is None else Spans([(gone, EVER.end)])
            parts[code] = Part(covered, kept.candles.known[code] | after)
        failures = folded.failures
        return Codes(folded.frame, parts, failures, derived=folded.derived)


def _failed(asked: Codes, kept: Codes) -> dict[str, MarketkitError]:
    """Give the failures of codes; of a code that the lake answers for in the end there is none."""
    failures = {**asked.failures, **kept.failures}
    return {code: why for code, why in failures.items() if code not in kept.parts}


def _to_the_edge(covered: Spans) -> Spans:
    """Add the slots younger than all final ones: a listed code has given all of these."""
    hull = covered.hull
    return covered if hull is None else covered | Spans([(hull.end, EVER.end)])


@dataclass(slots=True)
class _Joint:
    """The series that are joined so far, one after another; `now` is the exchange's time."""

    call: RenamedCall
    found: Codes
    told: Chronicle
    now: int
    failures: dict[str, MarketkitError]
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)

    def add_all(self, lines: Mapping[str, Sequence[str]]) -> None:
        """Join each market from all codes, the newest first."""
        for heir, line in lines.items():
            needed = [heir] if self.call.only is None else line
            if any(code in self.found.parts for code in needed):
                self.failures.pop(heir, None)
                self._add(heir, line)
            elif heir in self.found.failures:
                self.failures[heir] = self.found.failures[heir]
            elif heir not in self.failures:  # of a lake alone, for there is no list
                timeframe = self.call.window.timeframe
                self.failures[heir] = NotCovered(f"the lake has no {timeframe} candles of {heir}")

    def _add(self, heir: str, line: Sequence[str]) -> None:
        parts, window = self.found.parts, self.call.window
        rows = joined(self.found.rows, parts, line)
        rows = rows if window.count is None else rows.tail(window.count)
        span = self._span(rows, line)
        lacking, said = unknown(parts, line, span), doubled(window.timeframe, parts, line, span)
        if lacking and self.call.only is not None and heir not in self.told.ended:
            self.failures[heir] = NotCovered(f"{' or '.join(line)}: {lacks(lacking)}")
            return
        self.frames[heir] = rows
        lost = self._lost(line, lacking)
        self.failures |= lost
        told = [] if said is None else [said]
        if lacking and not lost:
            told.append(f"{' or '.join(line)}: {lacks(lacking)}, and cannot get it")
        if told:
            self.notes[heir] = Note("; ".join(told), lacking=True)
        if not self.found.asked.isdisjoint(line):
            self.fetched.add(heir)

    def _lost(self, line: Sequence[str], lacking: Spans) -> dict[str, MarketkitError]:
        """Give the failures of older codes: that could not be had, or are unknown and missed."""
        failed = {code: why for code, why in self.found.failures.items() if code in line[1:]}
        unheard = [code for code in line[1:] if code not in {*self.found.parts, *failed}]
        missed = {code: UnknownSymbol(code) for code in unheard if lacking}
        return failed | with_last_days(missed, self.told)

    def _span(self, rows: pl.DataFrame, line: Sequence[str]) -> Span:
        """Give the range that an answer is about."""
        window, own = self.call.window, [self.found.parts.get(code) for code in line]
        hull = Spans(span for part in own if part for span in part.covered).hull or Span(0, 0)
        start, end = window.start, window.end
        if start is None and window.count is not None:
            full = rows.height >= window.count
            start = int(rows["time"].dt.epoch("ms")[0]) if full else EVER.start
        if end is None:
            end = self.now if self.call.only is None else hull.end
        start = hull.start if start is None else start
        return Span(start, max(start, end))

    def result(self, made: int) -> Result:
        """Give all series as one answer."""
        shape = exact(RENAMED) if self.call.options.exact else RENAMED
        made_of = {heir: _made_of(rows, self.found.derived) for heir, rows in self.frames.items()}
        told = {heir: names for heir, names in made_of.items() if names}
        frame = pl.concat([empty(shape), *self.frames.values()])
        sources: dict[tuple[Source, int], list[str]] = {}
        for heir in self.frames:
            source = choose_source(lake=heir not in self.fetched, derived=heir in told)
            sources.setdefault((source, made), []).append(heir)
        return Result(frame, sources, self.failures, derived=told, notes=self.notes)


def _made_of(rows: pl.DataFrame, derived: Mapping[str, str]) -> str:
    """Name the timeframes that the candles of some codes are made of, or nothing."""
    names = [derived[code] for code in rows["listed_as"].unique().sort() if code in derived]
    return ", ".join(dict.fromkeys(name for each in names for name in each.split(", ")))
