"""The record of interruptions of a live series, and when each was mended. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from marketkit.api.live.slots import SlotTracker
from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
from marketkit.net.handle import Interruption
from marketkit.timeframe import Timeframe, iso

_KEPT = 10_000  # late candles are among them, and a storm makes thousands


class InterruptionLog:
    """Interruptions of series of one timeframe; each lasts until every touched slot is final."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._entries: deque[_Entry] = deque(maxlen=_KEPT)

    def began(
        self, start: int, reason: str, end: int | None = None, *, symbol: str | None = None
    ) -> None:
        """Note a time of which something is missing, of all symbols or of one.

        `end` is None while messages have not come.
        """
        self._entries.append(_Entry(Interruption(start, end, reason), symbol))

    def corrected(self, symbol: str, time: int, now: int, how: str) -> None:
        """Note a final candle that has other numbers since `now`."""
        end = self._timeframe.next(time)
        late = Interruption(time, end, f"a late candle of {symbol}", now, how)
        self._entries.append(_Entry(late, symbol))

    def restarted(self, lake: Lake, trackers: Iterable[SlotTracker], now: int) -> None:
        """Note the time since the lake was last filled, if that ends in the window of a series."""
        ends = []
        for tracker in trackers:
            known = lake.covered(tracker.symbol, self._timeframe).clip(tracker.start, now).hull
            if known is not None and known.end < self._timeframe.floor(now - tracker.settle):
                ends.append(known.end)
        if ends:
            self.began(min(ends), "nobody listened before", now)

    def ended(self, symbol: str, now: int, why: str, unknown: Spans) -> None:
        """Note that a market has ended, and the slots that nobody can tell of any more."""
        spans = ", ".join(f"{iso(start)} to {iso(end)}" for start, end in unknown)
        failure = f"the candles of {spans} were not known yet" if spans else None
        ended = Interruption(now, now, why, None if failure else now, failure=failure)
        self._entries.append(_Entry(ended, symbol))

    def settle(
        self,
        trackers: Iterable[SlotTracker],
        known: Sequence[Interruption],
        now: int,
    ) -> None:
        """Close the interruptions of which every slot is final now.

        `known` are those of the stream, which say when messages came again.
        """
        series = list(trackers)
        for at, (each, symbol) in enumerate(self._entries):
            end = each.end or _end(each, known)
            if each.closed is not None or each.failure is not None or end is None:
                continue
            touched = self._timeframe.floor(each.start), self._timeframe.next(end)
            own = [one for one in series if symbol in {None, one.symbol}]
            final = all(_final(tracker, *touched) for tracker in own)
            more = {"closed": now, "how": "rest"} if final else {}
            self._entries[at] = _Entry(replace(each, end=end, **more), symbol)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Interruption]:
        # All at once, for another thread may read.
        return iter([each for each, _ in list(self._entries)])


class _Entry(NamedTuple):
    """An interruption, and the symbol that alone was touched; None for all."""

    interruption: Interruption
    symbol: str | None


def _final(tracker: SlotTracker, start: int, end: int) -> bool:
    return not (tracker.kept | tracker.proved).gaps(max(start, tracker.start), end)


def _end(interruption: Interruption, known: Iterable[Interruption]) -> int | None:
    """Give when messages came again after an interruption of the stream, if any did."""
    start, reason = interruption.start, interruption.reason
    return next((each.end for each in known if each.start >= start and each.reason == reason), None)
