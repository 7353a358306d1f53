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
# ms by which the exchange may be ahead of our idea of its clock: `Date` headers have whole seconds,
# and were on their way. Messages of so long after a stream came back, by that, may be missing.
UNSURE = 2_000
_FIRST = 5_000  # ms after the first message in which each stream with a state has told it
_KEPT = 1000  # interruptions in memory; the journal has them all


class Holes:
    """The interruptions of a recording; the beginning is one.

    Streams come back one by one: an interruption lasts until each has said something, or the first
    did so long ago that the others have nothing to say.
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
        self._quick = True  # whether that took no longer than any does
        self._silent: set[Stream] = set()  # since the interruption
        self._first = 0  # when a message came again, and the newest stream
        self._back: int | None = None

    def begin(self, now: int) -> None:
        """Note that nothing comes yet; `opening` says the same on disk."""
        self._lasting, self._opened = Interruption(now, None, UNHEARD), age_clock()
        self._await()

    @property
    def known(self) -> list[Interruption]:
        """The interruptions so far, without an opening that takes no longer than any does."""
        lasting = self._lasting
        if lasting is None or self._swift(lasting):
            return list(self._past)
        return [*self._past, _until(lasting, self._back)]

    def heard(self, stream: Stream, now: int) -> None:
        """End the interruptions that a message is the last to end."""
        if self._back is None:
            self._back = self._first = now
            self._quick = age_clock() - self._opened <= SWIFT
        if stream in self._silent:
            self._silent.remove(stream)
            self._back = now
        if self._lasting is not None and (not self._silent or now - self._first >= _FIRST):
            self._resume()
        if stream.symbol in self._torn and self._is_back(stream.symbol, now):
            self.mend(stream.symbol, now)

    def _is_back(self, symbol: str, now: int) -> bool:
        late = now - self._torn[symbol].start >= _FIRST
        return late or all(each.symbol != symbol for each in self._silent)

    def _resume(self) -> None:
        """End the interruption of all symbols when the last stream that came back did so."""
        lasting, self._lasting = self._lasting, None
        if lasting is not None and self._back is not None:
            if not self._swift(lasting):
                self._past.append(_until(lasting, self._back))
            self._note(Note("resumed", self._back))
        self._silent.clear()

    def _await(self) -> None:
        """Wait for every stream."""
        self._silent, self._back = set(self._streams()), None

    def broke(self, until: int, reason: str, now: int) -> None:
        """Begin an interruption of all symbols, or learn why an opening takes so long."""
        if self._back is not None:
            self._resume()
        lasting = self._lasting
        self._await()
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
        self._silent.update(each for each in self._streams() if each.symbol == symbol)

    def mend(self, symbol: str, now: int) -> None:
        """End the interruption of a symbol, if one lasts."""
        self._silent = {each for each in self._silent if each.symbol != symbol}
        torn = self._torn.pop(symbol, None)
        if torn is None:
            return
        if torn.reason != UNHEARD:  # a market that joined begins as a recording does
            self.add(_until(torn, now))
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
        self.add(Interruption(start, end + UNSURE, reason, failure="they were never written"))
        self._note(Note("interrupted", end, start, reason))
        self._note(Note("resumed", end))
        if self._lasting is not None:
            self._note(Note("interrupted", end, end, self._lasting.reason))

    def end(self, now: int) -> None:
        """Note the end of the recording; open interruptions never end."""
        for symbol in list(self._torn):
            self.mend(symbol, now)
        if self._back is not None:
            self._resume()
        if self._lasting is not None:
            self._opened -= SWIFT + 1  # an opening that never came is no swift one
        self._note(Note("ended", now))

    def _swift(self, lasting: Interruption) -> bool:
        if lasting.reason != UNHEARD:
            return False
        return self._quick if self._back is not None else age_clock() - self._opened <= SWIFT


def _until(lasting: Interruption, back: int | None) -> Interruption:
    return replace(lasting, end=None if back is None else back + UNSURE)


def opening(now: int) -> Note:
    """Give the note of a beginning: nothing comes from `now` until a resumption."""
    return Note("interrupted", now, now, UNHEARD)
