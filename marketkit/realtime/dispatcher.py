"""Listeners of streams, the newest state of each, and when something may be missing.

Use it on one event loop. Where messages come from, a websocket or a recording, others know.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from marketkit.errors import NetworkError
from marketkit.exchange.upbit.messages import Message
from marketkit.net.handle import Interruption
from marketkit.realtime.channels import Channel, Listener, channel_of
from marketkit.realtime.connection import Timing
from marketkit.realtime.subscriptions import Stream, Subscriptions

_log = logging.getLogger("marketkit.realtime")
_INTERRUPTIONS_KEPT = 1000  # a year of three a day


class Dispatcher(ABC):
    """Passes messages of `name` on to subscribed listeners, and remembers the newest state.

    `clock` gives the exchange's time in ms UTC.
    """

    def __init__(self, name: str, clock: Callable[[], int], timing: Timing) -> None:
        self.name = name
        self.clock = clock
        self.timing = timing
        self.interruptions: deque[Interruption] = deque(maxlen=_INTERRUPTIONS_KEPT)
        self.harms: deque[Interruption] = deque(maxlen=_INTERRUPTIONS_KEPT)  # of one stream each
        self._subscriptions = Subscriptions(timing.linger)
        self._channels: dict[str, Channel] = {}
        self._listeners: dict[tuple[str, str], list[Listener]] = {}
        self._harmed: dict[Stream, Interruption] = {}  # those that last
        self._stumbled: Counter[int] = Counter()  # listeners that raised, and how often
        self._whole = False  # whether messages come, and none is missing
        self._alive = 0

    @property
    def connected(self) -> bool:
        """Whether messages are coming."""
        return self._whole

    @property
    def unopened(self) -> NetworkError | None:
        """The reason why nothing has come yet, where something should have."""
        return None

    @property
    def opening(self) -> NetworkError | None:
        """The same, also while the first attempt is under way."""
        return None

    @property
    @abstractmethod
    def alive(self) -> int:
        """Up to when nothing of an uninterrupted stream can be missing: ms UTC, exchange's clock.

        It stands still while messages do not come.
        """

    @abstractmethod
    def _wants(self, *, more: bool) -> None:
        """Have messages come; `more` streams may be wanted than before."""

    def streams(self) -> dict[str, set[str]]:
        """Give the symbols of every channel that are to be streamed."""
        return self._subscriptions.wanted()

    def channel(self, name: str) -> Channel:
        """Give the store of a channel."""
        if name not in self._channels:
            self._channels[name] = channel_of(name, self._by_clock)
        return self._channels[name]

    def fresh(self, channel: str, symbol: str) -> Message | None:
        """Give the newest message of a stream if none after that can be missing."""
        known = self._channels.get(channel)
        return known.fresh(symbol) if known is not None and self._whole else None

    def subscribe(
        self, listener: Listener, streams: Iterable[Stream], depth: int | None = None
    ) -> None:
        """Tell `listener` the messages of streams from now on; `depth` levels of books suffice."""
        wanted = list(streams)
        for stream in wanted:
            self.channel(stream.channel)
            # A new list, for a message may be on its way through the old one.
            self._listeners[stream] = [*self._listeners.get(stream, ()), listener]
        if not self._whole and self._lasting is not None:
            self._begin_interruption(self.clock(), self._lasting.reason, [listener])
        self._wants(more=self._subscriptions.take(wanted, depth))

    def release(
        self, listener: Listener, streams: Iterable[Stream], depth: int | None = None
    ) -> None:
        """Stop telling `listener`; a stream that nobody wants any more ends in three minutes."""
        given = [stream for stream in streams if listener in self._listeners.get(stream, ())]
        for stream in given:
            left = [each for each in self._listeners[stream] if each is not listener]
            if left:
                self._listeners[stream] = left
            else:
                del self._listeners[stream]
        self._subscriptions.release(given, self.clock(), depth)

    async def settled(self) -> None:
        """Wait until nothing is at work for listeners that were released."""
        return  # here nothing ever is

    def _by_clock(self) -> int:
        """Give the time of the clock that is in use now, for callers that keep this method."""
        return self.clock()

    def _forget(self, ended: Iterable[Stream]) -> None:
        for stream in ended:
            self.channel(stream.channel).forget(stream.symbol)
            self._mend(stream)

    def _tell(self, message: Message) -> None:
        """Tell listeners a message that is news."""
        if not self._whole:
            self._resumed()
        channel = message.channel
        stream = channel, message.symbol
        listeners = self._listeners.get(stream)
        if listeners is None and stream not in self._subscriptions:
            return  # nobody asked: what nobody goes on to hear would answer for the exchange
        if self._harmed:
            self._mend(Stream(*stream))
        if self._channels[channel].add(message) and listeners is not None:
            for listener in listeners:
                try:
                    listener.receive(message)
                except Exception:  # noqa: BLE001 - one listener's mistake must not be another's
                    self._stumble(listener, Stream(*stream))

    def _stumble(self, listener: Listener, stream: Stream) -> None:
        """Log a listener's mistake the first time, and interrupt the listener."""
        if not self._stumbled[id(listener)]:
            _log.exception("a listener to %s of %s stumbled", *stream)
        self._stumbled[id(listener)] += 1
        listener.interrupted(self.alive, "the listener stumbled over a message", stream.symbol)

    def _harm(self, streams: Iterable[Stream], reason: str) -> None:
        """Begin an interruption of some streams alone, each until the next message."""
        for stream in streams:
            if not self._whole or stream in self._harmed:
                continue  # an interruption lasts already
            self._harmed[stream] = harm = Interruption(self.alive, None, reason)
            self.harms.append(harm)
            self.channel(stream.channel).interrupted(stream.symbol)
            for listener in self._listeners.get(stream, ()):
                listener.interrupted(harm.start, reason, stream.symbol)

    def _mend(self, stream: Stream) -> None:
        """End the interruption of a stream, if one lasts."""
        harm = self._harmed.pop(stream, None)
        if harm is not None and harm in self.harms:
            at = self.harms.index(harm)
            self.harms[at] = replace(harm, end=max(harm.start, self.clock()))

    def _interrupted(self, reason: str) -> None:
        """Begin an interruption, unless one lasts."""
        if self._whole:
            self._alive, self._whole = self.alive, False
            for channel in self._channels.values():
                channel.interrupted()
            self._begin_interruption(self._alive, reason)
            _log.info("the stream of %s was interrupted: %s", self.name, reason)

    def _begin_interruption(
        self, start: int, reason: str, listeners: Iterable[Listener] | None = None
    ) -> None:
        """Note an interruption and tell listeners, by default all there are."""
        self.interruptions.append(Interruption(start, None, reason))
        for listener in self._everybody() if listeners is None else listeners:
            listener.interrupted(start, reason)

    @property
    def _lasting(self) -> Interruption | None:
        """The interruption that lasts."""
        last = self.interruptions[-1] if self.interruptions else None
        return last if last is not None and last.end is None else None

    def _resumed(self) -> None:
        """End the interruption: from here on nothing is missing."""
        self._whole = True
        self._alive = max(self._alive, self.clock())
        for at, each in enumerate(self.interruptions):
            if each.end is None:
                self.interruptions[at] = replace(each, end=self._alive)

    def _everybody(self) -> list[Listener]:
        return list({id(each): each for own in self._listeners.values() for each in own}.values())
