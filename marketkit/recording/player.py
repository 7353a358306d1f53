"""A stream that is played again from a tape, at any speed, by the tape's own clock."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from marketkit.realtime.connection import Timing
from marketkit.realtime.consumers import Broadcast
from marketkit.realtime.dispatcher import Dispatcher
from marketkit.realtime.subscriptions import Stream
from marketkit.recording.tape import Tape, TapeMoment

_TIMING = Timing(look=0.1)
_BATCH = 500  # moments between two looks at who still listens
_ROOM = 10_000  # events that wait for a consumer before the tape stops for him
_NAP = 0.005  # seconds between two looks at consumers in other threads; nobody notices
_TICK = 0.25  # seconds between two steps of a clock that waits for the next moment

_log = logging.getLogger("marketkit.recording")


@runtime_checkable
class _Buffered(Protocol):
    """A listener with consumers behind a broadcast."""

    broadcast: Broadcast

    async def finish(self, failure: Exception | None) -> None:
        """Learn that nothing comes any more, and why if that is not the end of the tape."""


class Replay(Dispatcher):
    """A tape told to listeners as a websocket's messages are.

    `speed` is how many times as fast as it was; 0 is as fast as consumers can take it, beginning
    with the first of them. At any speed a consumer that is slow holds the tape up; it loses
    nothing. `clock` is the tape's time, so the same tape says the same at the same times.
    """

    def __init__(self, tape: Tape, speed: float) -> None:
        super().__init__(tape.name, self._time, _TIMING)
        self._tape = tape
        self._speed = speed
        self._now = tape.window.start
        self._ahead = deque(each.until for each in tape.interruptions)
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> int:
        """Up to when nothing of the tape can be missing: the clock, or the interruption before."""
        if not self._whole:
            return self._alive
        return max(self._alive, min(self._now, self._ahead[0] if self._ahead else self._now))

    async def settled(self) -> None:
        """Wait until the tape is let go of, soon after the last listener went."""
        if self._task is not None and not self._subscriptions.in_use():
            await asyncio.wait((self._task,))

    def _time(self) -> int:
        return self._now

    def _wants(self, *, more: bool) -> None:
        del more  # the streams of a tape are those its first listener asks for
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Play the tape, and tell listeners of the end."""
        failure: Exception | None = None
        try:
            if not self._speed:
                await self._wait(lambda: any(each.consumers for each in self._broadcasts()))
            await self._play(self._tape.play(self._subscriptions.wanted()))
        except Exception as error:  # noqa: BLE001 - consumers get it
            _log.warning("%s cannot be played to its end: %s", self.name, error)
            failure = error
        for listener in self._buffered():
            await listener.finish(failure)

    async def _play(self, moments: Iterator[TapeMoment]) -> None:
        loop = asyncio.get_running_loop()
        began, first = loop.time(), self._now
        while self._subscriptions.in_use():
            batch = await asyncio.to_thread(list, itertools.islice(moments, _BATCH))
            if not batch:
                self._now = max(self._now, self._tape.until)
                return
            for moment in batch:
                if self._speed:
                    await self._reach(moment.at, began, first)
                if not self._subscriptions.in_use():
                    return
                self._now = max(self._now, moment.at)
                self._happen(moment)
            began += await self._room()

    def _happen(self, moment: TapeMoment) -> None:
        if moment.message is not None:
            self._tell(moment.message)
            return
        if moment.symbol:
            self._harm(self._wanted_of(moment.symbol), moment.reason)
        else:
            self._interrupted(moment.reason)
        self._ahead.popleft()

    def _wanted_of(self, symbol: str) -> list[Stream]:
        streams = [Stream(channel, symbol) for channel in self._channels]
        return [stream for stream in streams if stream in self._subscriptions]

    async def _reach(self, at: int, began: float, first: int) -> None:
        """Let the clock run until a moment of the tape."""
        loop = asyncio.get_running_loop()
        while self._subscriptions.in_use():
            reached = first + int((loop.time() - began) * 1000 * self._speed)
            self._now = max(self._now, min(at, reached))
            if reached >= at:
                return
            await asyncio.sleep(min(_TICK, (at - reached) / 1000 / self._speed))

    async def _room(self) -> float:
        """Wait for slow consumers, and give the seconds that took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(0)
        await self._wait(lambda: all(each.backlog <= _ROOM for each in self._broadcasts()))
        return loop.time() - began

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds of consumers, which may be in other threads."""
        while self._subscriptions.in_use() and not condition():  # noqa: ASYNC110 - as said
            await asyncio.sleep(_NAP)

    def _broadcasts(self) -> list[Broadcast]:
        return [each.broadcast for each in self._buffered()]

    def _buffered(self) -> list[_Buffered]:
        return [each for each in self._everybody() if isinstance(each, _Buffered)]
