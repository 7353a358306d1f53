"""The API: one provider, written async, with a sync twin over one background loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import weakref
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import polars as pl

from marketkit import settings
from marketkit import symbols as naming
from marketkit.api.address import Address, opened
from marketkit.api.backfill_calls import BackfillMethods
from marketkit.api.backfills import BackfillEndpoints, manner
from marketkit.api.bars import BarEndpoints
from marketkit.api.board import BoardMethods
from marketkit.api.calls import DataMethods, Endpoints
from marketkit.api.candles import CandleEndpoints
from marketkit.api.doctor import as_frame, examine, examine_live
from marketkit.api.markets import MarketEndpoints, MarketList
from marketkit.api.metrics import Metrics
from marketkit.api.numbers import check_seconds, read_limits
from marketkit.api.premium import PremiumEndpoints
from marketkit.api.query import Symbols
from marketkit.api.quotes import QuoteEndpoints
from marketkit.api.response import DataResponse
from marketkit.api.router import Router
from marketkit.api.status import Status, take_status
from marketkit.api.stream_calls import StreamMethods
from marketkit.api.streams import Streams
from marketkit.api.trades import TradeEndpoints
from marketkit.cache.store import ResponseStore
from marketkit.cache.trade_pages import TradePageCache
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.plan import Plan
from marketkit.data.jobs.tasks import Order
from marketkit.data.lake.format.encoding import load_writer
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.report.summary import look
from marketkit.errors import EngineClosed
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.limits import UPBIT
from marketkit.frames import Defaults, FrameKind
from marketkit.net.engine import engine, on_engine
from marketkit.net.transport import Transport
from marketkit.notebook.arguments import explained
from marketkit.notebook.card import Card, Shown
from marketkit.window import UTC_DAYS, Time

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_KEPT = 64 << 20  # bytes of answers that outlive the process


@explained
class AsyncSmartDataProvider(
    DataMethods[
        "Coroutine[Any, Any, pl.DataFrame]",
        "Coroutine[Any, Any, pd.DataFrame]",
        "Coroutine[Any, Any, pa.Table]",
    ],
    BackfillMethods,
    StreamMethods,
    BoardMethods,
    Shown,
):
    """Market data of one Upbit endpoint, with a lake behind; awaited from any event loop.

    `endpoint` is scheme and host of an exchange that speaks Upbit's words (default: the
    environment's `MARKETKIT_ENDPOINT`, else Korea), or `region` one of `kr sg id th`. `lake` is
    the folder of the candle lake, or the URL of one in a bucket (`s3://bucket/folder`; default:
    `MARKETKIT_LAKE`, else one below the home). `limits`
    gives `(requests, seconds)` for rate groups in which the endpoint allows more than Upbit does.
    A candle is kept as final `settle` seconds after its close; `timeout` bounds one request, in
    seconds. `offline=True` (default: `MARKETKIT_OFFLINE`) sends nothing: calls are answered from
    the lake and from what is kept, or raise `Offline`. `address` (default: `MARKETKIT_ADDRESS`) is
    one of this machine that all connections leave from, by no proxy, with a budget of its own.

    `frame` (`polars pandas arrow`), `tz` and `session` are for the calls that do not say their own:
    the session for candles of `1h` and wider. A type checker sees what stands in the call itself.

    Making one opens nothing and asks nobody. All providers of all processes on a machine share one
    request budget per exchange and rate group. Pickled, one is its arguments: what is unpickled in
    another process is a provider there, the same one for the same arguments.
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
        address: str | None = None,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        session: str = UTC_DAYS,
    ) -> None:
        defaults = Defaults(frame, tz, session)
        self._endpoint = settings.resolve_endpoint(endpoint, region)
        offline = settings.resolve_offline(offline=offline)
        root = settings.resolve_lake(lake, self._endpoint)
        check_seconds("settle", settle)
        check_seconds("timeout", timeout, above_zero=True)
        raised = read_limits({} if limits is None else limits, list(UPBIT.limits))
        given = tuple((group, (*limit,)) for group, limit in raised.items())
        kept = root if isinstance(root, str) else str(root.absolute())
        where = self._endpoint, kept, given, settle, timeout
        place = Address(type(self), *where, offline=offline, own=address)
        self._transport = Transport(
            self._endpoint,
            replace(UPBIT, limits={**UPBIT.limits, **raised}),
            timeout=timeout,
            budget_dir=settings.budget_dir(),
            address=settings.resolve_address(address),
            offline=offline,
            meanwhile=load_writer,
        )
        self._lake = Lake(root, source=settings.lake_source(self._endpoint))
        self._lake.clock, self._lake.defaults = self._transport.now, defaults
        cache = settings.resolve_cache(self._endpoint)
        self._store = None if cache is None else ResponseStore(cache, max_bytes=_KEPT)
        self._markets = MarketList(self._transport, self._store, self._lake.universe)
        self._filler = GapFiller(self._lake, self._transport, round(settle * 1000))
        self._router = Router(self._transport, self._markets, self._lake)
        self._streams = self._router.feed = Streams(self._filler, self._markets)
        self._trade_pages = TradePageCache(self._transport, self._store)
        self._backfills = BackfillEndpoints(self._filler, self._markets, place)
        trades = TradeEndpoints(self._router, self._trade_pages, self._lake)
        candles = CandleEndpoints(self._router, CandleReader(self._filler), self._lake)
        self.endpoints = Endpoints(
            MarketEndpoints(self._markets),
            QuoteEndpoints(self._router),
            trades,
            candles,
            BarEndpoints(self._router, trades, self._lake),
            PremiumEndpoints(candles),
            self._backfills,
            Metrics(),
        )
        super().__init__(self.endpoints, self.endpoints.async_frame, place, defaults)
        engine().on_close(functools.partial(_close, weakref.ref(self._transport)))
        # A provider that nobody closed must not leave its sockets to the garbage collector.
        weakref.finalize(self, _close_soon, self._transport).atexit = False

    @property
    def with_response(
        self,
    ) -> DataMethods[
        Coroutine[Any, Any, DataResponse[pl.DataFrame]],
        Coroutine[Any, Any, DataResponse[pd.DataFrame]],
        Coroutine[Any, Any, DataResponse[pa.Table]],
    ]:
        """The same calls, giving a `DataResponse`: a frame with sources, ages and failures.

        What would be a `PartialResult` is a response whose `success` is False.
        """
        answer = self.endpoints.async_response
        return DataMethods(self.endpoints, answer, self.address, self._defaults)

    def adopt(self, defaults: Defaults) -> None:
        """Share defaults, and let these have the exchange's time."""
        self._defaults = self._lake.defaults = defaults
        defaults.clock = self._transport.now

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
        recheck: bool = False,
        patience: str = "12h",
        priority: Priority = "low",
        archive: bool = False,
        keep: str | Path | None = None,
    ) -> Plan:
        """Estimate a backfill before the start: requests, candles, megabytes, time.

        Nothing is sent but for the list of markets. How many slots trade is taken from what the
        lake has of the symbol; of one that it does not know, the plan gives upper bounds.
        `plan.without()`, `plan.only()` and `plan.order()` change it; `plan.run()` begins.
        With `archive=True` the archive is asked for its listing, and the plan shows both ways.
        Of the timeframe `trade` slots are days.
        """
        given = naming.several(symbols)
        await self._backfills.hear(given, start, end)
        wanted = self._backfills.wanted(given, timeframe, start, end)
        source = self._backfills.archive(archive, keep)
        how = manner(order, verify, patience, recheck=recheck, archive=source)
        return await self._backfills.plan(wanted, how, priority)

    @on_engine
    async def status(self) -> Status:
        """Report deliveries by source, their ages and speed, and the requests left.

        Counts are those of this provider; `left` in `requests` is what the whole machine may send.
        """
        return await self._status()

    async def _status(self) -> Status:
        return await take_status(
            self._router,
            self.endpoints.metrics,
            self._store,
            self._filler,
            self._streams.state(),
            tz=self._defaults.tz,
        )

    @on_engine
    async def doctor(self, *, live: bool = False) -> pl.DataFrame:
        """Look at all that data stands on: a frame `state check detail do`, a row for each thing.

        `state` is `good`, `note` (to be known), `look` (to be looked at) or `bad`, and `do` says
        what to do. Settings, versions, extras, disk, budget, terminal, lake, jobs, clock; and
        `endings`, the series that the lake lacks a part of although their market is announced to
        end, or has ended. The exchange is asked for its market list and nothing else.

        With `live` the exchange itself is compared with what marketkit expects: one paced request
        of each kind and one subscription, each answer's fields, types, limits and headers. A field
        that is missing is `bad`, one that nobody knew is a `note`.
        """
        told = {
            "endpoint": self._endpoint,
            "address": self._transport.address or "as the system chooses",
            "lake": self._lake.url or self._lake.root,
            "answers kept in": settings.resolve_cache(self._endpoint) or "memory only",
            "budget of the machine": settings.budget_dir(),
        }
        found = await examine(told, self._lake, self._markets, self._status, settings.budget_dir())
        return as_frame([*found, *(await examine_live(self._transport) if live else ())])

    @on_engine
    async def exchange_time(self) -> datetime:
        """Give the exchange's time in UTC, by which everything here goes; asked for at most once.

        An `offline` provider can only give the machine's.
        """
        return datetime.fromtimestamp(await self._transport.ask_time() / 1000, UTC)

    @on_engine
    async def aclose(self) -> None:
        """Close feeds and connections; a later call opens connections again."""
        await self._streams.close()
        await self._markets.settled()
        await self._trade_pages.settled()
        if self._store is not None:
            self._store.close()
        await asyncio.to_thread(self._lake.close)
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        return opened, (self.address,)

    def _card(self) -> Card:
        lake, zone = look(self._lake), ZoneInfo(self._defaults.tz)
        tables = (lake.table(zone),) if lake.holdings else ()
        offline = " (offline: nothing is sent)" if self.address.offline else ""
        facts = {
            "endpoint": f"{self._endpoint}{offline}",
            "lake": f"{lake.folder}: {lake.total()}",
            "answers": f"kept in {settings.resolve_cache(self._endpoint) or 'memory only'}",
        }
        return Card(type(self).__name__, facts, None, tables)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self._endpoint!r}, lake={self._lake.where!r})"


async def _close(transport: weakref.ref[Transport]) -> None:
    if (still_there := transport()) is not None:
        await still_there.close()


def _close_soon(transport: Transport) -> None:
    if transport.is_open:
        with contextlib.suppress(EngineClosed):
            engine().submit(transport.close())
