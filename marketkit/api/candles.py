"""Candles: the call, the sources, and the answers to give again at the live edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from marketkit import schema
from marketkit.api.ended import EndedMarkets, kept_hits
from marketkit.api.layout import Layout
from marketkit.api.query import (
    CallOptions,
    Hit,
    Query,
    QuerySpec,
    Results,
    Symbols,
    choose_source,
)
from marketkit.api.relative import by_its_clock
from marketkit.api.renamed import RenamedCall, RenamedMarkets
from marketkit.api.router import Router
from marketkit.api.stored import StoredCandles
from marketkit.api.widths import Timeframes, joined, session_for, widths_of
from marketkit.clock import age_clock
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.renamed import Renames
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.frames import one_of, wide_columns
from marketkit.progress import Progress, Reporter
from marketkit.timeframe import Timeframe
from marketkit.window import DEFAULT_COUNT, UTC_DAYS, Fill, Source, Time, Window, read_window


@dataclass(frozen=True, slots=True)
class CandleCall:
    """The words of a call for candles, as `get_candle` explains them.

    `default_session` is for widths that have one, where the call gives none.
    """

    timeframe: Timeframes
    start: Time | None = None
    end: Time | None = None
    count: int | None = None
    forming: bool = False
    fill: Fill = "none"
    session: str | None = None
    default_session: str = UTC_DAYS
    derive: bool = True
    source: Source = "auto"
    as_of: str | None = None
    rename: Mapping[str, str] | None = None
    wide: str | Sequence[str] | None = None

    @property
    def lake_only(self) -> bool:
        """Whether nothing is sent."""
        return self.source == "lake" or self.as_of is not None

    def check(self) -> None:
        """Refuse values that no call understands."""
        one_of("source", self.source, Source)
        one_of("fill", self.fill, Fill)
        if self.as_of is not None and self.source == "exchange":
            raise InputError("as_of reads a frozen set of the lake, source='exchange' no lake")
        if self.wide is not None:
            wide_columns(self.wide)

    def layout(self, *, several: bool) -> Layout:
        """Give the shape of the frame; no row is other than closed where no call could ask so."""
        closed = not self.forming and self.fill == "none"
        return Layout(wide=self.wide, several=several, closed=closed)

    def window(self, width: Timeframe, widths: Sequence[Timeframe], now: int) -> Window:
        """Check the range for one of some widths."""
        count = self.count
        if self.start is None and count is None and not self.lake_only:
            count = DEFAULT_COUNT
        return read_window(
            width,
            self.start,
            self.end,
            count,
            forming=self.forming,
            fill=self.fill,
            session=session_for(width, widths, self.session, self.default_session),
            derive=self.derive,
            now=now,
        )


class CandleEndpoints:
    """Makes queries for candles and fetches their gaps."""

    def __init__(self, router: Router, candles: CandleReader, lake: Lake) -> None:
        self._router = router
        self._candles = candles
        self._ended = EndedMarkets(lake, router.transport.now)
        self._stored = StoredCandles(lake, candles, self._ended, router.markets.codes)
        self._renamed = RenamedMarkets(router, candles, lake, self._ended)

    def candles(self, symbols: Symbols, call: CandleCall, options: CallOptions) -> Query:
        """Ask for candles of a range, or for the newest ones; of one width, or several."""
        call.check()
        widths, several = widths_of(call.timeframe)

        def make(now: int) -> Query:
            queries = {}
            for width in widths:
                window = call.window(width, widths, now)
                queries[width.name] = self._query(symbols, call, window, options)
            query = joined(queries) if several else queries[widths[0].name]
            return replace(query, layout=call.layout(several=several))

        return by_its_clock(self._router.transport, make, call.start, call.end)

    def _query(
        self, symbols: Symbols, call: CandleCall, window: Window, options: CallOptions
    ) -> Query:
        """Ask for candles of one width, of whoever is meant to answer."""
        if call.rename is not None:
            renamed = RenamedCall(window, Renames(call.rename), options, call.source == "auto")
            return self._renamed.query(symbols, renamed, call.as_of, lake_only=call.lake_only)
        if call.lake_only:
            return self._stored.query(symbols, window, call.as_of, options)
        return self._asked(symbols, window, call.source, options)

    def _asked(
        self, symbols: Symbols, window: Window, source: Source, options: CallOptions
    ) -> Query:
        """Ask the lake and the exchange; an answer at the live edge may be given again."""

        async def load(names: Sequence[str], priority: Priority) -> Results:
            made = age_clock()
            run = FetchRun(priority, Reporter(Progress(_label(names, window))))
            try:
                candles = await self._candles.answer(
                    names, window, run, lake=source == "auto", exact=options.exact
                )
                run.reporter.progress.state = "done"
            finally:
                run.reporter.close()
            got = [name for name in names if name not in candles.failures]
            held = self._router.keep(
                spec,
                candles.frame,
                got,
                made,
                most=self._until_next(window),
                derived=candles.derived,
            )
            sources = {
                name: choose_source(lake=name not in run.asked, derived=name in candles.derived)
                for name in got
            }
            return candles.failures | {
                name: Hit(sources[name], each) for name, each in zip(got, held, strict=True)
            }

        async def ended(names: Sequence[str]) -> Results:
            told = await self._router.markets.chronicle()
            exact = options.exact
            candles, notes = await self._ended.candles(names, window, told, exact=exact)
            return kept_hits(candles, spec, notes)

        streamed = source == "auto" and not options.exact and _is_streamed(window)
        spec = QuerySpec(
            "candle",
            ("candle", window, source, options.exact),
            schema.CANDLE,
            ["symbol", "time"],
            load,
            exact=options.exact,
            channel=f"candle.{window.timeframe}" if streamed else None,
            rows=window.count or 1,
            kept=window.start is None and window.end is None,
            ended=ended,
        )
        return self._router.query(spec, symbols, options)

    def _until_next(self, window: Window) -> int:
        """Give the time, in ms, for which the newest candle stays the newest."""
        now = self._router.transport.now()
        return window.narrow(now).timeframe.next(now) - now


def _is_streamed(window: Window) -> bool:
    """Say whether a stream has these candles: the newest, the forming one among them."""
    newest = window.start is None and window.end is None and window.forming
    return newest and window.count is not None and window.session is None and window.fill == "none"


def _label(names: Sequence[str], window: Window) -> str:
    return f"{names[0] if len(names) == 1 else f'{len(names)} symbols'} {window.timeframe}"
