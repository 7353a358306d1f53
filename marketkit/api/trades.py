"""Trades: the call, the walk back through the pages, and the answers that may be given again."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, Literal, overload

import polars as pl

from marketkit import schema
from marketkit.api.query import (
    A,
    Answer,
    CallOptions,
    D,
    P,
    Query,
    QuerySpec,
    Results,
    Symbols,
    choose_source,
    chosen,
)
from marketkit.api.relative import by_its_clock
from marketkit.api.router import Router, hits_of
from marketkit.api.trade_edge import TradeAnswer, joined, streamed_by
from marketkit.cache.trade_pages import TradePageCache
from marketkit.clock import age_clock
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.trades import lacking, oldest_kept, walk
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.read.decimals import to_decimals
from marketkit.data.lake.store.rows import within
from marketkit.errors import InvalidRange, LakeError, MarketkitError
from marketkit.exchange.dialect import Priority, Request, Response
from marketkit.exchange.upbit import rest as upbit_rest
from marketkit.exchange.upbit.paging import TradeRange
from marketkit.frames import Defaults, FrameKind, OnError, Precision
from marketkit.net.engine import aside
from marketkit.notebook.arguments import explained
from marketkit.schema import empty
from marketkit.timeframe import iso, parse_time
from marketkit.window import EVER, Time, read_window


@explained
class TradeMethods(Generic[P, D, A]):
    """The call for trades; `P` is given for polars, `D` pandas, `A` Arrow."""

    _trades: TradeEndpoints
    _answer: Answer
    _defaults: Defaults

    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> P: ...
    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> D: ...
    @overload
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = ...,
        end: Time | None = ...,
        count: int | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        precision: Precision = ...,
        priority: Priority = ...,
        on_error: OnError = ...,
    ) -> A: ...
    def get_trade(
        self,
        symbols: Symbols,
        *,
        start: Time | None = None,
        end: Time | None = None,
        count: int | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        precision: Precision = "float",
        priority: Priority = "normal",
        on_error: OnError = "raise",
    ) -> Any:
        """Give trades of one or many symbols, oldest first.

        `start` (inclusive) and `end` (exclusive) bound the time, `count` keeps the newest of each
        symbol; without any of them it is 500, one request. `-12h` counts back from now. `side` is
        the taker's: `BID` bought. Columns are `schema.TRADE` (`mk.schema.describe("trade")`).

        The exchange keeps seven days. Older trades, and what else the lake proves, come from the
        lake; there `sequential_id`, `prev_close` and `change_price` are null for what the archive
        alone told. An open stream of the trades (`watch`) adds what it has beyond the exchange's
        answer, and answers alone for the time that it has whole.

        Raises `InvalidRange` or `NotCovered` for a time that neither has, `PartialResult` when some
        of many symbols failed. Source: Upbit reference, section 3.3.

        >>> mk.get_trade("KRW-BTC", count=5)["time"].is_sorted()
        True
        """
        options = chosen(
            self._defaults, frame, tz, precision=precision, priority=priority, on_error=on_error
        )
        return self._answer(self._trades.trades, symbols, count, start, end, options)


class TradeEndpoints:
    """Makes queries for trades: of the lake where that has proof, of the exchange for the rest."""

    def __init__(self, router: Router, pages: TradePageCache, lake: Lake) -> None:
        self._router = router
        self._pages = pages
        self._transport = router.transport
        self._lake = lake

    def trades(
        self,
        symbols: Symbols,
        count: int | None,
        start: Time | None,
        end: Time | None,
        options: CallOptions,
    ) -> Query:
        """Ask for trades; the newest ones, without a start or an end, are remembered."""
        make = functools.partial(self._asked, symbols, count, (start, end), options)
        return by_its_clock(self._transport, make, start, end)

    def _asked(
        self,
        symbols: Symbols,
        count: int | None,
        span: tuple[Time | None, Time | None],
        options: CallOptions,
        now: int,
    ) -> Query:
        exact, (start, end) = options.exact, span
        window = read_window("1s", start if count is None else None, end, count, now=now)
        since = None if start is None else parse_time(start, now)
        most = count if count is not None or since is not None else upbit_rest.TRADE_PAGE
        newest = since is None and window.end is None

        async def load(names: Sequence[str], priority: Priority) -> Results:
            results: Results = {}
            for name in names:
                wanted = TradeRange(name, self._transport.now(), since, window.end, most)
                try:
                    found = await self._found(wanted, priority, exact=exact)
                except LakeError as failure:
                    results[name] = failure
                else:
                    held = self._router.keep(spec, found.rows, [name], found.made)
                    results.update(hits_of(found.source, [name], held))
            return results

        async def check(names: Sequence[str]) -> None:
            # A page is asked for by how many days ago it was, on the exchange's calendar.
            with contextlib.suppress(MarketkitError):  # pages that are kept are there without it
                await self._transport.ask_time()
            if self._transport.clock.is_heard:
                await aside(functools.partial(self._refuse, names, since, window.end))

        spec = QuerySpec(
            "trade",
            ("trade", most, since, window.end, exact),
            schema.TRADE,
            ["symbol", "time"],  # of one millisecond they are in order, with a number or without
            load,
            exact=exact,
            single=True,
            channel="trade" if newest and most and not exact else None,
            rows=most or 1,
            kept=newest,
            check=check,
        )
        return self._router.query(spec, symbols, options)

    def _refuse(self, names: Sequence[str], since: int | None, end: int | None) -> None:
        """Raise `InvalidRange` for a time of which neither exchange nor lake has any trade."""
        now = self._transport.now()
        if since is not None and since > now:
            raise InvalidRange(f"start {iso(since)} lies ahead of the exchange's clock")
        oldest, first = oldest_kept(now), min(since or now, end or now)
        if first >= oldest:
            return
        until = min(oldest, now if end is None else end)
        if since is None or not any(
            self._lake.trades.covered(each, since, until) for each in names
        ):
            raise InvalidRange(
                f"the exchange keeps trades from {iso(oldest)} on, not before, and the lake has"
                " none of that time"
            )

    async def _found(self, wanted: TradeRange, priority: Priority, *, exact: bool) -> TradeAnswer:
        """Give the trades of one symbol. Raises `NotCovered` for a time that nobody has."""
        if wanted.start is None:
            return await self._walked(wanted, priority, exact=exact)
        span = Span(
            wanted.start, max(wanted.start, wanted.now if wanted.end is None else wanted.end)
        )
        covered, stored = await aside(functools.partial(self._stored, wanted.symbol, span))
        gaps = covered.gaps(*span)
        lost = gaps.clip(span.start, max(span.start, oldest_kept(wanted.now)))
        if lost:
            raise lacking(wanted.symbol, lost)
        parts = [TradeAnswer(to_decimals(stored) if exact else stored, age_clock(), "lake")]
        for gap in gaps:
            end = wanted.end if gap.end == span.end else gap.end
            part = replace(wanted, start=gap.start, end=end)
            parts.append(await self._edge(part, gap, priority, exact=exact))
        rows = pl.concat([part.rows for part in parts])
        rows = rows.sort("time", maintain_order=True)
        rows = rows if wanted.count is None else rows.tail(wanted.count)
        source = parts[-1].source if gaps else choose_source(lake=True)
        return TradeAnswer(rows, min(part.made for part in parts), source)

    def _stored(self, symbol: str, span: Span) -> tuple[Spans, pl.DataFrame]:
        """Read the lake's trades of a span, and the proved times; these were looked up first."""
        covered = self._lake.trades.covered(symbol, *span)
        if not covered:
            return covered, empty(schema.TRADE)
        rows = self._lake.trades.read_span([symbol], span)
        return covered, rows.filter(within(rows["time"], covered))

    async def _edge(
        self, wanted: TradeRange, gap: Span, priority: Priority, *, exact: bool
    ) -> TradeAnswer:
        """Give trades up to now: of a stream that reaches so far, or of REST and a stream."""
        if exact or (wanted.end is not None and wanted.end <= wanted.now):
            return await self._walked(wanted, priority, exact=exact)
        span = Span(gap.start, EVER.end if wanted.end is None else wanted.end)
        streamed = streamed_by(self._router.feed, wanted.symbol)
        if streamed is not None and streamed.reaches(gap.start, age_clock()):
            return TradeAnswer(streamed.of(span), streamed.made, "feed")
        walked = await self._walked(wanted, priority, exact=exact)
        streamed = streamed_by(self._router.feed, wanted.symbol)  # as it is by now
        return walked if streamed is None else joined(walked, streamed, span)

    async def _walked(self, wanted: TradeRange, priority: Priority, *, exact: bool) -> TradeAnswer:
        """Walk back through the pages of one symbol, kept or fetched."""
        fetched: set[Request] = set()
        made: list[int] = []

        async def send(request: Request) -> Response:
            response = await self._pages.get(request)
            if response is None:
                fetched.add(request)
                response = await self._transport.send(request, priority)
            made.append(response.sent)
            return response

        def read(request: Request, response: Response) -> None:
            if request in fetched:  # only what could be read is worth keeping
                self._pages.keep(request, response)

        walked = await walk(wanted, send, exact=exact, read=read)
        times = walked.rows["time"].dt.epoch("ms").to_list()
        self._router.activity.saw(wanted.symbol, times, self._transport.now())
        source = choose_source(store=not fetched)
        return TradeAnswer(walked.rows, min(made, default=age_clock()), source, walked.at)
