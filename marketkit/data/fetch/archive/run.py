"""The yield of the archive in one run: files, troubles, checks, and times not asked of REST."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from marketkit.coverage import Spans
from marketkit.data.lake.format.provenance import Check
from marketkit.errors import MarketkitError
from marketkit.timeframe import iso

_TOLD = 20  # troubles and notes in a report for people; `troubles` and `notes` have them all


class LeftFile(NamedTuple):
    """A file that was not taken in, and why: the slots stay as before."""

    symbol: str
    key: str
    said: str


class MonthCheck(NamedTuple):
    """A page of REST that was held against an ingested month."""

    symbol: str
    check: Check


@dataclass(slots=True)
class ArchiveRun:
    """One run: `files` taken in, the `bytes` that came, the `requests` for both.

    `failures` are symbols that the archive would not list, `stale` the files that were published
    again and not taken. `notes` name files that prove nothing by
    themselves and are left to REST. `skip` are the times, by symbol, that REST is not asked for.
    """

    files: int = 0
    reused: int = 0
    again: int = 0
    bytes: int = 0
    requests: int = 0
    stale: list[str] = field(default_factory=list)
    troubles: list[LeftFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: list[MonthCheck] = field(default_factory=list)
    unchecked: int = 0
    failures: dict[str, MarketkitError] = field(default_factory=dict)
    skip: dict[str, Spans] = field(default_factory=dict)

    def leave(self, symbol: str, spans: Spans) -> None:
        """Have REST not asked for some times of a symbol."""
        self.skip[symbol] = self.skip.get(symbol, Spans()) | spans

    @property
    def compared(self) -> int:
        """How many slots were compared with REST."""
        return sum(each.check.slots for each in self.checks)

    @property
    def differing(self) -> int:
        """The number of compared slots that were others there."""
        return sum(each.check.differing for each in self.checks)

    def as_dict(self) -> dict[str, object]:
        """Give the same as plain values."""
        return {
            "files": self.files,
            "published_again": self.again,
            "bytes": self.bytes,
            "requests": self.requests,
            "not_taken": {each.key: each.said for each in self.troubles},
            "notes": list(self.notes),
            "compared": self.compared,
            "differing": self.differing,
        }

    def lines(self) -> list[str]:
        """Tell of the run for a report."""
        again = f", {self.again:,} of them published again" if self.again else ""
        size = f"{self.bytes / 1e6:,.1f} MB"
        lines = [f"  archive: {self.files:,} files{again}, {size} in {self.requests:,} requests"]
        if self.checks or self.unchecked:
            missed = f"; {self.unchecked:,} months were not compared" if self.unchecked else ""
            lines.append(
                f"  compared with REST: {self.compared:,} slots in {len(self.checks):,} pages,"
                f" {self.differing:,} differ{missed}"
            )
        lines += [
            f"  {each.symbol}: {each.check.differing:,} of {each.check.slots:,} slots DIFFER from"
            f" REST, the first at {iso(each.check.first)}"
            for each in self.checks
            if each.check.first is not None
        ]
        told = [*(f"  NOT TAKEN: {each.said}" for each in self.troubles)]
        told += [f"  {note}" for note in self.notes]
        lines += told[:_TOLD]
        return [*lines, f"  and {len(told) - _TOLD:,} more"] if len(told) > _TOLD else lines
