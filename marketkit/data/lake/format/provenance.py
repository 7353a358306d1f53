"""The origin of a chunk's rows in the footer: files of the archive, and their checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.nonsense import is_moment

_LONGEST = 512  # letters of a key; real ones have up to 70

T = TypeVar("T", "Source", "Check")


class Source(NamedTuple):
    """A file that was taken in: the times proved by rows, and the archive's words about the file.

    `size` is in bytes, `modified` in the archive's spelling, and `at` the moment it was fetched.
    Times are ms UTC.
    """

    key: str
    sha256: str
    size: int
    modified: str | None
    at: int
    start: int
    end: int


class Check(NamedTuple):
    """A page of the exchange's other service, held against a file's rows at the moment `at`.

    Of the `slots` from `start` to `end` so many were `differing`, the first at `first`.
    """

    start: int
    end: int
    at: int
    slots: int
    differing: int
    first: int | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The files and the checks of one chunk, each in the order of time."""

    sources: tuple[Source, ...] = ()
    checks: tuple[Check, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sources or self.checks)

    def within(self, span: Span) -> Provenance:
        """Give the files and checks of some of the times of a span."""
        return Provenance(_meeting(self.sources, span), _meeting(self.checks, span))

    def of(self, times: Spans) -> Provenance:
        """Give the files and checks of any of some times."""
        sources = [each for each in self.sources if times.clip(each.start, each.end)]
        checks = [each for each in self.checks if times.clip(each.start, each.end)]
        return Provenance(tuple(sources), tuple(checks))

    def then(self, newer: Provenance) -> Provenance:
        """Add later files and checks, which replace the older ones of the same times."""
        told = Spans((each.start, each.end) for each in newer.sources)
        keys = {each.key for each in newer.sources}
        sources = [
            each
            for each in self.sources
            if each.key not in keys and not told.holds(each.start, each.end)
        ]
        checks = [each for each in self.checks if not told.holds(each.start, each.end)]
        return Provenance(
            tuple(sorted({*sources, *newer.sources}, key=lambda each: (each.start, each.key))),
            tuple(sorted({*checks, *newer.checks}, key=lambda each: (each.start, each.at))),
        )

    def said(self) -> Mapping[str, object]:
        """Spell all for a footer; nothing where there is nothing."""
        found = {"archive": list(map(list, self.sources)), "checks": list(map(list, self.checks))}
        return {name: rows for name, rows in found.items() if rows}


NO_ARCHIVE = Provenance()


def provenance_of(said: Mapping[str, Any]) -> Provenance:
    """Read the words of `Provenance.said`. Raises `ValueError` or `TypeError` for anything else."""
    sources = tuple(_source(Source(*each)) for each in said.get("archive", ()))
    checks = tuple(_check(Check(*each)) for each in said.get("checks", ()))
    return Provenance(sources, checks) if sources or checks else NO_ARCHIVE


def _source(each: Source) -> Source:
    texts = (each.key, each.sha256, "" if each.modified is None else each.modified)
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
        raise ValueError(f"{texts!r:.80} are no words about a file")
    if not all(map(is_moment, (each.size, each.at, each.start, each.end))):
        raise ValueError(f"{each!r:.80} has numbers that are none")
    return each


def _check(each: Check) -> Check:
    numbers: Sequence[object] = each if each.first is not None else each[:-1]
    if not all(map(is_moment, numbers)):
        raise ValueError(f"{each!r:.80} has numbers that are none")
    return each


def _meeting(several: Iterable[T], span: Span) -> tuple[T, ...]:
    return tuple(each for each in several if each.start < span.end and span.start < each.end)
