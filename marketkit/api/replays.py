"""The streams of a provider that are played again: of recordings, and of lakes."""

from __future__ import annotations

import asyncio
import math
import weakref
from typing import TYPE_CHECKING, Any

from marketkit import symbols as naming
from marketkit.api.books import book_form
from marketkit.api.query import CallOptions, Symbols
from marketkit.api.stream_options import NO_OPTIONS, Again, StreamOptions, cut, shape_of
from marketkit.data.fetch.gaps import GapFiller
from marketkit.errors import InputError
from marketkit.timeframe import parse_duration, parse_timeframe
from marketkit.window import Instant, milliseconds

if TYPE_CHECKING:
    from marketkit.api.live.series import Live
    from marketkit.realtime.feed import Feed
    from marketkit.realtime.handle import StreamHandle
    from marketkit.recording.player import Replay
    from marketkit.recording.tape import Tape


class Replays:
    """Streams of the past, whose clock is that of a tape. Use on the engine's loop."""

    def __init__(self, filler: GapFiller) -> None:
        self._filler = filler
        self._handles: weakref.WeakSet[StreamHandle] = weakref.WeakSet()

    async def watch_again(
        self,
        symbols: Symbols,
        channel: str,
        form: CallOptions,
        again: Again,
        *,
        more: StreamOptions = NO_OPTIONS,
    ) -> Feed[Any]:
        """Open a feed of a recording or a lake."""
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none
        from marketkit.realtime.feed import Feed  # noqa: PLC0415 - as above

        name, shape = upbit_channels.channel(channel), shape_of(symbols, form)
        books = book_form(name, more.depth, more.level)
        if books is not None and books.level:
            raise InputError(f"level={more.level:g}: a recording has books of level 0")
        _, names, client = await asyncio.to_thread(self._tape, symbols, name, again)
        feed = Feed(client, name, names, shape if books is None else cut(books, shape))
        feed.tz = form.tz
        self._handles.add(feed)
        return feed

    async def live_again(
        self,
        symbols: Symbols,
        timeframe: str,
        history: str,
        form: CallOptions,
        again: Again,
        *,
        more: StreamOptions = NO_OPTIONS,
    ) -> Live[Any]:
        """Open a live series of a recording or a lake; the lake answers for the exchange."""
        from marketkit.api.live.replay import Past, first_slots  # noqa: PLC0415 - as above
        from marketkit.api.live.series import Live  # noqa: PLC0415 - as above
        from marketkit.api.live.stitcher import Stitcher  # noqa: PLC0415 - as above
        from marketkit.exchange.upbit import channels as upbit_channels  # noqa: PLC0415 - most programs need none

        width, length = parse_timeframe(timeframe, made=True), parse_duration(history)
        channel = upbit_channels.candle_channel(width)
        tape, names, client = await asyncio.to_thread(self._tape, symbols, channel, again)
        source = tape.lake or self._filler.lake
        starts = await asyncio.to_thread(first_slots, tape, channel, names, source, length)
        past = Past(source, tape, client.clock, 0 if tape.lake else self._filler.settle)
        bound = None if more.settle is None else more.settled(candles=True)
        stitcher = Stitcher(client, past, width, starts, form.priority, bound=bound)
        await stitcher.start(show=False)
        live = Live(stitcher, past.lake, client.clock, length, shape_of(symbols, form))
        live.tz = form.tz
        self._handles.add(live)
        return live

    def _tape(self, symbols: Symbols, channel: str, again: Again) -> tuple[Tape, list[str], Replay]:
        from marketkit.api.live.replay import open_tape  # noqa: PLC0415 - as above
        from marketkit.recording.player import Replay  # noqa: PLC0415 - most programs need none

        if not again.speed >= 0:
            raise InputError(f"speed={again.speed!r}: give a number of times, or 0 for no waiting")
        source = self._filler.lake.source
        now = self._filler.lake.clock()
        span = (_moment(again.start, now), _moment(again.end, now))
        wanted = naming.typed(self._filler.lake.named(symbols))
        tape, names = open_tape(again.replay, wanted, channel, span, source=source)
        return tape, names, Replay(tape, 0 if math.isinf(again.speed) else again.speed)


def _moment(time: Instant | None, now: int) -> int | None:
    """Give a moment in ms UTC; `-30d` is before the exchange's now."""
    return None if time is None else milliseconds(time, now)
