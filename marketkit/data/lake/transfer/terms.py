"""The terms of an import: the market, the width, the claim of a file, and precedence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from marketkit.coverage import Span
from marketkit.data.lake.format.layout import check_symbol
from marketkit.errors import InputError
from marketkit.frames import OnError, one_of
from marketkit.timeframe import Timeframe
from marketkit.window import Instant, window_of

CoveringWord = Literal["rows", "range"]
Covering: TypeAlias = CoveringWord | tuple[Instant, Instant]
Prefer = Literal["lake", "file"]
Duplicates = Literal["error", "first", "last"]


@dataclass(frozen=True, slots=True)
class Terms:
    """The words of a caller about files, checked; times are ms UTC, `now` that of the lake.

    `span` are the whole slots of a covering that was given as a start and an end. Raises
    `InputError` for words that mean nothing, and for a covering without a whole slot.
    """

    symbol: str | None
    timeframe: Timeframe
    now: int
    covering: Covering = "rows"
    prefer: Prefer = "lake"
    settled: bool = False
    duplicates: Duplicates = "error"
    force: bool = False
    on_error: OnError = "raise"
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.symbol is not None:
            check_symbol(self.symbol)
        if isinstance(self.covering, str):
            one_of("covering", self.covering, CoveringWord)
        one_of("prefer", self.prefer, Prefer)
        one_of("duplicates", self.duplicates, Duplicates)
        one_of("on_error", self.on_error, OnError)
        if self.span is not None and self.span.start >= self.span.end:
            raise InputError(
                f"covering={self.covering!r} has no whole slot of {self.timeframe}: give a start"
                " and a later end"
            )

    @property
    def span(self) -> Span | None:
        """The slots that the caller says are all told, None where that is for the file to say."""
        if isinstance(self.covering, str):
            return None
        given = self.covering
        if not isinstance(given, tuple | list) or len(given) != 2 or None in given:
            raise InputError(
                f"covering={self.covering!r}: write 'rows', 'range' or (start, end), as in"
                " covering=('2024-01-01', '2024-02-01')"
            )
        window = window_of(*given, self.now)
        return Span(self.timeframe.ceil(window.start), self.timeframe.floor(window.end))
