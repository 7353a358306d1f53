"""Bars: the call, the trades behind, and the candles that bars should equal."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from marketkit import symbols as naming
from marketkit.api.layout import Layout
from marketkit.api.query import CallOptions, Note, Query, Result, Symbols
from marketkit.api.relative import by_its_clock
from marketkit.api.router import Router
from marketkit.api.trades import TradeEndpoints
from marketkit.api.widths import session_for
from marketkit.clock import age_clock
from marketkit.coverage import Span, Spans
from marketkit.data.bars import slots
from marketkit.data.bars.bars import bars_of, extent, unknown
from marketkit.data.bars.compare import compare_bars
from marketkit.data.bars.kinds import Amount, Bars, TimeBars, read_amount, width_of
from marketkit.data.bars.slots import Scope
from marketkit.data.bars.source import Trades
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.rows import within
from marketkit.errors import InputError, InvalidRange, LakeError, MarketkitError, NotCovered
from marketkit.frames import one_of
from marketkit.net.engine import aside
from marketkit.timeframe import iso
from marketkit.window import EVER, UTC_DAYS, Fill, Time, parse_session, read_window, window_of

# ms by which our idea of the exchange's clock may be ahead, and a trade be on the way: the newest
# bar is that of a second ago.
_LAG = 1_000


@dataclass(frozen=True, slots=True)
class BarCall:
    """The words of a call for bars, explained by `bars`.

    `default_session` is for widths that have one, where the call gives none.
    """

    name: str | None = None
    tick: int | None = None
    volume: Amount | None = None
    value: Amount | None = None
    start: Time | None = None
    end: Time | None = None
    session: str | None = None
    default_session: str = UTC_DAYS
    forming: bool = False
    fill: Fill = "none"
    recording: Path | None = None

    def kind(self) -> Bars:
        """Give the kind of bars, or refuse words that make no sense together."""
        one_of("fill", self.fill, Fill)
        amounts = read_amount(self.name, tick=self.tick, volume=self.volume, value=self.value)
        if amounts is None:
            width = width_of(self.name or "")
            session = session_for(width, [width], self.session, self.default_session)
            return TimeBars(width, parse_session(session, width))
        if self.session is not None or self.fill != "none":
            said = f"fill={self.fill!r}" if self.session is None else f"session={self.session!r}"
            raise InputError(f"{said} is for bars of time: others have no slots")
        return amounts

    @property
    def layout(self) -> Layout:
        """The shape of the frame."""
        return Layout(closed=not self.forming and self.fill == "none")


class BarEndpoints:
    """Makes queries for bars, of the exchange's trades or of recorded ones."""

    def __init__(self, router: Router, trades: TradeEndpoints, lake: Lake) -> None:
        self._router = router
        self._trades = trades
        self._lake = lake

    def bars(self, symbols: Symbols, call: BarCall, options: CallOptions) -> Query:
        """Ask for the trades of a range, and make bars of the answer."""
        kind = call.kind()
        if call.recording is not None:
            query = self._recorded(symbols, kind, call, options)
        else:
            make = functools.partial(self._asked, symbols, kind, call, options)
            query = by_its_clock(self._router.transport, make, call.start, call.end)
        return replace(query, layout=call.layout)

    def _asked(
        self, symbols: Symbols, kind: Bars, call: BarCall, options: CallOptions, now: int
    ) -> Query:
        if call.start is None:
            raise InvalidRange("bars of what time? Give start=, such as '-1d', or recording=")
        window = read_window("1s", call.start, call.end, None, now=now)
        span = Span(window.start or 0, EVER.end if window.end is None else window.end)
        until = None if window.end is None else extent(kind, span).end
        asked = options._replace(frame="polars", tz="UTC")
        ends = None if until is None else _moment(until)
        trades = self._trades.trades(symbols, None, _moment(span.start), ends, asked)

        async def fetch() -> Result:
            with contextlib.suppress(MarketkitError):  # days that are kept are there without it
                await self._router.transport.ask_time()
            at = max(span.start, self._router.transport.now() - _LAG)
            result = await trades.fetch()
            names = [name for several in result.sources.values() for name in several]
            edge = at if until is None else max(span.start, min(at, until))
            covered = dict.fromkeys(names, Spans([(span.start, edge)]))
            found = Trades(result.frame.lazy(), covered, at if edge == at else None)
            # Of slots without an end those that have begun.
            wanted = Span(span.start, max(span.start, min(span.end, at + 1)))
            made = functools.partial(self._made, result, found, kind, wanted, call)
            return await aside(functools.partial(made, exact=options.exact))

        return replace(trades, options=options, fetch=fetch, recall=lambda: None)

    def _recorded(self, symbols: Symbols, kind: Bars, call: BarCall, options: CallOptions) -> Query:
        folder, now = call.recording or Path(), self._lake.clock()
        span = window_of(call.start, call.end, now)
        wanted = self._lake.named(self._router.markets.codes(naming.several(symbols)))

        def read() -> Result:
            from marketkit.recording.trades import recorded_trades  # noqa: PLC0415 - few need it

            reach = extent(kind, span) if call.end is not None else Span(span.start, EVER.end)
            found = recorded_trades(folder, wanted, Span(min(span.start, reach.start), reach.end))
            heard = [name for name, spans in found.covered.items() if spans]
            lacking = {
                name: NotCovered(f"the recording {folder} has no trades of {name}")
                for name in found.covered
                if name not in heard
            }
            hull = Spans(each for spans in found.covered.values() for each in spans).hull
            window = span if hull is None else _bounded(span, hull, call)
            result = Result(pl.DataFrame(), {("store", age_clock()): heard}, lacking)
            return self._made(result, found, kind, window, call, exact=options.exact)

        async def fetch() -> Result:
            return await aside(read)

        return Query("trade", symbols, options, fetch, sends=False)

    def _made(
        self,
        result: Result,
        trades: Trades,
        kind: Bars,
        window: Span,
        call: BarCall,
        *,
        exact: bool,
    ) -> Result:
        """Make the bars, and say of which times there are none and where candles differ."""
        names = [name for several in result.sources.values() for name in several]
        made = bars_of(
            trades, names, kind, window, forming=call.forming, fill=call.fill, exact=exact
        )
        notes = dict(_unknown(names, trades, kind, window))
        if names and isinstance(kind, TimeBars) and not (kind.session or kind.width.made_of):
            with contextlib.suppress(LakeError):  # who reads candles is told of what is broken
                for name, text in self._differing(made, names, trades, kind, window):
                    said = f"{notes[name].text}; {text}" if name in notes else text
                    notes[name] = Note(said, lacking=True)
        return replace(result, frame=made, notes={**result.notes, **notes})

    def _differing(
        self, bars: pl.DataFrame, names: list[str], trades: Trades, kind: TimeBars, window: Span
    ) -> Iterable[tuple[str, str]]:
        """Tell of the bars that are not the candles which the lake has of the same slots."""
        stored = self._lake.select(names, kind.width)
        for symbol in stored.symbols:
            proved = stored.knows[symbol].covered.clip(*window)
            both = proved & slots.whole(kind, trades.known(symbol))
            own = bars.filter(pl.col("symbol") == symbol)
            own = own.filter(within(own["time"], both))
            candles = stored.of([symbol]).read(window)
            wrong = compare_bars(own, candles.filter(within(candles["time"], both)))
            if wrong.height:
                count, first = wrong["time"].n_unique(), wrong["time"].dt.epoch("ms")[0]
                yield (
                    symbol,
                    (
                        f"{count:,} of {own.height:,} bars of {symbol} {kind.width} differ from the"
                        f" lake's candles, the first at {iso(first)}; compare_bars lists them"
                    ),
                )


def _unknown(
    names: Iterable[str], trades: Trades, kind: Bars, window: Span
) -> Iterable[tuple[str, Note]]:
    """Note the times of which trades may be missing, so that there is no bar."""
    for name in names:
        gaps = unknown(kind, Scope(window, trades.known(name), trades.at))
        if gaps:
            first = next(iter(gaps))
            more = f" (the first of {len(gaps):,} such times)" if len(gaps) > 1 else ""
            yield (
                name,
                Note(
                    f"no bar of {name} from {iso(first.start)} to {iso(first.end)}{more}: trades"
                    " may be missing",
                    lacking=True,
                ),
            )


def _bounded(span: Span, hull: Span, call: BarCall) -> Span:
    """Give the range of a call, an open side of which reaches as far as trades are known."""
    start = hull.start if call.start is None else span.start
    return Span(start, max(start, hull.end if call.end is None else span.end))


def _moment(time: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
