"""The streams of a provider: feeds, live series, recordings, and the hottest answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from marketkit import symbols as naming
from marketkit.api.books import book_form, fitting
from marketkit.api.markets import MarketList
from marketkit.api.query import CallOptions, Symbols
from marketkit.api.replays import Replays
from marketkit.api.roster import Roster, Wish, wish
from marketkit.api.stream_options import NO_OPTIONS, StreamOptions, cut, shape_of
from marketkit.data.fetch.gaps import GapFiller
from marketkit.errors import InputError, UnknownSymbol, warn
from marketkit.schema import STATE
from marketkit.timeframe import parse_duration, parse_timeframe

if TYPE_CHECKING:
    from marketkit.api.live.series import Live
    from marketkit.realtime.client import RealtimeClient
    from marketkit.realtime.feed import Feed
    from marketkit.realtime.handle import StreamHandle
    from marketkit.realtime.health import StreamState
    from marketkit.realtime.listener import FeedListener
    from marketkit.recording.recording import Recording


Channels = str | Iterable[str]


class Streams(Replays):
    """The streams of one provider. Use on the engine's loop; `hot` and `newest` anywhere."""

    def __init__(self, filler: GapFiller, markets: MarketList) -> None:
        super().__init__(filler)
        self._markets = markets
        self._roster = Roster(markets)
        self._client: RealtimeClient | None = None

    async def watch(
        self,
        symbols: Symbols,
        channel: str,
        form: CallOptions,
        more: StreamOptions = NO_OPTIONS,
    ) -> Feed[Any]:
        """Open a feed."""
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none
        from marketkit.realtime.feed import Feed  # noqa: PLC0415 - as above

        name, client = upbit_channels.channel(channel), self._opened()
        books = book_form(name, more.depth, more.level)
        settle = more.settled(candles=name.startswith("candle."))
        names, wish = await self._resolve(symbols, form, more)
        shape = shape_of(symbols, form)
        listener: FeedListener | None = None
        if books is not None:
            name, shape = books.channel, cut(books, shape)
            if books.level:
                found = self._markets.instruments
                names = await fitting(found, names, books.level, form.priority)
                wish = Wish(frozenset(names), ())  # which level a new market has is not known
        elif name == "trade":
            listener = self._recovering(client, names, form)
        elif name.startswith("candle."):
            listener = _closing(client, name, settle)
        asked = None if books is None else books.asked
        feed = Feed(client, name, names, shape, listener, depth=asked)
        feed.tz = form.tz
        self._keep(feed, wish)
        return feed

    def _keep(self, handle: StreamHandle, wish: Wish) -> None:
        self._handles.add(handle)
        self._roster.add(handle, wish)

    def _recovering(
        self, client: RealtimeClient, names: Iterable[str], form: CallOptions
    ) -> FeedListener:
        """Make the listener of a feed whose missed trades are fetched."""
        from marketkit.realtime import trade_recovery  # noqa: PLC0415 - as above
        from marketkit.realtime.channels import EventChannel  # noqa: PLC0415 - most programs need none

        transport = self._filler.transport
        store = cast("EventChannel", client.channel("trade"))
        return trade_recovery.TradeRecovery(
            names,
            store,
            lambda name, start: trade_recovery.fetch(transport, name, start, form.priority),
            transport.now,
        )

    async def live(
        self,
        symbols: Symbols,
        timeframe: str,
        history: str,
        form: CallOptions,
        *,
        more: StreamOptions = NO_OPTIONS,
        show: bool,
    ) -> Live[Any]:
        """Open a live series and fill in the history."""
        from marketkit.api.live.series import Live  # noqa: PLC0415 - as above
        from marketkit.api.live.stitcher import Stitcher  # noqa: PLC0415 - as above
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none

        width = parse_timeframe(timeframe, made=True)
        upbit_channels.candle_channel(width)
        bound = more.settled(candles=True)
        length, client = parse_duration(history), self._opened()
        names, wish = await self._resolve(symbols, form, more)
        starts = dict.fromkeys(names, width.floor(client.clock() - length))
        stitcher = Stitcher(client, self._filler, width, starts, form.priority, bound=bound)
        await stitcher.start(show=show)
        live = Live(stitcher, self._filler.lake, client.clock, length, shape_of(symbols, form))
        live.tz = form.tz
        self._keep(live, wish)
        return live

    async def record(
        self,
        symbols: Symbols,
        channels: Channels,
        to: Path,
        form: CallOptions,
        *,
        more: StreamOptions = NO_OPTIONS,
    ) -> Recording:
        """Begin to record."""
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none
        from marketkit.realtime.subscriptions import Stream  # noqa: PLC0415 - as above
        from marketkit.recording.recorder import Recorder  # noqa: PLC0415 - as above
        from marketkit.recording.recording import Recording  # noqa: PLC0415 - as above

        given = [channels] if isinstance(channels, str) else list(channels)
        if not given:
            raise InputError("no channels: the list is empty")
        wanted = dict.fromkeys(upbit_channels.channel(each) for each in given)
        client = self._opened()
        names, wish = await self._resolve(symbols, form, more)
        recorder = Recorder(client, [Stream(each, name) for each in wanted for name in names], to)
        await recorder.start()
        recording = Recording(recorder)
        recording.tz = form.tz
        self._keep(recording, wish)
        return recording

    def hot(
        self, channel: str, symbols: Sequence[str], rows: int
    ) -> tuple[Collection[str], int] | None:
        """Give the symbols whose newest `rows` rows a stream knows, and as of which moment.

        That is when the newest message of any stream came, less its way here: all that the exchange
        said before it has come too.
        """
        client = self._client
        if client is None or (name := _streamed(channel)) is None:
            return None
        made = client.reader.heard_ns // 1_000_000 - round(self._filler.transport.round_trip * 500)
        return client.hot(name, symbols, rows), made

    def newest(self, channel: str, symbols: Sequence[str], rows: int) -> pl.DataFrame:
        """Give the newest rows of symbols, as the `get_*` call would."""
        client, name = self._client, _streamed(channel)
        if client is None or name is None:
            return pl.DataFrame(schema={"symbol": pl.String()})
        frame = client.channel(name).newest(symbols, rows)
        if "state" not in frame.columns:
            return frame
        # For REST a candle ends with its time, not only with the trade that begins the next one.
        now = parse_timeframe(channel.partition(".")[2]).floor(client.clock())
        over = pl.col("time").dt.epoch("ms") < now
        state = pl.when(over).then(pl.lit("closed")).otherwise(pl.col("state").cast(pl.String))
        return frame.with_columns(state=state.cast(STATE))

    def whole(self, channel: str, symbol: str) -> tuple[pl.DataFrame, int] | None:
        """Give the newest rows of a symbol, among and after which none is missing, and as of when.

        None where no stream knows any.
        """
        client, name = self._client, _streamed(channel)
        known = self.hot(channel, [symbol], 1)
        if client is None or name is None or known is None or symbol not in known[0]:
            return None
        count = client.channel(name).whole(symbol, client.clock())
        return self.newest(channel, [symbol], count), known[1]

    def state(self) -> StreamState | None:
        """Give the state of the connection, None before a stream was opened."""
        return None if self._client is None else self._client.state()

    async def close(self) -> None:
        """Close every handle, and end the streams that nobody else wants.

        Raises the first failure after everything has been let go of.
        """
        await self._roster.close()
        ends = [handle.end() for handle in list(self._handles)]
        failures = await asyncio.gather(*ends, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.end_unused()
        for failure in failures:
            if failure is not None:
                raise failure

    def _opened(self) -> RealtimeClient:
        """Give the client, which opens nothing before somebody subscribes; or raise `Offline`."""
        from marketkit.realtime.client import client_of  # noqa: PLC0415 - as above

        self._client = client_of(self._filler.transport)
        return self._client

    async def _resolve(
        self, symbols: Symbols, form: CallOptions, more: StreamOptions
    ) -> tuple[list[str], Wish]:
        """Find the markets that are meant: of an unknown one the stream would say nothing.

        One that has ended is left out with a warning, unless there is no other. What comes is
        dated by the exchange's clock, so that is heard before anything comes.
        """
        given = naming.several(symbols)
        names, unknown = await self._markets.resolve(given, form.priority)
        for error in unknown.values():
            ended = isinstance(error, UnknownSymbol) and error.last_listed is not None
            if not (names and ended):
                raise error
            warn(f"{error}: streams are opened without it")
        await self._filler.transport.ask_time()
        spelt = naming.typed(given, names, aloud=False)
        return names, wish(spelt, names, new_listings=more.new_listings)


def _streamed(name: str) -> str | None:
    """Give the exchange's own name of a streamed channel, or None."""
    from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - only where a stream is open

    return upbit_channels.channel(name) if name in upbit_channels.channel_names() else None


def _closing(client: RealtimeClient, channel: str, settle: int) -> FeedListener:
    from marketkit.realtime.closing import CandleCloser  # noqa: PLC0415 - most programs need none

    return CandleCloser(client, channel, settle)
