"""The reader of candle calls: which source is meant, and what may be given again at the edge."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import polars as pl

from marketkit import schema
from marketkit import symbols as naming
from marketkit.api import arguments as answers
from marketkit.api.arguments import Symbols
from marketkit.api.choice import choose_source
from marketkit.api.query import CallOptions, Hit, Part, Query, Result
from marketkit.api.router import QuerySpec, Router, Stream, Told
from marketkit.clock import age_clock
from marketkit.data.fetch.candles import CandleReader
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.exchange.dialect import Priority
from marketkit.frames import one_of
from marketkit.net.engine import aside
from marketkit.progress import Progress, Reporter
from marketkit.window import DEFAULT_COUNT, Fill, Source, Time, Window, read_window


class CandleEndpoints:
    """Makes questions about candles."""

    def __init__(self, tiers: Router, candles: CandleReader, lake: Lake) -> None:
        self._tiers = tiers
        self._candles = candles
        self._lake = lake

    def candles(
        self,
        symbols: Symbols,
        timeframe: str,
        form: CallOptions,
        *,
        start: Time | None,
        end: Time | None,
        count: int | None,
        forming: bool,
        fill: Fill,
        session: str,
        source: Source,
        as_of: str | None,
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
            timeframe, start, end, count, forming=forming, fill=fill, session=session
        )
        if lake_only:
            return self._stored(symbols, window, as_of, form)
        return self._asked(symbols, window, source, form)

    def _stored(
        self, symbols: Symbols, window: Window, as_of: str | None, form: CallOptions
    ) -> Query:
        """Ask the lake, or a frozen set of it, alone."""
        wanted = naming.listed(symbols)

        async def fetch() -> Result:
            lake = self._lake
            if as_of is not None:
                lake = await aside(functools.partial(lake.as_of, as_of))
            candles = await self._candles.from_lake(lake, wanted, window)
            names = sorted(candles.known)
            parts = [Part("lake", age_clock(), names)] if names else []
            return Result(_shaped(candles.frame, form), parts, candles.failures)

        return Query("candle", form, answers.index_of(symbols), lambda: None, fetch, sends=False)

    def _asked(self, symbols: Symbols, window: Window, source: Source, form: CallOptions) -> Query:
        """Ask the lake and the exchange; what ends at the live edge may be given again."""

        async def load(names: Sequence[str], priority: Priority) -> Told:
            made = age_clock()
            run = FetchRun(priority, Reporter(Progress(_label(names, window))))
            try:
                candles = await self._candles.answer(
                    names, window, run, lake=source == "auto", exact=form.exact
                )
            finally:
                run.reporter.close()
            got = [name for name in names if name not in candles.failures]
            held = self._tiers.keep(
                asked, _shaped(candles.frame, form), got, made, self._until_next(window)
            )
            return candles.failures | {
                name: Hit(choose_source(lake=name not in run.asked), each)
                for name, each in zip(got, held, strict=True)
            }

        asked = QuerySpec(
            "candle",
            ("candle", window, source, form.exact),
            schema.CANDLE,
            ["symbol", "time"],
            load,
            stream=_streamed(window, source, form),
            kept=window.start is None and window.end is None,
        )
        return self._tiers.question(asked, symbols, form)

    def _until_next(self, window: Window) -> int:
        """Give the time, in ms, for which the newest candle stays the newest."""
        now = self._tiers.transport.now()
        return window.narrow(now).timeframe.next(now) - now


def _streamed(window: Window, source: Source, form: CallOptions) -> Stream | None:
    """Give the stream that tells of the newest candles, the forming one among them."""
    newest = window.start is None and window.end is None and window.forming
    plain = window.session is None and window.fill == "none" and not form.exact
    if not (newest and plain and window.count and source == "auto"):
        return None
    return Stream(f"candle.{window.timeframe}", window.count)


def _label(names: Sequence[str], window: Window) -> str:
    return f"{names[0] if len(names) == 1 else f'{len(names)} symbols'} {window.timeframe}"


def _shaped(candles: pl.DataFrame, form: CallOptions) -> pl.DataFrame:
    """Give decimals where they are wanted; the lake has none."""
    return candles.cast(pl.Schema(schema.exact(schema.CANDLE))) if form.exact else candles
