"""The streams of a provider: feeds, live series, recordings, and the hottest answers."""

from __future__ import annotations

import asyncio
import functools
import math
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import polars as pl

from marketkit import symbols as naming
from marketkit.api.markets import MarketList
from marketkit.api.query import CallOptions, Symbols, index_of
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.frames import Frame, finish
from marketkit.schema import STATE
from marketkit.timeframe import parse_duration, parse_timeframe
from marketkit.window import Instant

if TYPE_CHECKING:
    from marketkit.api.live.series import Live
    from marketkit.realtime.client import RealtimeClient
    from marketkit.realtime.feed import Feed
    from marketkit.realtime.handle import StreamHandle
    from marketkit.realtime.health import StreamState
    from marketkit.realtime.listener import FeedListener
    from marketkit.recording.player import Replay
    from marketkit.recording.recording import Recording
    from marketkit.recording.tape import Tape


Channels = str | Iterable[str]


class Again(NamedTuple):
    """The recording or lake of a replay, the span, and how many times as fast as then."""

    replay: str | Path | Lake
    speed: float
    start: Instant | None
    end: Instant | None


def again(
    replay: str | Path | Lake | None, speed: float, start: Instant | None, end: Instant | None
) -> Again | None:
    """Put the options of a replay together. Raises `InputError` for options without a replay."""
    if replay is not None:
        return Again(replay, speed, start, end)
    if (speed, start, end) != (1.0, None, None):
        raise InputError("speed, start and end are for replays: give replay= a recording or a lake")
    return None


class Streams:
    """The streams of one provider. Use on the engine's loop; `hot` and `newest` anywhere."""

    def __init__(self, filler: GapFiller, markets: MarketList) -> None:
        self._filler = filler
        self._markets = markets
        self._handles: weakref.WeakSet[StreamHandle] = weakref.WeakSet()
        self._client: RealtimeClient | None = None

    async def watch(self, symbols: Symbols, channel: str, form: CallOptions) -> Feed[Any]:
        """Open a feed."""
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none
        from marketkit.realtime.feed import Feed  # noqa: PLC0415 - as above

        name, client = upbit_channels.channel(channel), self._opened()
        names = await self._resolve(symbols, form)
        listener = self._recovering(client, names, form) if name == "trade" else None
        feed = Feed(client, name, names, _shape(symbols, form), listener)
        self._handles.add(feed)
        return feed

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
        self, symbols: Symbols, timeframe: str, history: str, form: CallOptions, *, show: bool
    ) -> Live[Any]:
        """Open a live series and fill in the history."""
        from marketkit.api.live.series import Live  # noqa: PLC0415 - as above
        from marketkit.api.live.stitcher import Stitcher  # noqa: PLC0415 - as above
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none

        width = parse_timeframe(timeframe)
        upbit_channels.candle_channel(width)
        length, client = parse_duration(history), self._opened()
        names = await self._resolve(symbols, form)
        start = width.floor(client.clock() - length)
        stitcher = Stitcher(client, self._filler, width, dict.fromkeys(names, start), form.priority)
        await stitcher.start(show=show)
        live = Live(stitcher, self._filler.lake, client.clock, length, _shape(symbols, form))
        self._handles.add(live)
        return live

    async def watch_again(
        self, symbols: Symbols, channel: str, form: CallOptions, again: Again
    ) -> Feed[Any]:
        """Open a feed of a recording or a lake."""
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none
        from marketkit.realtime.feed import Feed  # noqa: PLC0415 - as above

        name = upbit_channels.channel(channel)
        _, names, client = await asyncio.to_thread(self._tape, symbols, name, again)
        feed = Feed(client, name, names, _shape(symbols, form))
        self._handles.add(feed)
        return feed

    async def live_again(
        self, symbols: Symbols, timeframe: str, history: str, form: CallOptions, again: Again
    ) -> Live[Any]:
        """Open a live series of a recording or a lake; the lake answers for the exchange."""
        from marketkit.api.live.replay import Past, first_slots  # noqa: PLC0415 - as above
        from marketkit.api.live.series import Live  # noqa: PLC0415 - as above
        from marketkit.api.live.stitcher import Stitcher  # noqa: PLC0415 - as above
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none

        width, length = parse_timeframe(timeframe), parse_duration(history)
        channel = upbit_channels.candle_channel(width)
        tape, names, client = await asyncio.to_thread(self._tape, symbols, channel, again)
        source = tape.lake or self._filler.lake
        starts = await asyncio.to_thread(first_slots, tape, channel, names, source, length)
        past = Past(source, tape, client.clock, 0 if tape.lake else self._filler.settle)
        stitcher = Stitcher(client, past, width, starts, form.priority)
        await stitcher.start(show=False)
        live = Live(stitcher, past.lake, client.clock, length, _shape(symbols, form))
        self._handles.add(live)
        return live

    def _tape(self, symbols: Symbols, channel: str, again: Again) -> tuple[Tape, list[str], Replay]:
        from marketkit.api.live.replay import open_tape  # noqa: PLC0415 - as above
        from marketkit.recording.player import Replay  # noqa: PLC0415 - most programs need none

        if not again.speed >= 0:
            raise InputError(f"speed={again.speed!r}: give a number of times, or 0 for no waiting")
        source = self._filler.lake.source
        span = again.start, again.end
        tape, names = open_tape(again.replay, naming.typed(symbols), channel, span, source=source)
        return tape, names, Replay(tape, 0 if math.isinf(again.speed) else again.speed)

    async def record(
        self, symbols: Symbols, channels: Channels, to: Path, form: CallOptions
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
        names = await self._resolve(symbols, form)
        recorder = Recorder(client, [Stream(each, name) for each in wanted for name in names], to)
        await recorder.start()
        recording = Recording(recorder)
        self._handles.add(recording)
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
        made = client.heard - round(self._filler.transport.round_trip * 500)
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

    def state(self) -> StreamState | None:
        """Give the state of the connection, None before a stream was opened."""
        return None if self._client is None else self._client.state()

    async def close(self) -> None:
        """Close every handle, and end the streams that nobody else wants.

        Raises the first failure after everything has been let go of.
        """
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

    async def _resolve(self, symbols: Symbols, form: CallOptions) -> list[str]:
        """Find the markets that are meant: of an unknown one the stream would say nothing.

        What comes is dated by the exchange's clock, so that is heard before anything comes.
        """
        names, unknown = await self._markets.resolve(symbols, form.priority)
        if unknown:
            raise next(iter(unknown.values()))
        await self._filler.transport.ask_time()
        return names


def _streamed(name: str) -> str | None:
    """Give the exchange's own name of a streamed channel, or None."""
    from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - only where a stream is open

    return upbit_channels.channel(name) if name in upbit_channels.channel_names() else None


def _shape(symbols: Symbols, form: CallOptions) -> Callable[[pl.DataFrame], Frame]:
    index = index_of(symbols)
    return functools.partial(finish, frame=form.frame, tz=form.tz, index=index)
