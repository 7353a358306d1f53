"""The order of the lines of a log: once each, in the order of moments, and not told again. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from marketkit.data.lake.format.layout import Series, chunk_of
from marketkit.data.lake.store.merge import Revision

_T = TypeVar("_T")
_Line = tuple[Revision, int]  # a revision, and when it was seen


def overlap(said: Sequence[_T], new: Sequence[_T]) -> int:
    """Count the new items, from the first on, at the end of the old."""
    for count in range(min(len(said), len(new)), 0, -1):
        if said[-1] == new[count - 1] and said[-count:] == new[:count]:
            return count
    return 0


def as_seen(series: Series, said: list[_Line]) -> list[_Line]:
    """Put the lines of chunks that took pages in one after the other into the order of moments."""
    if all(one[1] <= other[1] for one, other in itertools.pairwise(said)):
        return said
    by_chunk: dict[str, list[_Line]] = {}
    for each in said:
        by_chunk.setdefault(chunk_of(series.timeframe, each[0].time), []).append(each)
    return list(heapq.merge(*by_chunk.values(), key=lambda each: each[1]))


def once(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Pass over a revision said again before any other of that number."""
    last: dict[tuple[int, str], Revision] = {}
    for revision, seen_at in lines:
        key = revision.time, revision.column
        if last.get(key) != revision:
            last[key] = revision
            yield revision, seen_at
