"""Times of which a recording may lack messages: for the handle, and as notes of the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from marketkit.clock import age_clock
from marketkit.net.handle import Interruption
from marketkit.realtime.subscriptions import Stream, by_channel
from marketkit.recording.journal import Note

UNHEARD = "nothing had come yet"
SWIFT = 5_000  # ms that a stream takes to open where nothing is wrong
_KEPT = 1000  # interruptions in memory; the journal has them all


class Holes:
    """The interruptions of a recording; the beginning is one until the first message.

    `note` takes notes for the journal, `streams` gives what is recorded. Times are ms UTC of the
    exchange's clock.
    """

    def __init__(self, note: Callable[[Note], None], streams: Callable[[], list[Stream]]) -> None:
        self._note = note
        self._streams = streams
        self._past: deque[Interruption] = deque(maxlen=_KEPT)
        self._lasting: Interruption | None = None  # of all symbols
        self._torn: dict[str, Interruption] = {}  # of one symbol each, until its next message
        self._opened = 0  # when the beginning was, by `age_clock`

    def begin(self, now: int) -> None:
        """Note that nothing comes yet; `opening` says the same on disk."""
        self._lasting, self._opened = Interruption(now, None, UNHEARD), age_clock()

    @property
    def known(self) -> list[Interruption]:
        """The interruptions so far, without an opening that takes no longer than any does."""
        lasting = self._lasting
        return [*self._past, *([] if lasting is None or self._swift(lasting) else [lasting])]

    def heard(self, symbol: str, now: int) -> None:
        """End the interruptions of a symbol at a message."""
        lasting, self._lasting = self._lasting, None
        if lasting is not None:
            if not self._swift(lasting):
                self._past.append(replace(lasting, end=now))
            self._note(Note("resumed", now))
        if symbol in self._torn:
            self.mend(symbol, now)

    def broke(self, until: int, reason: str, now: int) -> None:
        """Begin an interruption of all symbols, or learn why an opening takes so long."""
        lasting = self._lasting
        if lasting is not None and lasting.reason != UNHEARD:
            return
        start = until if lasting is None else lasting.start
        self._lasting = Interruption(start, None, reason)
        self._note(Note("interrupted", now, start, reason))

    def tore(self, symbol: str, until: int, reason: str) -> None:
        """Begin an interruption of one symbol, until the next message."""
        self._torn.setdefault(symbol, Interruption(until, None, reason))

    def joined(self, symbol: str, now: int) -> None:
        """Note that nothing comes of a symbol yet."""
        self.tore(symbol, now, UNHEARD)

    def mend(self, symbol: str, now: int) -> None:
        """End the interruption of a symbol, if one lasts."""
        torn = self._torn.pop(symbol, None)
        if torn is None:
            return
        if torn.reason != UNHEARD:  # a market that joined begins as a recording does
            self.add(replace(torn, end=now))
        if self._lasting is None:
            own = by_channel(each for each in self._streams() if each.symbol == symbol)
            self._note(Note("interrupted", now, torn.start, torn.reason, own))
            self._note(Note("resumed", now))

    def add(self, past: Interruption) -> None:
        """Remember an interruption that is over."""
        self._past.append(past)

    def lost(self, span: tuple[int, int], reason: str) -> None:
        """Note messages that came within a span of time and were never written."""
        start, end = span
        self.add(Interruption(start, end, reason, failure="they were never written"))
        self._note(Note("interrupted", end, start, reason))
        self._note(Note("resumed", end))
        if self._lasting is not None:
            self._note(Note("interrupted", end, end, self._lasting.reason))

    def end(self, now: int) -> None:
        """Note the end of the recording; open interruptions never end."""
        for symbol in list(self._torn):
            self.mend(symbol, now)
        if self._lasting is not None:
            self._opened -= SWIFT + 1  # an opening that never came is no swift one
        self._note(Note("ended", now))

    def _swift(self, lasting: Interruption) -> bool:
        return lasting.reason == UNHEARD and age_clock() - self._opened <= SWIFT


def opening(now: int) -> Note:
    """Give the note of a beginning: nothing comes from `now` until a resumption."""
    return Note("interrupted", now, now, UNHEARD)
