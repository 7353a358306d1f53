"""Answers for slots that no stream tells of: from an exchange behind a lake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from marketkit.api.live.rows import rows_of
from marketkit.api.live.slots import Row
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.errors import MarketkitError, UnknownSymbol
from marketkit.exchange.dialect import Priority
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.progress import Progress, Reporter
from marketkit.realtime.look import some
from marketkit.timeframe import Timeframe

_log = logging.getLogger("marketkit.live")


class Source(Protocol):
    """The source of answers: an exchange behind a lake (`GapFiller`), or a past one."""

    lake: Lake
    settle: int

    def plan(
        self, timeframe: Timeframe, spans: Mapping[str, tuple[int, int]]
    ) -> Sequence[CandleRange]:
        """Give the walks that close the lake's gaps; asks nobody."""

    async def fill(self, plan: Sequence[CandleRange], run: FetchRun) -> None:
        """Carry out a plan."""


class Answer(NamedTuple):
    """Candles of a symbol, the young ones first, and the slots that the lake knows now.

    Candles of the lake from before `since` are not among them.
    """

    rows: list[tuple[int, Row]]
    covered: Spans
    since: int


class Unanswered:
    """Symbols that cannot be asked for; an exchange that is away for hours is told of once."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._again: dict[str, float] = {}  # when to ask again

    def refuse(self, failures: Mapping[str, MarketkitError], asked: Iterable[str]) -> None:
        """Raise a failure where all symbols have failed."""
        if failures.keys() == set(asked):
            raise next(iter(failures.values()))

    def waits(self, symbol: str, time: float) -> bool:
        """Say whether a symbol that failed is not to be asked for at `time` yet."""
        return time < self._again.get(symbol, 0.0)

    def put_off(self, failures: Iterable[str], asked: Iterable[str], until: float) -> None:
        """Have those of the symbols `asked` that failed wait, and no other of these."""
        left = {name: time for name, time in self._again.items() if name not in set(asked)}
        self._again = left | dict.fromkeys(failures, until)

    def forgive(self) -> None:
        """Have no symbol wait any longer."""
        self._again.clear()

    def tell(self, answered: Iterable[str], failures: Mapping[str, MarketkitError]) -> None:
        """Log the symbols that fail since now, symbols of one reason together."""
        self._told.difference_update(answered)
        reasons: dict[tuple[int, str], list[str]] = {}
        for symbol in sorted(failures.keys() - self._told):
            failure = failures[symbol]
            # That a market has ended is told by who looks at the market list.
            level = logging.INFO if isinstance(failure, UnknownSymbol) else logging.WARNING
            reasons.setdefault((level, str(failure)), []).append(symbol)
        for (level, reason), symbols in reasons.items():
            _log.log(level, "%s cannot be asked for: %s", some(symbols), reason)
        self._told.update(failures)


@dataclass(frozen=True, slots=True)
class Question:
    """Slots of several symbols, from each one's start to `end`; times ms UTC.

    Candles before `reach` are not read back: they are in the lake, and nobody shows them.
    """

    timeframe: Timeframe
    starts: Mapping[str, int]
    end: int
    reach: int

    async def put(
        self, source: Source, priority: Priority, *, show: bool
    ) -> tuple[dict[str, Answer], dict[str, MarketkitError]]:
        """Ask for candles that the lake lacks; give the answers, and the symbols that failed."""
        run = FetchRun(priority, Reporter(Progress(self._label), show=show))
        try:
            spans = {symbol: (start, self.end) for symbol, start in self.starts.items()}
            plan = await asyncio.to_thread(source.plan, self.timeframe, spans)
            await source.fill(plan, run)
        finally:
            run.reporter.close()
        return await asyncio.to_thread(self._read, source.lake, run), run.failures

    @property
    def _label(self) -> str:
        first, count = next(iter(self.starts)), len(self.starts)
        return f"{first if count == 1 else f'{count} symbols'} {self.timeframe}, live"

    def _read(self, lake: Lake, run: FetchRun) -> dict[str, Answer]:
        """Read of each symbol the candles and the known slots of the lake, from the start on."""
        answered = {name: start for name, start in self.starts.items() if name not in run.failures}
        selection, found = lake.select(answered, self.timeframe), {}
        for symbol, start in answered.items():
            missing = lake.missing(symbol, self.timeframe, start, self.end)
            first = max(start, min(self.reach, self.end - 1))
            stored = rows_of(selection.of([symbol]).read(Span(first, self.end)))
            young = [row for frame in run.young.get(symbol, ()) for row in rows_of(frame)]
            known = Spans([(start, self.end)]) - missing
            found[symbol] = Answer([*young, *stored], known, first)
        return found
