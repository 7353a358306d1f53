"""The report of a backfill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marketkit.data.fetch.archive.run import ArchiveRun
from marketkit.errors import LakeError, MarketkitError
from marketkit.progress import clock
from marketkit.timeframe import Timeframe, iso


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """The result of a backfill: the state of every slot asked for.

    `traded + empty + absent + unknown` is the number of slots of `[start, end)` of all symbols:
    with a candle, proved to have none, outside of what the exchange has (before the listing, or
    past the retention of `1s`), and never answered. `rows` are candles that are new or changed,
    `revisions` numbers that were known and that the exchange gives differently now (see
    `lake.revisions()`). `unconfirmed` are the symbols with absent slots of which one answer alone
    said so, to an older marketkit (see `lake.catalog()`). `archive` tells of the files that were
    taken in: their count and size, those that were not, and the pages of REST that were compared.
    """

    symbols: tuple[str, ...]
    timeframe: Timeframe
    start: int
    end: int
    traded: int
    empty: int
    absent: int
    unknown: int
    requests: int
    rows: int
    revisions: int
    seconds: float
    failures: Mapping[str, MarketkitError]
    unconfirmed: tuple[str, ...] = ()
    archive: ArchiveRun | None = None

    @property
    def slots(self) -> int:
        """All slots asked for."""
        return self.traded + self.empty + self.absent + self.unknown

    @property
    def complete(self) -> bool:
        """Whether every slot is answered for, by what the archive has now where that was asked."""
        is_stale = self.archive is not None and bool(self.archive.stale)
        return not (self.unknown or self.failures or is_stale)

    def __repr__(self) -> str:
        many = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        end = "complete" if self.complete else "INCOMPLETE"
        lines = [
            f"backfill of {many} {self.timeframe}, {iso(self.start)} to {iso(self.end)}: {end}",
            (
                f"  {self.slots:,} slots = {self.traded:,} traded + {self.empty:,} proved empty"
                f" + {self.absent:,} not on the exchange + {self.unknown:,} unknown"
            ),
            f"  {self.requests:,} requests, {self.rows:,} candles written in {clock(self.seconds)}",
        ]
        lines += [] if self.archive is None else self.archive.lines()
        if self.revisions:
            lines.append(f"  {self.revisions:,} numbers REVISED: see lake.revisions()")
        if self.unconfirmed:
            first, *more = self.unconfirmed
            names = f"{first} and {len(more)} more" if more else first
            lines.append(f"  the beginning of {names} rests on ONE answer: recheck=True asks again")
        lines += [f"  {symbol}: {failure}" for symbol, failure in self.failures.items()]
        return "\n".join(lines)


def refuse_if_all_broken(names: Sequence[str], failures: Mapping[str, MarketkitError]) -> None:
    """Raise the lake's failure of the first symbol where each has one: there is no other news."""
    broken = [failures[name] for name in names if name in failures]
    if broken and len(broken) == len(names) and all(isinstance(x, LakeError) for x in broken):
        raise broken[0]
