"""Frames in their order: messages are told, faults charged to the market named.

A message of a time that has not come yet is a fault: it would be the newest until that time. That
is judged by the exchange's clock, and by the message before: what all say together is no mistake.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from marketkit.clock import age_ns
from marketkit.errors import BadResponse, plain
from marketkit.exchange.upbit.messages import Message
from marketkit.exchange.upbit.stream import Decoder, Fault
from marketkit.realtime.health import FaultLog, RealtimeStats
from marketkit.timeframe import MINUTE, iso

AHEAD = 5 * MINUTE  # by which a message may be ahead of our idea of the exchange's clock
_SHOWN = 40  # letters of a name that a reason shows
_LOOK_NS = 1_000_000_000  # between two looks at that clock, which costs a tenth of a message


class FrameReader:
    """The reader of all connections of the stream `name`, one after the other.

    `tell` takes every message, `harm` what cannot be read, and says whether the channel and symbol
    that it names are wanted; `speaks` is called when a connection has brought something readable.
    `clock` gives the exchange's time in ms UTC; `doubts` is told of a time that is ahead of that.
    """

    def __init__(
        self,
        name: str,
        *,
        silence: float,
        tell: Callable[[Message], None],
        harm: Callable[[str | None, str | None, str], bool],
        speaks: Callable[[], None],
        clock: Callable[[], int],
        doubts: Callable[[int], None],
    ) -> None:
        self.stats = RealtimeStats()
        self.came = False  # whether this connection has brought anything that can be read
        self.heard_ns = 0  # the `age_ns` moment of the newest frame
        self.told_ns = 0  # the same of the newest with messages
        self.newest = 0  # when the newest message of this connection was sent, ms UTC
        self._name = name
        self._silence = silence
        self._tell = tell
        self._harm = harm
        self._speaks = speaks
        self._clock = clock
        self._doubts = doubts
        self._possible = 0  # no message is later, ms UTC
        self._look_ns = 0  # when that is to be found again, by `age_ns`
        self._latest = 0  # when the message before was sent
        self._decoder = Decoder()
        self._faults = FaultLog()
        self._nonsense: float | None = None  # since when only nonsense has come
        self._sounds = False  # whether the newest frames could be read

    def begin(self) -> None:
        """Forget the connection before."""
        self.came, self._nonsense, self._sounds = False, None, False
        self.newest = 0

    def bounded(self, moment: int, quiet: float) -> int:
        """Bound a moment, up to which nothing is missing, by when the newest message was sent.

        More may wait to be read, unless for `quiet` seconds only signs of life have come.
        """
        if self.heard_ns > self.told_ns and age_ns() - self.told_ns >= quiet * 1e9:
            return moment
        return min(moment, self.newest)

    def read(self, raw: bytes) -> None:
        """Take a frame. Raises the exchange's errors, and `BadResponse` for nonsense for long."""
        self.stats.frames += 1
        self.heard_ns = heard = age_ns()
        if heard >= self._look_ns:
            self._look_ns, self._possible = heard + _LOOK_NS, self._clock() + AHEAD
        try:
            messages = self._decoder.decode(raw)
        except BadResponse as problem:
            self._salvage(raw, problem)
            return
        if not self._sounds:
            self._sound()
        possible = self._possible
        for message in messages:
            sent = message.sent
            if sent > possible or message.time > possible:
                self._take(message)
            else:
                self._latest = sent
                self._tell(message)
        if messages:
            self.told_ns, self.newest = heard, max(self.newest, self._latest)

    def _take(self, message: Message) -> None:
        """Tell a message, unless that says a time that has not come yet."""
        if not self._refuses(message):
            self._latest = message.sent
            self._tell(message)

    def _refuses(self, message: Message) -> bool:
        """Refuse a message that is ahead of the clock and of the message before."""
        time = max(message.time, message.sent)
        now = self._clock()
        self._possible = max(now, self._latest) + AHEAD
        if time <= self._possible:
            return False
        self.stats.ahead += 1
        channel, symbol = message.channel, message.symbol
        reason = f"{channel} of {plain(symbol, _SHOWN)} says {iso(time)}, and it is {iso(now)}"
        self._faults.tell(self._name, (f"{channel} ahead", symbol), reason)
        self._harm(channel, symbol, reason)
        self._doubts(time)
        return True

    def _sound(self) -> None:
        self.came, self._nonsense, self._sounds = True, None, True
        self._speaks()

    def _salvage(self, raw: bytes, problem: BadResponse) -> None:
        """Take the readable parts of a frame; the others touch the named streams."""
        named = False
        for part in self._decoder.salvage(raw):
            if isinstance(part, Fault):
                named |= self._misread(part)
            else:
                named = True
                self._take(part)
        if named:
            self._sound()
        else:
            self._bear(problem)

    def _misread(self, fault: Fault) -> bool:
        """Count an unreadable part, and say whether the name in that part makes sense."""
        if not fault.known:
            self.stats.unknown[str(fault.channel)] += 1
            words = f"frames of an unknown type {fault.channel!r}"
            self._faults.tell(self._name, (fault.channel, None), words)
            return True
        self.stats.wrong += 1
        named = (
            plain(fault.channel or "some stream", _SHOWN),
            plain(fault.symbol or "nobody", _SHOWN),
        )
        about = "a frame of {} of {}".format(*named)
        reason = f"{about} cannot be read: {fault.reason}"
        self._faults.tell(self._name, (fault.channel, fault.symbol), reason)
        return self._harm(fault.channel, fault.symbol, reason)

    def _bear(self, problem: BadResponse) -> None:
        """Bear frames that name nobody, unless nothing else has come for long."""
        now = time.monotonic()
        self._nonsense = now if self._nonsense is None else self._nonsense
        self._sounds = False
        if now - self._nonsense >= self._silence:
            raise problem
