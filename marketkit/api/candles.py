"""Candles: the call, its sources, and the answers to give again at the live edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, overload

from marketkit import schema
from marketkit.api.ended import EndedMarkets, kept_hits, shaped
from marketkit.api.query import (
    Answer,
    CallOptions,
    D,
    Hit,
    P,
    Query,
    QuerySpec,
    Results,
    Symbols,
    choose_source,
)
from marketkit.api.renamed import RenamedCall, RenamedMarkets
from marketkit.api.router import Router
from marketkit.api.stored import StoredCandles
from marketkit.clock import age_clock
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.renamed import Renames
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.frames import FrameKind, OnError, Precision, one_of
from marketkit.progress import Progress, Reporter
from marketkit.window import DEFAULT_COUNT, UTC_DAYS, Fill, Source, Time, Window, read_window


class CandleMethods(Generic[P, D]):
    """The call for candles; `P` is given for polars, `D` for pandas."""

    _candles: CandleEndpoints
    _answer: Answer

    @overload
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        session: str = ...,
        derive: bool = ...,
        source: Source = ...,
        as_of: str | None = ...,
        rename: Mapping[str, str] | None = ...,
        frame: Literal["polars"] = ...,
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        forming: bool = ...,
        fill: Fill = ...,
        session: str = ...,
        derive: bool = ...,
        source: Source = ...,
        as_of: str | None = ...,
        rename: Mapping[str, str] | None = ...,
        frame: Literal["pandas"],
        tz: str = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    def get_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        forming: bool = False,
        fill: Fill = "none",
        session: str = UTC_DAYS,
        derive: bool = True,
        source: Source = "auto",
        as_of: str | None = None,
        rename: Mapping[str, str] | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give candles of one or many symbols, sorted by symbol and time.

        The range is `start` (inclusive, a candle's open) to `end` (exclusive; default now), or
        the newest `count` before `end` (default 200). `timeframe` is one of `1s 1m 3m 5m 10m 15m
        30m 1h 4h 1d 1w 1M 1y`. ISO strings and dates mean UTC; naive datetimes are refused.

        `source="auto"` answers from the lake after fetching its gaps once, `"lake"` sends nothing
        and raises `NotCovered` for slots nobody asked about, `"exchange"` leaves the lake alone.
        `as_of` reads the frozen set of that name instead, and sends nothing. `forming=True` adds
        the candle that is not finished. Of a market that is not listed any more the lake answers,
        whatever the source: all that it proves of the range, with a warning of what it lacks
        (`notes` of a response).

        Wide candles are made of narrower ones where the lake has those and not the exchange's own:
        the same high, low, close and sums, but about one day in thirty opens at another price than
        its first hour. `with_response` says so (`source` and `derived`); `derive=False` gives the
        exchange's own and fetches those that the lake lacks.

        Columns are `schema.CANDLE`: `time` is the open, `volume` in base and `value` in quote
        currency. Slots without a trade have no row, unless `fill` asks for one in each slot that
        is proved empty, with `state` `empty`: `"forward"` with the last close as its prices (null
        where none is known) and no volume, `"null"` without numbers; `count` counts them, too.

        `session` is where days begin, for `1h` and wider: `"00:00 UTC"` as on the exchange, however
        that is written (`"09:00 Asia/Seoul"`, `"09:00 +09:00"`), or any other time and zone, such
        as `"00:00 Asia/Seoul"` or `"09:30 America/New_York"`; then candles are made of the widest
        ones that begin at the same moments.

        `rename={"KRW-MATIC": "KRW-POL"}` joins the series of markets that changed their code under
        the newer one and adds the column `listed_as`: the code that each candle had. Where both
        codes have a slot the newer one's counts, with a warning.

        A single `str` gives a `DatetimeIndex` in pandas, a list a `(symbol, time)` MultiIndex.
        From the lake, `precision="decimal"` is its float64 rounded to 8 places: exact below
        6.7e7; ask `source="exchange"` for every digit of the wire. Raises `UnknownSymbol`,
        `UnknownTimeframe`, `InvalidRange` before anything is sent, `PartialResult` when some of
        many symbols failed. The exchange keeps `1s` candles for three months: `InvalidRange` names
        the older ones that the lake lacks.
        """
        return self._answer(
            self._candles.candles,
            symbols,
            timeframe,
            CallOptions(frame, tz, precision, priority, on_error),
            start=start,
            end=end,
            count=count,
            forming=forming,
            fill=fill,
            session=session,
            derive=derive,
            source=source,
            as_of=as_of,
            rename=rename,
        )


class CandleEndpoints:
    """Makes queries for candles and fetches their gaps."""

    def __init__(self, router: Router, candles: CandleReader, lake: Lake) -> None:
        self._router = router
        self._candles = candles
        self._ended = EndedMarkets(lake, router.transport.now)
        self._stored = StoredCandles(lake, candles, self._ended)
        self._renamed = RenamedMarkets(router, candles, lake, self._ended)

    def candles(
        self,
        symbols: Symbols,
        timeframe: str,
        options: CallOptions,
        *,
        start: Time | None,
        end: Time | None,
        count: int | None,
        forming: bool,
        fill: Fill,
        session: str,
        derive: bool,
        source: Source,
        as_of: str | None,
        rename: Mapping[str, str] | None,
    ) -> Query:
        """Ask for candles of a range, or for the newest ones."""
        one_of("source", source, Source)
        one_of("fill", fill, Fill)
        if as_of is not None and source == "exchange":
            raise InputError("as_of reads a frozen set of the lake, source='exchange' no lake")
        lake_only = source == "lake" or as_of is not None
        if start is None and count is None and not lake_only:
            count = DEFAULT_COUNT
        window = read_window(
            timeframe,
            start,
            end,
            count,
            forming=forming,
            fill=fill,
            session=session,
            derive=derive,
        )
        if rename is not None:
            call = RenamedCall(window, Renames(rename), options, source == "auto")
            return self._renamed.query(symbols, call, as_of, lake_only=lake_only)
        if lake_only:
            return self._stored.query(symbols, window, as_of, options)
        return self._asked(symbols, window, source, options)

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
                shaped(candles.frame, options),
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
            candles, notes = await self._ended.candles(names, window, told)
            candles.frame = shaped(candles.frame, options)
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
