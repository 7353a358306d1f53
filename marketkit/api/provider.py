"""The API: one provider, written async, with a sync twin over one background loop."""

from __future__ import annotations

import contextlib
import functools
import weakref
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import polars as pl

from marketkit.api import arguments as answers
from marketkit.api.arguments import Symbols
from marketkit.api.backfills import JobCalls, manner
from marketkit.api.calls import Ask, Readers
from marketkit.api.candles import CandleCalls
from marketkit.api.market_list import MarketList
from marketkit.api.markets import MarketCalls
from marketkit.api.meter import Meter
from marketkit.api.query import Form
from marketkit.api.quotes import Quotes
from marketkit.api.response import DataResponse
from marketkit.api.router import Tiers
from marketkit.api.status import Status, take_status
from marketkit.api.streams import Channels, Streams, again
from marketkit.cache.store import Store
from marketkit.cache.trade_pages import ClosedDays
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.gaps import Filler
from marketkit.data.jobs import catalog
from marketkit.data.jobs.chunks import Chunks
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.plan import Plan
from marketkit.data.jobs.tasks import Order
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.markets import Universe
from marketkit.data.lake.read.fill import Fill
from marketkit.errors import EngineClosed
from marketkit.exchange.dialect import Priority, RateLimit
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.limits import UPBIT_LIMITS
from marketkit.frames import Frame, FrameKind, OnError, Precision, finish
from marketkit.net.engine import engine, on_engine
from marketkit.net.transport import Transport
from marketkit.settings import (
    budget_dir,
    lake_source,
    resolve_cache,
    resolve_endpoint,
    resolve_lake,
    resolve_offline,
)
from marketkit.window import UTC_DAYS, Source, Time

if TYPE_CHECKING:
    from marketkit.api.live.series import Live
    from marketkit.realtime.feed import Feed
    from marketkit.recording.recording import Recording

R = TypeVar("R")

_KEPT = 64 << 20  # bytes of answers that outlive the process


