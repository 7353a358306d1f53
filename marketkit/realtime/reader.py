"""Frames in their order: messages are told, faults charged to the market named."""

from __future__ import annotations

import time
from collections.abc import Callable

from marketkit.clock import age_ns
from marketkit.errors import BadResponse
from marketkit.exchange.upbit.messages import Message
from marketkit.exchange.upbit.stream import Decoder, Fault
from marketkit.realtime.health import FaultLog, RealtimeStats


class FrameReader:
    """The reader of all connections of the stream `name`, one after the other.

    `tell` takes every message, `harm` what cannot be read, and says whether the channel and symbol
    that it names are wanted; `speaks` is called when a connection has brought something readable.
    """

    def __init__(
        self,
        name: str,
        *,
        silence: float,
        tell: Callable[[Message], None],
        harm: Callable[[str | None, str | None, str], bool],
        speaks: Callable[[], None],
    ) -> None:
        self.stats = RealtimeStats()
        self.came = False  # whether this connection has brought anything that can be read
        self.heard_ns = 0  # the `age_ns` moment of the newest frame
        self._name = name
        self._silence = silence
        self._tell = tell
        self._harm = harm
        self._speaks = speaks
        self._decoder = Decoder()
        self._faults = FaultLog()
        self._nonsense: float | None = None  # since when only nonsense has come
        self._sounds = False  # whether the newest frames could be read

    def begin(self) -> None:
        """Forget the connection before."""
        self.came, self._nonsense, self._sounds = False, None, False

    def read(self, raw: bytes) -> None:
        """Take a frame. Raises the exchange's errors, and `BadResponse` for nonsense for long."""
        self.stats.frames += 1
        self.heard_ns = age_ns()
        try:
            messages = self._decoder.decode(raw)
        except BadResponse as problem:
            self._salvage(raw, problem)
            return
        if not self._sounds:
            self._sound()
        for message in messages:
            self._tell(message)

    def _sound(self) -> None:
        self.came, self._nonsense, self._sounds = True, None, True
        self._speaks()

    def _salvage(self, raw: bytes, problem: BadResponse) -> None:
        """Take the readable parts of a frame; the others touch the streams they name."""
        named = False
        for part in self._decoder.salvage(raw):
            if isinstance(part, Fault):
                named |= self._misread(part)
            else:
                named = True
                self._tell(part)
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
        about = f"a frame of {fault.channel or 'some stream'} of {fault.symbol or 'nobody'}"
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
