"""Set arithmetic on half-open integer spans, and words for proof; no clock, files or frames.

A span is `(start, end)` with `start < end`, in milliseconds UTC wherever marketkit uses it. `Spans`
is a set of integers kept as the fewest sorted, disjoint, non-touching spans.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

# What proved that nothing exists before a moment: one empty answer; two, asked for at different
# times; a page of months, which shows nothing older.
Evidence = Literal["one answer", "two answers", "months"]
ONE_ANSWER: Evidence = "one answer"
_EVER = sys.maxsize  # beyond the end of any span
_new_span = tuple.__new__  # of `Span` and the two edges, in half the time that the class takes


class Span(NamedTuple):
    """The integers from `start` up to, not including, `end`."""

    start: int
    end: int


class Spans:
    """An immutable set of integers, kept as sorted disjoint spans.

    Empty and reversed spans contribute nothing; touching spans are joined.

    >>> Spans([(5, 9), (0, 3), (3, 4)])
    Spans([(0, 4), (5, 9)])
    >>> Spans([(0, 10)]) - Spans([(2, 4)])
    Spans([(0, 2), (4, 10)])
    """

    __slots__ = ("_spans",)

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans = _normalised(spans)

    @classmethod
    def _sorted(cls, spans: Iterable[Span]) -> Spans:
        """Make a set of spans in order that do not touch; empty ones contribute nothing."""
        return cls._made(tuple([each for each in spans if each[0] < each[1]]))

    @classmethod
    def _made(cls, spans: tuple[Span, ...]) -> Spans:
        """Make a set of spans in order that do not touch, none of them empty."""
        made = cls.__new__(cls)
        made._spans = spans  # noqa: SLF001 - ours
        return made

    def _until(self, point: int) -> int:
        """Count the spans that start at a point or before."""
        return bisect_right(self._spans, (point, _EVER))  # by tuples, quicker than by a key

    def __or__(self, other: Spans) -> Spans:
        if not (self._spans and other._spans):
            return self if self._spans else other
        return Spans((*self._spans, *other._spans))

    def __and__(self, other: Spans) -> Spans:
        return Spans._sorted(_overlaps(self._spans, other._spans))

    def __sub__(self, other: Spans) -> Spans:
        if not (self._spans and other._spans):
            return self
        return Spans._sorted(_remainders(self._spans, other._spans))

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __contains__(self, point: int) -> bool:
        at = self._until(point) - 1
        return at >= 0 and point < self._spans[at].end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spans) and self._spans == other._spans

    def __hash__(self) -> int:
        return hash(self._spans)

    def __repr__(self) -> str:
        return f"Spans({[tuple(span) for span in self._spans]})"

    def __le__(self, other: Spans) -> bool:
        return not self - other

    @property
    def total(self) -> int:
        """How many integers the set holds."""
        return sum(end - start for start, end in self._spans)

    @property
    def hull(self) -> Span | None:
        """The smallest single span around the set, or None when the set is empty."""
        return Span(self._spans[0].start, self._spans[-1].end) if self._spans else None

    def holds(self, start: int, end: int) -> bool:
        """Say whether all of `[start, end)` is in the set."""
        at = self._until(start) - 1
        return end <= start or (at >= 0 and end <= self._spans[at].end)

    def clip(self, start: int, end: int) -> Spans:
        """Keep the part inside `[start, end)`."""
        return self & Spans([(start, end)])

    def gaps(self, start: int, end: int) -> Spans:
        """Give the part of `[start, end)` that is missing from the set."""
        spans, first = self._spans, self._until(start) - 1
        if first >= 0 and end <= spans[first].end:
            return Spans._made(())  # the rule, and asked of every symbol of every call
        gaps: list[Span] = []
        at = start
        for known, until in spans[max(0, first) :]:
            if known >= end:
                break
            if known > at:
                gaps.append(_new_span(Span, (at, known)))
            if until > at:  # noqa: PLR1730 - a call fewer, and hundreds of markets are asked
                at = until
        if at < end:
            gaps.append(_new_span(Span, (at, end)))
        return Spans._made(tuple(gaps))


def _normalised(spans: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    joined: list[Span] = []
    low = high = 0  # the span at hand, empty before the first
    for start, end in sorted(spans):
        if end <= start:
            continue
        if low < high and start <= high:
            high = max(high, end)
            continue
        if low < high:
            joined.append(Span(low, high))
        low, high = start, end
    return (*joined, Span(low, high)) if low < high else ()


def _overlaps(left: tuple[Span, ...], right: tuple[Span, ...]) -> Iterator[Span]:
    i = j = 0
    while i < len(left) and j < len(right):
        yield Span(max(left[i].start, right[j].start), min(left[i].end, right[j].end))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1


def _remainders(left: tuple[Span, ...], right: tuple[Span, ...]) -> Iterator[Span]:
    j = 0
    for start, end in left:
        while j < len(right) and right[j].end <= start:
            j += 1
        k, at = j, start
        while k < len(right) and right[k].start < end:
            yield Span(at, right[k].start)
            at = right[k].end
            k += 1
        yield Span(at, end)
