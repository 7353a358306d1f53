"""Streams: the calls that open a feed, a live series or a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from marketkit.api.query import Symbols, chosen, validate_options
from marketkit.api.stream_options import StreamOptions, again
from marketkit.api.streams import Channels, Streams
from marketkit.data.lake.lake import Lake
from marketkit.exchange.dialect import Priority
from marketkit.frames import Defaults, FrameKind
from marketkit.net.engine import on_engine
from marketkit.notebook.arguments import explained
from marketkit.settings import given_path
from marketkit.window import Time

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from marketkit.api.live.series import Live
    from marketkit.realtime.feed import Feed
    from marketkit.recording.recording import Recording


@explained
class StreamMethods:
    """The calls of the async provider that open streams."""

    _defaults: Defaults
    _streams: Streams

    @overload
    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        *,
        depth: int | None = ...,
        level: float = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        priority: Priority = ...,
    ) -> Feed[pl.DataFrame]: ...
    @overload
    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        *,
        depth: int | None = ...,
        level: float = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        priority: Priority = ...,
    ) -> Feed[pd.DataFrame]: ...
    @overload
    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        *,
        depth: int | None = ...,
        level: float = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        priority: Priority = ...,
    ) -> Feed[pa.Table]: ...
    @on_engine
    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        *,
        depth: int | None = None,
        level: float = 0,
        settle: float | None = None,
        new_listings: bool | None = None,
        replay: str | Path | Lake | None = None,
        speed: float = 1.0,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        priority: Priority = "normal",
    ) -> Feed[Any]:
        """Open a feed: the exchange's stream of one or many symbols.

        `channel` is `ticker`, `trade`, `orderbook` or `candle.` and one of `1s 1m 3m 5m 10m 15m 30m
        1h 4h`. The `Feed` has `.frame`, the newest state with the columns of `get_ticker` and so
        on; it can be iterated for frames of events, with `for` and `async for`, and calls back with
        `.on(callback)`. It ends with `.close()`, at the end of its `with` block, or, where nothing
        is called back, when nobody holds it any more. All feeds of a process share one connection,
        which comes back by itself; trades that were missed meanwhile are fetched and come in order,
        `.interruptions` tells.

        Of order books `depth` gives the best 1 to 30 levels (asked for as `KRW-BTC.15` where that
        suffices), and `level` groups prices, in KRW markets only: one that the market has not
        raises `InputError` with those it has. Of candles `settle` bounds how many seconds after its
        end one that no later trade follows is told as closed (90). A market that ends leaves the
        feed: the log and `.interruptions` name it, others go on. Where `symbols` has globs, markets
        that are newly listed join within a minute, unless `new_listings=False`.

        `replay` plays a recording (or a lake's candles) again instead, `speed` times as fast, from
        `start` to `end`; nothing is asked of the exchange. With speed 0 it goes as fast as it is
        read, from the first consumer on; no consumer loses anything. Iterations end with it.

        While no connection opens, `.failure` and `mk.status()` say why; who waits for a first frame
        gets that as a `NetworkError` after twenty seconds.

        Raises `UnknownSymbol` for a symbol that is not listed (one that has ended is left out with
        a warning if there are others), `InputError` for an unknown channel.
        Source: Upbit reference, section 6.
        """
        options = validate_options(chosen(self._defaults, frame, tz, priority=priority))
        more = StreamOptions(settle, depth, level, new_listings)
        if (past := again(replay, speed, start, end)) is not None:
            return await self._streams.watch_again(symbols, channel, options, past, more=more)
        return await self._streams.watch(symbols, channel, options, more)

    @overload
    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        history: str = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["polars"] | None = ...,
        tz: str | None = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Live[pl.DataFrame]: ...
    @overload
    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        history: str = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["pandas"],
        tz: str | None = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Live[pd.DataFrame]: ...
    @overload
    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        history: str = ...,
        settle: float | None = ...,
        new_listings: bool | None = ...,
        replay: str | Path | Lake | None = ...,
        speed: float = ...,
        start: Time | None = ...,
        end: Time | None = ...,
        frame: Literal["arrow"],
        tz: str | None = ...,
        priority: Priority = ...,
        show: bool = ...,
    ) -> Live[pa.Table]: ...
    @on_engine
    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        *,
        history: str = "1d",
        settle: float | None = None,
        new_listings: bool | None = None,
        replay: str | Path | Lake | None = None,
        speed: float = 1.0,
        start: Time | None = None,
        end: Time | None = None,
        frame: FrameKind | None = None,
        tz: str | None = None,
        priority: Priority = "normal",
        show: bool = True,
    ) -> Live[Any]:
        """Open candles that keep up with the exchange: lake, REST and stream as one frame.

        `history` (`30m`, `12h`, `7d`) is how far back `.frame` reaches; what of it the lake lacks
        is fetched before this returns, with a progress bar after two seconds unless `show=False`.
        `timeframe` is one that is streamed: `1s 1m 3m 5m 10m 15m 30m 1h 4h`. The `Live` series has
        `.frame` without a missing and without a double slot, `.watermark`, until when all is
        final, and `.interruptions`, each with how it was mended; iterating gives candles as they
        become final, `.on(callback)` calls back with them. Those go into the lake with their proof.

        A candle is final when a later one of its market came. In a quiet market the exchange is
        asked `settle` seconds after the end (90; at least 3), a question for each market: what it
        says is final then, and comes again if it changes later. A market that ends leaves the
        series with all that was told of it, the log and `.interruptions` name it. Where `symbols`
        has globs, newly listed markets join within a minute, unless `new_listings=False`.

        `replay`, `speed`, `start` and `end` play a recording or a lake again, as in `watch`: the
        same code runs by the clock of the past, the lake answers for the exchange, with nothing
        that was not closed by then, and nothing is written into it. Candles that were not recorded
        are added up from trades that were. Where neither recording nor lake knows, `.frame` ends.

        Raises `UnknownSymbol`, `UnknownTimeframe`, `InputError` for a width that is not streamed.
        """
        options = validate_options(chosen(self._defaults, frame, tz, priority=priority))
        more = StreamOptions(settle, new_listings=new_listings)
        if (past := again(replay, speed, start, end)) is not None:
            return await self._streams.live_again(
                symbols, timeframe, history, options, past, more=more
            )
        return await self._streams.live(symbols, timeframe, history, options, more=more, show=show)

    @on_engine
    async def record(
        self,
        symbols: Symbols,
        channels: Channels,
        *,
        to: str | Path,
        new_listings: bool | None = None,
        priority: Priority = "normal",
    ) -> Recording:
        """Record streams to a folder: every message with the time of arrival.

        `channels` are those of `watch`, one or several; a folder may be recorded to again, by one
        recorder at a time. Files are Parquet, one for each channel and hour (UTC), in parts while
        the hour lasts: `channel=trade/date=2026-11-20/05.parquet`. `read_recording` reads them,
        `read_interruptions` says when messages may be missing, and `watch` and `live` play them
        again with `replay=`. The `Recording` ends with `.close()`, its `with` block or the program.

        A market that ends leaves the recording, which the log, `.interruptions` and the folder's
        journal say; where `symbols` has globs, newly listed ones join within a minute, unless
        `new_listings=False`.

        Raises `UnknownSymbol`, `InputError` for an unknown channel, `NotWritable`, and `LakeError`
        where somebody else records to the folder.
        """
        options = validate_options(chosen(self._defaults, None, None, priority=priority))
        more = StreamOptions(new_listings=new_listings)
        folder = given_path(to, "to")
        return await self._streams.record(symbols, channels, folder, options, more=more)
