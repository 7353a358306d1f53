"""Backfill requests in the one spelling that names their jobs, and their tasks; pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import msgspec

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import check_source
from marketkit.data.lake.trades.day import KIND
from marketkit.exchange.upbit.rest import PAGE
from marketkit.timeframe import Timeframe, iso, parse_timeframe

Order = Literal["newest", "oldest", "symbols"]

BLOCK = 100 * PAGE  # slots of a task: ten seconds of work, and few tasks in a history of years
_LEAST = 10 * PAGE  # slots of a task; each costs half a page more than its share of a long walk


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The candles or trades a job is to bring: all that is asked for, not only the missing ones.

    `symbols` are as the caller named them (a glob stays one), sorted; `end=None` is the newest
    final candle, whenever the job is run.
    """

    source: str
    symbols: tuple[str, ...]
    timeframe: str
    start: int
    end: int | None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a request from the text of `write`. Raises `ValueError` for any other."""
        try:
            fields = json.loads(text)
            found = cls(**{**fields, "symbols": tuple(map(str, fields["symbols"]))})
            check_source(found.source)
            if found.timeframe != KIND:
                parse_timeframe(found.timeframe)
            if found.symbols and found.write() == text:
                iso(found.start)
                iso(found.start if found.end is None else found.end)
                return found
        except (KeyError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"{text[:80]!r} is no backfill: {error!r}") from error
        raise ValueError(f"{text[:80]!r} is no backfill")

    def write(self) -> str:
        """Spell the request as JSON, always alike."""
        return json.dumps(msgspec.to_builtins(self), sort_keys=True)

    @property
    def id(self) -> str:
        """Name the job: the same request is the same job, in any process, on any day."""
        return hashlib.sha256(self.write().encode()).hexdigest()[:10]

    @property
    def label(self) -> str:
        """Name the job in short."""
        count = len(self.symbols)
        return f"{self.symbols[0] if count == 1 else f'{count} symbols'} {self.timeframe}"

    def __str__(self) -> str:
        end = "now" if self.end is None else _brief(self.end)
        return f"{self.label} {_brief(self.start)} to {end}"


class Task(NamedTuple):
    """A piece of a job that one process does at a time: a symbol's slots in `[start, end)`.

    It lies in the block of the symbol's history whose first slot is `block`, counted from 1970;
    `slots` were not known when it was planned.
    """

    symbol: str
    block: int
    start: int
    end: int
    slots: int


class Grid(NamedTuple):
    """Where a history is cut into blocks: every `slots`, counted from `origin` (ms UTC).

    As a rule that is where the clock puts the cuts, not where the gaps do: so the tasks
    of jobs that overlap are the same pieces of history.
    """

    origin: int = 0
    slots: int = BLOCK

    @classmethod
    def of_chunks(cls, start: int, chunk: int) -> Self:
        """Cut so that a chunk of `chunk` slots from `start` on is there when the tasks are done."""
        if chunk < _LEAST:
            return cls(start, -(-_LEAST // chunk) * chunk)
        return cls(start, -(-chunk // -(-chunk // BLOCK)))


def tasks(symbol: str, timeframe: Timeframe, gaps: Spans, grid: Grid = Grid()) -> list[Task]:  # noqa: B008 - a constant
    """Cut gaps into tasks, the newest first."""
    blocks: dict[int, list[Span]] = {}
    for block, part in (pair for gap in gaps for pair in _cut(timeframe, gap, grid)):
        blocks.setdefault(block, []).append(part)
    return [
        Task(symbol, block, parts[0].start, parts[-1].end, timeframe.count_all(parts))
        for block, parts in sorted(blocks.items(), reverse=True)
    ]


def in_order(several: Iterable[Task], order: Order) -> list[Task]:
    """Put the tasks of all symbols in the order of the work."""
    if order == "symbols":
        return sorted(several, key=lambda task: (task.symbol, -task.end))
    if order == "oldest":
        return sorted(several, key=lambda task: (task.start, task.symbol))
    return sorted(several, key=lambda task: (-task.end, task.symbol))


def _cut(timeframe: Timeframe, gap: Span, grid: Grid) -> Iterator[tuple[int, Span]]:
    start = gap.start
    while start < gap.end:
        slot = timeframe.count(grid.origin, start) % grid.slots
        block, left = timeframe.count(0, start) - slot, grid.slots - slot
        whole = timeframe.count(start, gap.end) <= left
        end = gap.end if whole else timeframe.shift(start, left)
        yield block, Span(start, end)
        start = end


def _brief(time: int) -> str:
    return iso(time).removesuffix("T00:00:00Z")


class Work(NamedTuple):
    """The work done of a task: slots answered for, requests and rows that took."""

    slots: int = 0
    requests: int = 0
    rows: int = 0


class Lease(NamedTuple):
    """A task leased by this process, the count of failures, and the work done before."""

    task: Task
    attempts: int
    before: Work


class Totals(NamedTuple):
    """All tasks of a job together: slots asked for and answered, work done, tasks left."""

    slots: int
    done: int
    requests: int
    rows: int
    open: int
    leased: int


class Heartbeat(NamedTuple):
    """The answer to a beat: totals if asked for, a command, leases that were lost."""

    totals: Totals | None
    command: str | None
    lost: list[Task]
