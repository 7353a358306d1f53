"""The proof of a series: covered slots, and the moment before which nothing exists. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from marketkit.coverage import ONE_ANSWER, Span, Spans
from marketkit.data.lake.format.chunk import Entry
from marketkit.timeframe import Timeframe
from marketkit.window import EVER


class Claim(Protocol):
    """A moment before which nothing exists, if any is known, and the evidence."""

    @property
    def nothing_before(self) -> int | None:
        """The moment in ms UTC."""

    @property
    def rests_on(self) -> str:
        """The word for the evidence."""


def beginning(claims: Iterable[Claim]) -> tuple[int | None, str]:
    """Give the latest moment, and of claims for the same one the better evidence."""
    known = [
        (claim.nothing_before, claim.rests_on != ONE_ANSWER, claim.rests_on)
        for claim in claims
        if claim.nothing_before is not None
    ]
    moment, _, rests_on = max(known, default=(None, False, ONE_ANSWER))
    return moment, rests_on


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The proof of all chunks of a series together."""

    timeframe: Timeframe
    covered: Spans
    nothing_before: int | None
    rests_on: str = ONE_ANSWER

    @classmethod
    def of(cls, timeframe: Timeframe, entries: Iterable[Entry]) -> Knowledge:
        """Add up the footers of the chunks."""
        footers = [entry.footer for entry in entries]
        covered = Spans(span for footer in footers for span in footer.covered)
        return cls(timeframe, covered, *beginning(footers))

    def slots_of(self, start: int, end: int) -> Span:
        """Give the span of the slots that start in `[start, end)`."""
        return Span(self.timeframe.ceil(start), self.timeframe.ceil(end))

    @property
    def hull(self) -> Span | None:
        """The smallest span around everything that is known."""
        known = [*(self.covered.hull or ())]
        if self.nothing_before is not None:
            known.append(self.timeframe.ceil(self.nothing_before))
        return Span(min(known), max(known)) if known else None

    @property
    def proved(self) -> Spans:
        """The slots with proof of a trade or of none.

        From before the listing nothing can have; of `1s` that is only how far back the exchange
        still has them.
        """
        if self.nothing_before is None or self.timeframe.name == "1s":
            return self.covered
        return self.covered | Spans([(EVER.start, self.timeframe.ceil(self.nothing_before))])

    def absent(self, start: int, end: int) -> Spans:
        """Give the slots of `[start, end)` that the exchange lacks and nobody need ask for."""
        if self.nothing_before is None:
            return Spans()
        before = self.timeframe.ceil(self.nothing_before)
        return Spans([(start, min(end, before))]) - self.covered

    def unproved(self, start: int, end: int) -> Spans:
        """Give the slots of `[start, end)` of which nobody can say whether anything traded.

        Those that the exchange lacks are from before the listing; of `1s` it may have had some
        once, for it does not keep them for long.
        """
        if self.timeframe.name == "1s":
            return self.covered.gaps(*self.slots_of(start, end))
        return self.missing(start, end)

    def missing(self, start: int, end: int) -> Spans:
        """Give the slots of `[start, end)` that nobody has asked about."""
        span = self.slots_of(start, end)
        unknown = self.covered.gaps(*span)
        if not unknown or self.nothing_before is None or self.nothing_before <= span.start:
            return unknown
        return unknown - self.absent(*span)
