"""An exchange that is away: wait, say so, and give up only when patience ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    NetworkError,
    Offline,
    ServerFailed,
)
from marketkit.net.handle import Interruption

T = TypeVar("T")

_SHORTEST, _LONGEST = 1.0, 30.0  # seconds between attempts: soon at first, then no burden
_QUIET = 2.0  # seconds without any answer; the attempts at one request take longer


class Outage:
    """Tells an exchange that is down from a request that fails, and waits for the former.

    `patience` bounds one outage, in seconds; `say` is told what is waited for, and "" when it is
    over. Time is that of the machine since its boot, which nobody can set back; `outages` gets the
    interruptions by the exchange's `clock`.
    """

    def __init__(
        self,
        patience: float,
        say: Callable[[str], None],
        clock: Callable[[], int],
        outages: list[Interruption],
    ) -> None:
        self._patience = patience
        self._say = say
        self._clock = clock
        self._outages = outages
        self._since: float | None = None
        self._next = _SHORTEST

    def is_one(self, failure: MarketkitError, answered_at: float) -> bool:
        """Say whether a failure means that the exchange is away and gave nobody data for a while.

        A request fails only after several attempts, which take longer than that. A ban, or a 429
        that asks for more than a minute, says so itself.
        """
        if isinstance(failure, Offline | Banned):
            return isinstance(failure, Banned)  # offline, nobody is asked, however long one waits
        away = isinstance(failure, NetworkError | ServerFailed)
        return away and time.monotonic() - answered_at > _QUIET

    def may_be_one(self, failure: MarketkitError, answered_at: float) -> bool:
        """Say whether a failure means that if others get no better answers: a page, say.

        A page about maintenance may come with the status of a good answer.
        """
        quiet = time.monotonic() - answered_at > _QUIET
        return isinstance(failure, BadResponse) and quiet

    def over(self, answered_at: float) -> None:
        """Note when the exchange gave data last."""
        if self._since is not None and answered_at > self._since:
            self._since, self._next = None, _SHORTEST
            lasted = self._outages[-1]
            end = max(lasted.start, self._clock())  # which may have been set back meanwhile
            self._outages[-1] = replace(lasted, end=end, closed=end, how="rest")
            self._say("")

    async def wait(self, failure: MarketkitError) -> None:
        """Wait a while before the next attempt. Raises `failure` when patience has ended."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._outages.append(Interruption(self._clock(), None, str(failure)))
        left = self._since + self._patience - now
        if left <= 0:
            self._outages[-1] = replace(self._outages[-1], failure="patience has ended")
            raise failure
        self._say(f"waiting for the exchange since {_clock(now - self._since)}: {failure}")
        delay, self._next = self._next, min(_LONGEST, self._next * 2)
        await asyncio.sleep(min(delay, left))


def _clock(seconds_ago: float) -> str:
    # machine's clock: for who reads it here, beside their own clock
    return time.strftime("%H:%M:%S", time.localtime(time.time() - seconds_ago))


async def patiently(ask: Callable[[], Awaitable[T]], outage: Outage) -> T:
    """Ask until the exchange answers, as long as patience lasts."""
    while True:
        try:
            answer = await ask()
        except MarketkitError as failure:
            if not outage.is_one(failure, -math.inf):
                raise
            await outage.wait(failure)
        else:
            outage.over(math.inf)
            return answer
