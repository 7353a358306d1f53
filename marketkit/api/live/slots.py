"""The young end of one series: slots told by stream and answers, and the proof of each. Pure.

A stream of candles tells the whole slot with each message, so while it is not interrupted every
slot that begins after it was joined is seen, to whatever is its last message. A slot is final when
a later candle of the series arrives in the same uninterrupted stream. It is proved, and may be
kept, when the stream then went on for the settle delay: a candle may be sent again after the next
one began. Silence alone proves nothing; what it leaves open is asked for after a while.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from marketkit.coverage import Span, Spans
from marketkit.exchange.upbit.messages import Candle
from marketkit.realtime.candles import KEPT, Change
from marketkit.timeframe import Timeframe

JOIN_MARGIN = 5_000  # ms that our clock of the exchange may be behind, with a slow answer
PATIENCE = 300_000  # ms that a later candle is waited for, before somebody asks
AHEAD = 300_000  # ms that a candle may be ahead of it; anything later is a mistake
_EVER = sys.maxsize
_ANSWERED = -1  # `sent` of a row that came as an answer


class Row(NamedTuple):
    """Numbers of a candle, and when the stream sent a message with these."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    value: float
    sent: int = _ANSWERED


class SlotTracker:
    """The known slots of one series from `start` on; times ms UTC.

    `rows` are the candles not yet kept in the lake, and the newest that are; `kept` are the slots
    known to the lake, `proved` others that may go there, `watermark` is the moment before which all
    is final.

    Slots go into the lake `settle` ms after their end at the earliest; `bound` is how many ms after
    it somebody is asked about a slot that the stream has not told to be final, and then is.
    """

    def __init__(
        self,
        symbol: str,
        timeframe: Timeframe,
        start: int,
        settle: int,
        bound: int | None = None,
    ) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.start = start
        self.settle = settle
        self._bound = settle + PATIENCE if bound is None else bound
        self._sure = self._bound if bound is None else min(bound, settle)
        self.rows: dict[int, Row] = {}
        self.kept = Spans()
        self.proved = Spans()
        self.watermark = start
        self.doubted: dict[int, Row] = {}  # told of slots whose candles only the lake has
        self._here = start  # from here on the candles of all kept slots are among `rows`
        self._corrected = Spans()  # proved slots whose candles the lake has with other numbers
        self._confirmed = Spans()  # slots whose candles an answer had some time after their end
        self._seen = Spans()  # slots whose state was known when they were asked for
        self._joined: int | None = None  # the first slot that the stream tells of from its begin
        self._since = _EVER  # the same, where this can be proved
        self._newest = -1
        self._began: deque[tuple[int, int]] = deque()  # when a newest slot was first told of

    @property
    def joined(self) -> bool:
        """Whether the stream tells of this series, and since then without interruption."""
        return self._joined is not None

    def said(self, candle: Candle, now: int) -> Change:
        """Take a candle of the stream that came at `now`, and name the change."""
        time = candle.time
        if time > now + AHEAD:
            # The candle may be right and our clock behind: then the slots from here on are not told
            # by those that come later, and somebody has to be asked.
            self._leave(self.timeframe.floor(now))
            return "none"
        overtaken = candle.stream == "SNAPSHOT" and time > self._newest >= 0
        if self._joined is None or overtaken:
            # What happened in between, while one subscription took the place of another, is lost.
            self._leave(self.timeframe.floor(now))
            self._joined = self.timeframe.next(max(now, time))
            self._since = self.timeframe.next(max(now + JOIN_MARGIN, time))
        late = 0 <= time < self._newest
        newer = time > self._newest
        if newer:
            self._newest = time
            self._began.append((now, time))
        row = _row(candle, now)
        if self._forgot(time):
            self.doubted[time] = row
            return "none"
        if not self._put(time, row):
            return "none"
        return "late" if late else "new" if newer else "changed"

    def compared(self, time: int, stored: Row | None) -> bool:
        """Compare a doubted candle with the lake's, and say whether the numbers have changed."""
        row = self.doubted.pop(time)
        if stored is not None and self._forgot(time):
            self.rows[time] = stored
        return self._put(time, row)

    def interrupted(self, until: int) -> None:
        """Learn that messages of the stream after `until` may be lost."""
        self.prove(until)
        self._leave(self.timeframe.floor(until))
        # The slot that was open then is not known any more, however it was learnt.
        self._seen = self._seen.clip(0, self.timeframe.floor(until))

    def prove(self, alive: int) -> None:
        """Prove slots, `alive` being the moment up to which nothing can be missing."""
        # A slot that is told of ahead of its time proves nothing of those that have yet to come.
        while self._began and max(self._began[0]) <= alive - self.settle:
            _, newest = self._began.popleft()
            self.proved |= Spans([(self._since, newest)]) - self.kept

    def answered(
        self,
        rows: Iterable[tuple[int, Row]],
        covered: Spans,
        start: int,
        at: int,
        since: int = 0,
    ) -> list[tuple[int, Row]]:
        """Take the candles of the slots from `start` on, as the exchange had each at `at` or later.

        `covered` are the slots that the lake knows now, also those before `since`, of which `rows`
        have nothing. Gives those that were final already, once each, with other numbers.
        """
        covered -= self._corrected
        before: dict[int, Row | None] = {}
        for time, row in rows:
            known = self.rows.get(time)
            if known is not None and known[:-1] == row[:-1]:
                continue
            if time in covered or known is None or row.volume >= known.volume:
                if time < self.watermark and not self._forgot(time):
                    before.setdefault(time, known)
                self.rows[time] = row
        revised = [
            (time, self.rows[time])
            for time, known in before.items()
            if known is None or known[:-1] != self.rows[time][:-1]
        ]
        if since > start:
            self._here = max(self._here, since)
        self.keep(covered)
        self._confirmed |= Spans([(start, self.timeframe.floor(at - self._sure))])
        follows = self._joined is not None and self._joined <= self.timeframe.next(at)
        end = self.timeframe.next(at) if follows else self.timeframe.floor(at)
        self._seen |= Spans([(start, end)])
        return revised

    def wrote(self, rows: Mapping[int, Row], spans: Spans) -> None:
        """Learn that the lake has the slots of `spans` now, with the candles `rows`.

        Candles that came meanwhile are still to be written.
        """
        here = [item for span in spans for item in self.inside(span)]
        late = Spans(
            (time, self.timeframe.next(time)) for time, row in here if rows.get(time) != row
        )
        self._corrected |= late
        self.keep(spans - late)

    def keep(self, covered: Spans) -> None:
        """Learn that slots are in the lake now; of their candles only the newest stay here."""
        self.kept |= covered
        self.proved -= covered
        self._corrected -= covered
        # What the watermark has yet to pass is still to be told.
        told = (time for time in self.rows if time < self.watermark and time in self.kept)
        superfluous = sorted(told)[:-KEPT]
        for time in superfluous:
            del self.rows[time]
            self._here = max(self._here, self.timeframe.next(time))

    def unconfirmed(self, now: int) -> Spans:
        """Give the slots that ended long ago and that the stream has hardly proved or told."""
        waited = self.timeframe.floor(now - self.settle - PATIENCE)
        going_on = Spans([(max(self._since, waited), _EVER)])
        settled = self.timeframe.floor(now - self.settle)
        unproved = (self.kept | self.proved | going_on).gaps(self.start, settled)
        return unproved | self._final().gaps(self.start, self.timeframe.floor(now - self._bound))

    def opens(self, now: int) -> Spans:
        """Give the slots that somebody has to be asked about."""
        return self.unseen() | self.unconfirmed(now)

    def unseen(self) -> Spans:
        """Give the slots between the known ones and the first that the stream tells now."""
        return self._known().gaps(self.start, self._joined or 0)

    @property
    def until(self) -> int:
        """Give the end of the known slots without a gap."""
        gap = next(iter(self._known().gaps(self.start, _EVER)), None)
        return _EVER if gap is None else gap.start

    def advance(self) -> Span:
        """Move the watermark over the slots that have become final, and give the passed ones."""
        before = self.watermark
        gap = next(iter(self._final().gaps(before, _EVER)))
        self.watermark = max(before, gap.start)
        return Span(before, self.watermark)

    def inside(self, span: Span) -> list[tuple[int, Row]]:
        """Give the candles of a span that are here, ascending."""
        return sorted(item for item in self.rows.items() if span.start <= item[0] < span.end)

    def ends(self) -> Spans:
        """Learn that the market has ended, and give the slots that will never be known.

        Of what the stream told without an interruption the newest slot is the last one.
        """
        last = self.timeframe.next(self._newest) if self._newest >= 0 else self.start
        if self._joined is not None:
            self.proved |= Spans([(self._since, last)]) - self.kept
        return self._final().gaps(self.start, last)

    def _final(self) -> Spans:
        told = Spans([(self._since, self._newest)])
        return self.kept | self.proved | self._confirmed | told

    def _known(self) -> Spans:
        going_on = Spans([(_EVER if self._joined is None else self._joined, _EVER)])
        return self.kept | self.proved | self._seen | going_on

    def _leave(self, whole: int) -> None:
        """End an uninterrupted time; the slots before `whole` were told of to their end."""
        if self._joined is not None:
            self._seen |= Spans([(self._joined, whole)])
            self._joined, self._since = None, _EVER
            self._began.clear()

    def _forgot(self, time: int) -> bool:
        """Say whether only the lake knows if a slot has a candle, and which."""
        return time < self._here and time in self.kept and time not in self.rows

    def _put(self, time: int, row: Row) -> bool:
        """Keep the numbers of a slot if newer than the known ones; the lake is to get them."""
        known = self.rows.get(time)
        if known is not None:
            if known[:-1] == row[:-1]:
                return False
            # An answer does not say when its candle was made, but volume only grows.
            old = row.volume < known.volume if known.sent == _ANSWERED else row.sent < known.sent
            if old:
                return False
        elif time < self.start:
            return False
        self.rows[time] = row
        if time in self.kept:
            corrected = Spans([(time, self.timeframe.next(time))])
            self.kept -= corrected
            self.proved |= corrected
            self._corrected |= corrected
        return True


def _row(candle: Candle, now: int) -> Row:
    """Give the numbers of a candle that came at `now`."""
    numbers = candle.open, candle.high, candle.low, candle.close, candle.volume, candle.value
    # What is said to be of later must not stay for so long.
    return Row(*numbers, min(candle.sent, now + JOIN_MARGIN))
