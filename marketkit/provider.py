"""The API: one provider, written async, with a sync twin over one background loop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import polars as pl

from marketkit import answers, naming, schema
from marketkit.answers import Symbols
from marketkit.candles import CandleReader
from marketkit.errors import (
    BadResponse,
    EngineClosed,
    InputError,
    InvalidRange,
    MarketkitError,
)
from marketkit.exchange import upbit_bodies, upbit_rest
from marketkit.exchange.dialect import Priority, RateLimit, Request
from marketkit.exchange.pacing import UPBIT_LIMITS
from marketkit.exchange.paging import TradeRange, walk_trades
from marketkit.frames import Frame, FrameKind, OnError, Precision, finish, one_of
from marketkit.jobs.backfill import Filler, backfill, parse_window
from marketkit.jobs.job import Job, Report
from marketkit.jobs.progress import Progress, Reporter
from marketkit.jobs.runner import Run
from marketkit.lake.dense import Fill
from marketkit.lake.lake import Lake
from marketkit.markets import MarketList
from marketkit.net.engine import engine, on_engine
from marketkit.net.transport import Transport
from marketkit.proved import Candles
from marketkit.schema import exact
from marketkit.settings import budget_dir, lake_source, resolve_endpoint, resolve_lake
from marketkit.timeframe import DAY, iso, parse_time
from marketkit.windows import DEFAULT_COUNT, UTC_DAYS, Source, Time, Window, read_window


class AsyncSmartDataProvider:
    """Market data of one Upbit endpoint, with a lake behind it; await it from any event loop.

    `endpoint` is scheme and host of an exchange that speaks Upbit's words (default: the
    environment's `MARKETKIT_ENDPOINT`, else Korea), or `region` one of `kr sg id th`. `lake` is
    the folder of the candle lake (default: `MARKETKIT_LAKE`, else one below the home). `limits`
    gives `(requests, seconds)` for rate groups in which the endpoint allows more than Upbit does.
    A candle is kept as final `settle` seconds after its close; `timeout` bounds one request, in
    seconds.

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
    ) -> None:
        self._endpoint = resolve_endpoint(endpoint, region)
        raised = {group: RateLimit(*limit) for group, limit in (limits or {}).items()}
        self._transport = Transport(
            self._endpoint,
            {**UPBIT_LIMITS, **raised},
            check=upbit_rest.check,
            timeout=timeout,
            budget_dir=budget_dir(),
        )
        root = resolve_lake(lake, self._endpoint)
        self._lake = Lake(root, source=lake_source(self._endpoint))
        self._markets = MarketList(self._transport)
        self._filler = Filler(self._lake, self._transport, round(settle * 1000))
        self._candles = CandleReader(self._filler)
        engine().on_close(functools.partial(_close, weakref.ref(self._transport)))
        # A provider that nobody closed must not leave its sockets to the garbage collector.
        weakref.finalize(self, _close_soon, self._transport).atexit = False

    @on_engine
    async def get_market(
        self,
        quote: str | None = None,
        *,
        frame: FrameKind = "polars",
        priority: Priority = "normal",
    ) -> Frame:
        """Give the listed markets, one row each, with the exchange's warnings.

        `quote` keeps those priced in one currency (`KRW`, `BTC`, `USDT`). Columns are
        `schema.MARKET`, sorted by symbol; what a region does not say is null. In pandas the
        symbol is the index. Source: Upbit reference, section 3.1.
        """
        answers.check(frame=frame, priority=priority)
        markets = await self._markets.frame(priority)
        if quote is not None:
            known = sorted(set(markets["quote"]))
            if quote.upper() not in known:
                raise InputError(f"no market is priced in {quote!r} (one of {' '.join(known)})")
            markets = markets.filter(pl.col("quote") == quote.upper())
        return finish(markets, frame=frame, tz="UTC", index=["symbol"])

    @on_engine
    async def get_ticker(
        self,
        symbols: Symbols,
        *,
        frame: FrameKind = "polars",
        tz: str = "UTC",
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Frame:
        """Give the ticker of one or many symbols, one row each, in one request.

        `symbols` is a code, a list, or a glob such as `KRW-*`. Columns are `schema.TICKER`:
        `time` is when the exchange built the ticker, `open high low volume value` count from
        00:00 UTC, `volume` in base and `value` in quote currency.

        Raises `UnknownSymbol` for a symbol that is not listed, before asking for the others; with
        `on_error="skip"` they are given and the unknown one is warned about. Source: Upbit
        reference, section 3.4.
        """
        answers.check(frame=frame, tz=tz, precision=precision, priority=priority, on_error=on_error)
        names, failures = await self._resolve(symbols, priority, on_error)

        def decode(body: bytes) -> pl.DataFrame:
            return upbit_bodies.decode_tickers(body, exact=precision == "decimal")

        rows = await self._batched(names, upbit_rest.ticker_request, decode, priority, failures)
        tickers = answers.joined(rows, schema.TICKER, precision).sort("symbol")
        index = answers.index_of(symbols)
        return finish(answers.settle(tickers, failures, on_error), frame=frame, tz=tz, index=index)

    @on_engine
    async def get_orderbook(
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
    ) -> Frame:
        """Give order books of one or many symbols: a row per symbol and depth, 1 the best.

        `depth` is 1 to 30; `level` groups prices and works in KRW markets only. `time` is when
        the book last changed. A side with fewer orders has nulls. Columns are `schema.ORDERBOOK`.

        Raises `InputError` for an impossible depth or level, `UnknownSymbol` as `get_ticker` does.
        Source: Upbit reference, section 3.5.
        """
        answers.check(frame=frame, tz=tz, precision=precision, priority=priority, on_error=on_error)
        if (
            isinstance(depth, bool)
            or not isinstance(depth, int)
            or not 1 <= depth <= upbit_rest.DEPTH
        ):
            raise InputError(f"depth={depth!r}: an order book has 1 to {upbit_rest.DEPTH} levels")
        names, failures = await self._resolve(symbols, priority, on_error)
        if level and (others := [name for name in names if not name.startswith("KRW-")]):
            raise InputError(f"level={level!r} works in KRW markets only, not for {others[0]}")

        def ask(some: Sequence[str]) -> Request:
            return upbit_rest.orderbook_request(some, depth, level)

        def decode(body: bytes) -> pl.DataFrame:
            return upbit_bodies.decode_orderbooks(body, exact=precision == "decimal")

        rows = await self._batched(names, ask, decode, priority, failures)
        books = answers.joined(rows, schema.ORDERBOOK, precision).sort("symbol", "depth")
        index = answers.index_of(symbols)
        return finish(answers.settle(books, failures, on_error), frame=frame, tz=tz, index=index)

    @on_engine
    async def get_trade(
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
    ) -> Frame:
        """Give trades of one or many symbols, oldest first, within the last seven days.

        `start` (inclusive) and `end` (exclusive) bound the time, `count` keeps the newest of each
        symbol; without any of them it is 500, one request. `side` is the taker's: `BID` bought.
        Columns are `schema.TRADE`.

        Raises `InvalidRange` for a window older than the exchange keeps, `PartialResult` when
        some of many symbols failed. Source: Upbit reference, section 3.3.
        """
        answers.check(frame=frame, tz=tz, precision=precision, priority=priority, on_error=on_error)
        window = read_window("1s", start if count is None else None, end, count)
        since = None if start is None else parse_time(start)
        names, failures = await self._resolve(symbols, priority, on_error)
        now = self._transport.now()
        oldest = (now // DAY - upbit_rest.TRADE_DAYS) * DAY
        if min(since or now, window.end or now) < oldest:
            raise InvalidRange(f"the exchange keeps trades from {iso(oldest)} on, not before")
        most = count if count is not None or since is not None else upbit_rest.TRADE_PAGE

        async def one(symbol: str) -> pl.DataFrame:
            wanted = TradeRange(symbol, now, since, window.end, most)
            return await self._trades(wanted, priority, exact=precision == "decimal")

        rows = await answers.each(names, one, failures)
        trades = answers.joined(rows, schema.TRADE, precision).sort(
            "symbol", "time", "sequential_id"
        )
        index = answers.index_of(symbols)
        return finish(answers.settle(trades, failures, on_error), frame=frame, tz=tz, index=index)

    @on_engine
    async def get_candle(
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
    ) -> Frame:
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
        answers.check(frame=frame, tz=tz, precision=precision, priority=priority, on_error=on_error)
        one_of("source", source, Source)
        one_of("fill", fill, Fill)
        if as_of is not None and source == "exchange":
            raise InputError("as_of reads a frozen set of the lake, source='exchange' no lake")
        if start is None and count is None and source != "lake" and as_of is None:
            count = DEFAULT_COUNT
        window = read_window(
            timeframe, start, end, count, forming=forming, fill=fill, session=session
        )
        if source == "lake" or as_of is not None:
            lake = self._lake if as_of is None else await asyncio.to_thread(self._lake.as_of, as_of)
            candles = await self._candles.from_lake(lake, naming.listed(symbols), window)
        else:
            candles = await self._read(
                symbols,
                window,
                source=source,
                precision=precision,
                priority=priority,
                on_error=on_error,
            )
        settled = answers.settle(candles.frame, candles.failures, on_error)
        if precision == "decimal":
            settled = settled.cast(pl.Schema(exact(schema.CANDLE)))
        return finish(settled, frame=frame, tz=tz, index=answers.index_of(symbols))

    def backfill(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        start: Time,
        end: Time | None = None,
        verify: str | None = None,
        priority: Priority = "low",
        show: bool = True,
    ) -> Job:
        """Fill the lake in the background; returns at once.

        Fetches what the lake lacks of `[start, end)`, newest first; `end` defaults to the newest
        final candle. The `Job` shows its progress after two seconds unless `show=False`;
        `job.wait()` gives its `Report`. Running it again continues: nothing is asked twice, except
        that `verify` (`30m`, `12h`, `7d`) reads the last so much time of the range again. Where the
        exchange has changed its mind the newer word is kept, and `lake().revisions()` has the old.
        """
        one_of("priority", priority, Priority)
        again = 0 if verify is None else parse_window(verify)
        window = read_window(timeframe, start, end, None)
        wanted = naming.listed(symbols)

        async def work(reporter: Reporter) -> Report:
            names, _ = await self._resolve(wanted, priority, "raise")
            span = (parse_time(start), self._filler.until(window.timeframe, window.end))
            run = Run(priority, reporter)
            return await backfill(self._filler, names, window.timeframe, span, run, verify=again)

        label = wanted[0] if len(wanted) == 1 else f"{len(wanted)} symbols"
        return Job(f"{label} {window.timeframe}", work, show=show)

    def lake(self) -> Lake:
        """Give the candle lake behind this provider."""
        return self._lake

    @on_engine
    async def aclose(self) -> None:
        """Close the connections; a later call opens them again."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self._endpoint!r}, lake={str(self._lake.root)!r})"

    async def _resolve(
        self, symbols: Symbols, priority: Priority, on_error: OnError
    ) -> tuple[list[str], dict[str, MarketkitError]]:
        """Find the markets that are meant; unless it may be skipped, one unknown ends the call."""
        names, unknown = await self._markets.resolve(symbols, priority)
        if unknown and on_error == "raise":
            raise next(iter(unknown.values()))
        return names, unknown

    async def _batched(
        self,
        names: Sequence[str],
        ask: Callable[[Sequence[str]], Request],
        decode: Callable[[bytes], pl.DataFrame],
        priority: Priority,
        failures: dict[str, MarketkitError],
    ) -> list[pl.DataFrame]:
        """Ask for many symbols in as few requests as the length of a URL allows."""

        async def some(batch: Sequence[str]) -> pl.DataFrame:
            response = await self._transport.send(ask(batch), priority)
            return decode(response.body).filter(pl.col("symbol").is_in(batch))

        frames = await asyncio.gather(*(some(batch) for batch in upbit_rest.batches(names)))
        got = {symbol for frame in frames for symbol in frame["symbol"].unique()}
        for name in names:
            if name not in got:
                failures[name] = BadResponse(f"the exchange left {name} out of its answer")
        return frames

    async def _trades(self, wanted: TradeRange, priority: Priority, *, exact: bool) -> pl.DataFrame:
        steps = walk_trades(wanted, exact=exact)
        step = next(steps)
        pages = []
        while step.request is not None:
            response = await self._transport.send(step.request, priority)
            step = steps.send(response)
            if step.page is not None:
                pages.append(step.page.rows)
        # New trades shift the pages while they are read: the same trade may come twice.
        return pl.concat(pages).unique("sequential_id", keep="first")

    async def _read(
        self,
        symbols: Symbols,
        window: Window,
        *,
        source: Source,
        precision: Precision,
        priority: Priority,
        on_error: OnError,
    ) -> Candles:
        names, failures = await self._resolve(symbols, priority, on_error)
        label = names[0] if len(names) == 1 else f"{len(names)} symbols"
        run = Run(priority, Reporter(Progress(f"{label} {window.timeframe}")))
        try:
            candles = await self._candles.answer(
                names, window, run, lake=source == "auto", exact=precision == "decimal"
            )
        finally:
            run.reporter.close()
        candles.failures.update(failures)
        return candles


async def _close(transport: weakref.ref[Transport]) -> None:
    if (still_there := transport()) is not None:
        await still_there.close()


def _close_soon(transport: Transport) -> None:
    if transport.is_open:
        with contextlib.suppress(EngineClosed):
            engine().submit(transport.close())
