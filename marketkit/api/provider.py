"""The API: one provider, written async, with a sync twin over one background loop."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from marketkit.api import arguments as answers
from marketkit.api.arguments import Symbols
from marketkit.api.backfills import BackfillEndpoints, manner
from marketkit.api.calls import Ask, AsyncResponses, DataMethods, Endpoints
from marketkit.api.candles import CandleEndpoints
from marketkit.api.markets import MarketEndpoints, MarketList
from marketkit.api.query import CallOptions
from marketkit.api.quotes import QuoteEndpoints
from marketkit.api.response import DataResponse
from marketkit.api.router import Router
from marketkit.api.status import Metrics, Status, take_status
from marketkit.api.streams import Channels, Streams, again
from marketkit.cache.store import ResponseStore
from marketkit.cache.trade_pages import TradePageCache
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs import catalog
from marketkit.data.jobs.chunks import Chunks
from marketkit.data.jobs.job import Job
from marketkit.data.jobs.plan import Plan
from marketkit.data.jobs.tasks import Order
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.markets import Universe
from marketkit.errors import EngineClosed
from marketkit.exchange.dialect import Priority, RateLimit
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.limits import UPBIT_LIMITS
from marketkit.frames import Frame, FrameKind, finish
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
from marketkit.window import Time

if TYPE_CHECKING:
    from marketkit.api.live.series import Live
    from marketkit.realtime.feed import Feed
    from marketkit.recording.recording import Recording


_KEPT = 64 << 20  # bytes of answers that outlive the process


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
        self._store = None if cache is None else ResponseStore(cache, max_bytes=_KEPT)
        self._markets = MarketList(self._transport, self._store, Universe(root, source))
        self._filler = GapFiller(self._lake, self._transport, round(settle * 1000))
        self._tiers = Router(self._transport, self._markets, self._lake)
        self._job_calls = BackfillEndpoints(self._filler, self._markets)
        candles = CandleEndpoints(self._tiers, CandleReader(self._filler), self._lake)
        self._streams = self._tiers.feed = Streams(self._filler, self._markets)
        self._days = TradePageCache(self._transport, self._store)
        quotes = QuoteEndpoints(self._tiers, self._days)
        super().__init__(Endpoints(MarketEndpoints(self._markets), quotes, candles, Metrics()))
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
        answers.validate_options(frame=frame, tz=tz, priority=priority)
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
        form = CallOptions(frame, tz, "float", priority, "raise")
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
        form = CallOptions(frame, tz, "float", priority, "raise")
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
        form = CallOptions("polars", "UTC", "float", priority, "raise")
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

    @on_engine
    async def exchange_time(self) -> datetime:
        """Give the exchange's time in UTC, by which everything here goes; asked for at most once.

        An `offline` provider can only give the machine's.
        """
        return datetime.fromtimestamp(await self._transport.ask_time() / 1000, UTC)

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


async def _close(transport: weakref.ref[Transport]) -> None:
    if (still_there := transport()) is not None:
        await still_there.close()


def _close_soon(transport: Transport) -> None:
    if transport.is_open:
        with contextlib.suppress(EngineClosed):
            engine().submit(transport.close())
