"""The record of interruptions of a live series, and when each was mended. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from marketkit.api.live.slots import SlotTracker
from marketkit.net.handle import Interruption
from marketkit.timeframe import Timeframe

_KEPT = 10_000  # late candles are among them, and a storm makes thousands


class InterruptionLog:
    """Interruptions of series of one timeframe; each lasts until every touched slot is final."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._entries: deque[Interruption] = deque(maxlen=_KEPT)

    def began(self, start: int, reason: str, end: int | None = None) -> None:
        """Note a time of which something is missing; `end` None while messages have not come."""
        self._entries.append(Interruption(start, end, reason))

    def corrected(self, symbol: str, time: int, now: int, how: str) -> None:
        """Note a final candle that has other numbers since `now`."""
        end = self._timeframe.next(time)
        self._entries.append(Interruption(time, end, f"a late candle of {symbol}", now, how))

    def settle(
        self, trackers: Iterable[SlotTracker], resumed: Callable[[int], int | None], now: int
    ) -> None:
        """Close the interruptions of which every slot is final now.

        `resumed` gives when messages came again after a moment, None if they have not.
        """
        series = list(trackers)
        for at, each in enumerate(self._entries):
            end = each.end or resumed(each.start)
            if each.closed is not None or end is None:
                continue
            touched = self._timeframe.floor(each.start), self._timeframe.next(end)
            final = all(_final(tracker, *touched) for tracker in series)
            more = {"closed": now, "how": "rest"} if final else {}
            self._entries[at] = replace(each, end=end, **more)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Interruption]:
        return iter(list(self._entries))  # all at once, for another thread may read


def _final(tracker: SlotTracker, start: int, end: int) -> bool:
    return not (tracker.kept | tracker.proved).gaps(max(start, tracker.start), end)