class DataMethods(ABC, Generic[R]):
    """The calls that give market data, once for all faces: what they give (`R`) is the face's.

    A sync face gives frames, an async one what has to be awaited for them, and those behind
    `with_response` a `DataResponse` in their place.
    """

    def __init__(self, readers: Readers) -> None:
        self.readers = readers

    @abstractmethod
    def _ask(self, ask: Ask) -> R:
        """Make the question, see to its answer, and give that in the face's way."""

    def get_market(
        self,
        quote: str | None = None,
        *,
        delisted: bool = False,
        as_of: Time | None = None,
        instruments: bool = False,
        frame: FrameKind = "polars",
        priority: Priority = "normal",
    ) -> R:
        """Give the listed markets, one row each, with the exchange's warnings.

        `quote` keeps those priced in one currency (`KRW`, `BTC`, `USDT`). Columns are
        `schema.MARKET`, sorted by symbol; what a region does not say is null. In pandas the
        symbol is the index.

        The lake keeps the list of every UTC day on which one was fetched. `as_of` gives the
        newest of that day or before (a warning says when it is older) and asks nobody; it raises
        `NotCovered` where the lake has none. `delisted=True` adds the markets that only earlier
        lists have, and the columns `listed_from` and `last_seen`: the days of the first and the
        last list with the market, not of its listing. A renamed market is delisted under its old
        code and listed under its new one.

        `instruments=True` adds `tick_size` and `supported_levels` (of `get_orderbook`) as they are
        at today's prices. Source: Upbit reference, sections 3.1 and 3.6.
        """
        return self._ask(
            lambda: self.readers.markets.question(
                quote,
                Form(frame, "UTC", "float", priority, "raise"),
                delisted=delisted,
                as_of=as_of,
                instruments=instruments,
            )
        )

    def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give the ticker of one or many symbols, one row each, in one request.

        `symbols` is a code, a list, or a glob such as `KRW-*`. Columns are `schema.TICKER`:
        `time` is when the exchange built the ticker, `open high low volume value` count from
        00:00 UTC, `volume` in base and `value` in quote currency.

        Raises `UnknownSymbol` for a symbol that is not listed; with `on_error="skip"` the others
        are given and the unknown one is warned about. Source: Upbit reference, section 3.4.
        """
        return self._ask(
            lambda: self.readers.quotes.tickers(
                symbols, Form(frame, tz, precision, priority, on_error)
            )
        )

    def get_orderbook(
        self,
        symbols: Symbols,
        *,
        depth: int = 15,
        level: float = 0,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give order books of one or many symbols: a row per symbol and depth, 1 the best.

        `depth` is 1 to 30; `level` groups prices and works in KRW markets only. `time` is when
        the book last changed. A side with fewer orders has nulls. Columns are `schema.ORDERBOOK`.

        Raises `InputError` for an impossible depth or level, `UnknownSymbol` as `get_ticker` does.
        Source: Upbit reference, section 3.5.
        """
        return self._ask(
            lambda: self.readers.quotes.orderbooks(
                symbols, depth, level, Form(frame, tz, precision, priority, on_error)
            )
        )

    def get_trade(
        self,
        symbols: Symbols,
        *,
        count: int | None = None,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give trades of one or many symbols, oldest first, within the last seven days.

        `start` (inclusive) and `end` (exclusive) bound the time, `count` keeps the newest of each
        symbol; without any of them it is 500, one request. `side` is the taker's: `BID` bought.
        Columns are `schema.TRADE`.

        Raises `InvalidRange` for a window older than the exchange keeps, `PartialResult` when
        some of many symbols failed. Source: Upbit reference, section 3.3.
        """
        return self._ask(
            lambda: self.readers.quotes.trades(
                symbols, count, start, end, Form(frame, tz, precision, priority, on_error)
            )
        )

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
        source: Source = "auto",
        as_of: str | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> R:
        """Give candles of one or many symbols, sorted by symbol and time.

        The range is `start` (inclusive, a candle's open) to `end` (exclusive; default now), or
        the newest `count` before `end` (default 200). `timeframe` is one of `1s 1m 3m 5m 10m 15m
        30m 1h 4h 1d 1w 1M 1y`. ISO strings and dates mean UTC; naive datetimes are refused.

        `source="auto"` answers from the lake after fetching its gaps once, `"lake"` sends nothing
        and raises `NotCovered` for slots nobody asked about, `"exchange"` leaves the lake alone.
        Wide candles are made of narrower ones where the lake has those. `as_of` reads the frozen
        set of that name instead, and sends nothing. `forming=True` adds the candle that is not
        finished.

        Columns are `schema.CANDLE`: `time` is the open, `volume` in base and `value` in quote
        currency. Slots without a trade have no row, unless `fill` asks for one in each slot that
        is proved empty, with `state` `empty`: `"forward"` with the last close as its prices (null
        where none is known) and no volume, `"null"` without numbers; `count` counts them, too.

        `session` is where days begin, for `1h` and wider: `"00:00 UTC"` as on the exchange, or
        any other time and zone, such as `"00:00 Asia/Seoul"` or `"09:30 America/New_York"`; then
        candles are made of `1h` ones, or of minutes where hours do not fit.

        A single `str` gives a `DatetimeIndex` in pandas, a list a `(symbol, time)` MultiIndex.
        From the lake, `precision="decimal"` is its float64 rounded to 8 places: exact below
        6.7e7; ask `source="exchange"` for every digit of the wire. Raises `UnknownSymbol`,
        `UnknownTimeframe`, `InvalidRange` before anything is sent, `PartialResult` when some of
        many symbols failed.
        """
        return self._ask(
            lambda: self.readers.candles.candles(
                symbols,
                timeframe,
                Form(frame, tz, precision, priority, on_error),
                start=start,
                end=end,
                count=count,
                forming=forming,
                fill=fill,
                session=session,
                source=source,
                as_of=as_of,
            )
        )


class AsyncSmartDataProvider(DataMethods[Coroutine[Any, Any, Frame]]):
    """Market data of one Upbit endpoint, with a lake behind it; await it from any event loop.

    `endpoint` is scheme and host of an exchange that speaks Upbit's words (default: the
    environment's `MARKETKIT_ENDPOINT`, else Korea), or `region` one of `kr sg id th`. `lake` is
    the folder of the candle lake (default: `MARKETKIT_LAKE`, else one below the home). `limits`
    gives `(requests, seconds)` for rate groups in which the endpoint allows more than Upbit does.
    A candle is kept as final `settle` seconds after its close; `timeout` bounds one request, in
    seconds. `offline=True` (default: `MARKETKIT_OFFLINE`) sends nothing: calls are answered from
    the lake and from what is kept, or raise `Offline`.

    Making one opens nothing and asks nobody. All providers of all processes on a machine share one
    request budget per exchange and rate group.
    """

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        lake: str | Path | None = None,
        limits: Mapping[str, tuple[int, float]] | None = None,
        settle: float = 60.0,
        timeout: float = 10.0,
        offline: bool | None = None,
    ) -> None:
        self._endpoint = resolve_endpoint(endpoint, region)
        raised = {group: RateLimit(*limit) for group, limit in (limits or {}).items()}
        self._transport = Transport(
            self._endpoint,
            {**UPBIT_LIMITS, **raised},
            check=upbit_rest.check,
            timeout=timeout,
            budget_dir=budget_dir(),
            offline=resolve_offline(offline=offline),
        )
        root = resolve_lake(lake, self._endpoint)
        source = lake_source(self._endpoint)
        self._lake = Lake(root, source=source)
        cache = resolve_cache(self._endpoint)
        self._store = None if cache is None else Store(cache, max_bytes=_KEPT)
        self._markets = MarketList(self._transport, self._store, Universe(root, source))
        self._filler = Filler(self._lake, self._transport, round(settle * 1000))
        self._tiers = Tiers(self._transport, self._markets, self._lake)
        self._job_calls = JobCalls(self._filler, self._markets)
        candles = CandleCalls(self._tiers, CandleReader(self._filler), self._lake)
        self._streams = self._tiers.feed = Streams(self._filler, self._markets)
        self._days = ClosedDays(self._transport, self._store)
        quotes = Quotes(self._tiers, self._days)
        super().__init__(Readers(MarketCalls(self._markets), quotes, candles, Meter()))
        engine().on_close(functools.partial(_close, weakref.ref(self._transport)))
        # A provider that nobody closed must not leave its sockets to the garbage collector.
        weakref.finalize(self, _close_soon, self._transport).atexit = False

    def backfill(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        order: Order = "newest",
        verify: str | None = None,
        patience: str = "12h",
        priority: Priority = "low",
        show: bool = True,
    ) -> Job:
        """Fill the lake in the background; returns at once.

        Fetches what the lake lacks of `[start, end)`, in the `order` `newest`, `oldest` or
        `symbols`; `end` defaults to the newest final candle. The `Job` shows its progress after two
        seconds unless `show=False`; `job.wait()` gives its `Report`. Running it again continues:
        nothing is asked twice, except that `verify` (`30m`, `12h`, `7d`) reads the last so much
        time of the range again. Where the exchange has changed its mind the newer word is kept, and
        `lake().revisions()` has the old. Processes that ask for the same share the work.

        While the exchange is away the job waits, up to `patience`, and then fails.
        """
        wanted = self._job_calls.wanted(symbols, timeframe, start, end)
        how = manner(order, verify, patience)
        return self._job_calls.begin(wanted, how, priority, show=show)

    @on_engine
    async def plan(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        order: Order = "newest",
        verify: str | None = None,
        patience: str = "12h",
        priority: Priority = "low",
    ) -> Plan:
        """Say what a backfill will take, before it is begun: requests, candles, megabytes, time.

        Nothing is sent but for the list of markets. How many slots trade is taken from what the
        lake has of the symbol; of one that it does not know, the plan gives upper bounds.
        `plan.without()`, `plan.only()` and `plan.order()` change it; `plan.run()` begins.
        """
        wanted = self._job_calls.wanted(symbols, timeframe, start, end)
        return await self._job_calls.plan(wanted, manner(order, verify, patience), priority)

    def jobs(self) -> pl.DataFrame:
        """List the backfills of this lake, the latest first, those of other processes, too.

        Columns are `jobs.catalog.JOBS`. `state` is `running`, `waiting` (the exchange is away, see
        `note`), `paused`, `interrupted` (its process died; the same call goes on), `stopped` (it
        left), or how it ended: `done`, `incomplete`, `cancelled`, `failed`.
        """
        return catalog.jobs(self._lake.root)

    def iter_candle(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        rows: int = 100_000,
        patience: str = "12h",
        frame: FrameKind = "polars",
        tz: str = "UTC",
        priority: Priority = "low",
        show: bool = True,
    ) -> Chunks[Frame]:
        """Give candles in the order of time, chunk by chunk, while a backfill fetches what lacks.

        Use it in `for` or `async for`. Each chunk has all symbols of a piece of time, at most
        `rows` candles, in the columns of `get_candle`; no more than one is held in memory. Leaving
        the loop leaves the backfill. Raises what a symbol fails with.
        """
        answers.check(frame=frame, tz=tz, priority=priority)
        return self._job_calls.stream(
            self._job_calls.wanted(symbols, timeframe, start, end),
            manner("oldest", None, patience),
            priority,
            rows=rows,
            show=show,
            finish=functools.partial(finish, frame=frame, tz=tz, index=answers.index_of(symbols)),
        )

    @on_engine
    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        *,
        replay: str | Path | Lake | None = None,
        speed: float = 1.0,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        priority: Priority = "normal",
    ) -> Feed:
        """Open a feed: what the exchange says by itself of one or many symbols.

        `channel` is `ticker`, `trade`, `orderbook` or `candle.` and one of `1s 1m 3m 5m 10m 15m 30m
        1h 4h`. The `Feed` has `.frame`, the newest state with the columns of `get_ticker` and so
        on; it can be iterated for frames of events, with `for` and `async for`, calls back with
        `.on(callback)`, and ends with `.close()`, at the end of its `with` block, or when nobody
        holds it any more. All feeds of a process share one connection, which comes back by itself;
        trades that were missed meanwhile are fetched and come in order, `.interruptions` tells.

        `replay` plays a recording (or a lake's candles) again instead, `speed` times as fast, from
        `start` to `end`; nothing is asked of the exchange. With speed 0 it goes as fast as it is
        read, from the first consumer on; no consumer loses anything. Iterations end with it.

        Raises `UnknownSymbol` for a symbol that is not listed, `InputError` for an unknown channel.
        Source: Upbit reference, section 6.
        """
        form = Form(frame, tz, "float", priority, "raise")
        if (past := again(replay, speed, start, end)) is not None:
            return await self._streams.watch_again(symbols, channel, form, past)
        return await self._streams.watch(symbols, channel, form)

    @on_engine
    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        history: str = "1d",
        replay: str | Path | Lake | None = None,
        speed: float = 1.0,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        priority: Priority = "normal",
        show: bool = True,
    ) -> Live:
        """Open candles that keep up with the exchange: lake, REST and stream as one frame.

        `history` (`30m`, `12h`, `7d`) is how far back `.frame` reaches; what of it the lake lacks
        is fetched before this returns, with a progress bar after two seconds unless `show=False`.
        `timeframe` is one that is streamed: `1s 1m 3m 5m 10m 15m 30m 1h 4h`. The `Live` series has
        `.frame` without a missing and without a double slot, `.watermark`, until when all is
        final, and `.incidents`, every interruption and how it was mended; iterating gives candles
        as they become final. Those go into the lake with their proof.

        `replay`, `speed`, `start` and `end` play a recording or a lake again, as in `watch`: the
        same code runs by the clock of the past, the lake answers for the exchange, with nothing
        that was not closed by then, and nothing is written into it. Candles that were not recorded
        are added up from trades that were. Where neither recording nor lake knows, `.frame` ends.

        Raises `UnknownSymbol`, `UnknownTimeframe`, `InputError` for a width that is not streamed.
        """
        form = Form(frame, tz, "float", priority, "raise")
        if (past := again(replay, speed, start, end)) is not None:
            return await self._streams.live_again(symbols, timeframe, history, form, past)
        return await self._streams.live(symbols, timeframe, history, form, show=show)

    @on_engine
    async def record(
        self,
        symbols: Symbols,
        channels: Channels,
        *,
        to: str | Path,
        priority: Priority = "normal",
    ) -> Recording:
        """Record streams to a folder: every message, and when it came.

        `channels` are those of `watch`, one or several; a folder may be recorded to again, by one
        recorder at a time. Files are Parquet, one for each channel and hour (UTC), in parts while
        the hour lasts: `channel=trade/date=2026-11-20/05.parquet`. `read_recording` reads them,
        `read_interruptions` says when messages may be missing, and `watch` and `live` play them
        again with `replay=`. The `Recording` ends with `.close()`, its `with` block or the program.

        Raises `UnknownSymbol`, `InputError` for an unknown channel, `NotWritable`, and `LakeError`
        where somebody else records to the folder.
        """
        form = Form("polars", "UTC", "float", priority, "raise")
        return await self._streams.record(symbols, channels, Path(to), form)

    @property
    def with_response(self) -> DataMethods[Coroutine[Any, Any, DataResponse]]:
        """The same calls, giving a `DataResponse`: the frame with its sources, ages and failures.

        What would be a `PartialResult` is a response whose `success` is False.
        """
        return AsyncResponses(self.readers)

    async def _ask(self, ask: Ask) -> Frame:
        return (await self.readers.reply(ask)).frame()

    @on_engine
    async def status(self) -> Status:
        """Say what was delivered from where, how old and how fast, and what may still be asked.

        Counts are those of this provider; `left` in `requests` is what the whole machine may send.
        """
        return await take_status(self._endpoint, self._tiers, self.readers.meter, self._store)

    def lake(self) -> Lake:
        """Give the candle lake behind this provider."""
        return self._lake

    @on_engine
    async def aclose(self) -> None:
        """Close feeds and connections; a later call opens connections again."""
        await self._streams.close()
        await self._markets.settled()
        await self._days.settled()
        if self._store is not None:
            self._store.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self._endpoint!r}, lake={str(self._lake.root)!r})"


class AsyncResponses(DataMethods[Coroutine[Any, Any, DataResponse]]):
    """The async calls behind `with_response`."""

    async def _ask(self, ask: Ask) -> DataResponse:
        return (await self.readers.reply(ask)).response()


async def _close(transport: weakref.ref[Transport]) -> None:
    if (still_there := transport()) is not None:
        await still_there.close()


def _close_soon(transport: Transport) -> None:
    if transport.is_open:
        with contextlib.suppress(EngineClosed):
            engine().submit(transport.close())
