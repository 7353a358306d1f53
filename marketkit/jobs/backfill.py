"""A backfill as one piece of work: close gaps of many symbols, count what every slot is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.errors import InputError
from marketkit.exchange.paging import CandleRange
from marketkit.jobs.job import Report
from marketkit.jobs.plan import lanes, spread, walks
from marketkit.jobs.runner import Run, fill
from marketkit.lake.lake import Lake
from marketkit.lake.store import Tally
from marketkit.net.transport import Transport
from marketkit.timeframe import DAY, HOUR, MINUTE, WEEK, Timeframe

_WINDOW = re.compile(r"([0-9]{1,6})([mhdw])")
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}


class Filler:
    """Closes gaps of a lake from an exchange.

    `settle` is the age in milliseconds below which a closed candle is shown but not kept.
    """

    def __init__(self, lake: Lake, transport: Transport, settle: int) -> None:
        self.lake = lake
        self.transport = transport
        self.settle = settle

    def plan(
        self,
        timeframe: Timeframe,
        spans: Mapping[str, tuple[int, int]],
        *,
        again: tuple[int, int] = (0, 0),
    ) -> list[CandleRange]:
        """Give the walks that close what the lake lacks of each symbol's span; asks nobody.

        Covered slots in `again` are asked, too, to see whether what is known of them still holds.
        """
        wanted = {}
        for symbol, (start, end) in spans.items():
            gaps = self.lake.missing(symbol, timeframe, start, end)
            covered = self.lake.covered(symbol, timeframe).clip(*again)
            wanted[symbol] = gaps | covered.clip(timeframe.ceil(start), timeframe.ceil(end))
        return self.walks(timeframe, wanted)

    def walks(self, timeframe: Timeframe, gaps: Mapping[str, Spans]) -> list[CandleRange]:
        """Give the walks that close gaps of symbols, cut so that all lanes have work."""
        plan: list[CandleRange] = []
        for symbol, missing in gaps.items():
            plan += walks(symbol, timeframe, missing, settle=self.settle)
        return spread(plan, self._lanes)

    async def close(self, plan: Sequence[CandleRange], run: Run) -> None:
        """Carry out a plan, as many walks side by side as the exchange's latency asks for."""
        if not plan:
            return
        await asyncio.to_thread(self.lake.require_writable)
        lanes = max(2, self._lanes)
        # All of a plan that is only a little wider than needed: then its walks end together.
        side_by_side = len(plan) if len(plan) <= 2 * lanes else lanes
        await fill(self.lake, self.transport, plan, run, side_by_side=side_by_side)

    def until(self, timeframe: Timeframe, end: int | None) -> int:
        """Give the end to fill to: the caller's, or that of the newest final slot."""
        return timeframe.floor(self.transport.now() - self.settle) if end is None else end

    @property
    def _lanes(self) -> int:
        return lanes(self.transport.limit("candles"), self.transport.round_trip)


async def backfill(
    filler: Filler,
    names: Sequence[str],
    timeframe: Timeframe,
    span: tuple[int, int],
    run: Run,
    *,
    verify: int = 0,
) -> Report:
    """Fill `span` for the symbols `names` and say what every slot of it is now.

    The last `verify` milliseconds of it that can be final are asked even where they are covered.
    """
    last = timeframe.ceil(min(span[1], filler.until(timeframe, None)))
    again = Span(timeframe.floor(max(0, last - verify)), last)
    plan = await asyncio.to_thread(filler.plan, timeframe, dict.fromkeys(names, span), again=again)
    await filler.close(plan, run)
    tally = await asyncio.to_thread(_tally, filler.lake, names, timeframe, Span(*span))
    return Report(
        symbols=tuple(names),
        timeframe=timeframe,
        start=span[0],
        end=span[1],
        **tally._asdict(),
        requests=run.requests,
        rows=run.rows,
        revisions=run.revisions,
        seconds=run.reporter.progress.seconds,
        failures=run.failures,
    )


def parse_window(window: str) -> int:
    """Give the milliseconds of a length of time a caller names. Raises `InputError`.

    >>> parse_window("12h") == 12 * 3_600_000
    True
    """
    found = _WINDOW.fullmatch(window) if isinstance(window, str) else None
    if found is None or not (length := int(found[1]) * _UNITS[found[2]]):
        raise InputError(
            f"not a length of time: {window!r} (expected one such as 30m, 12h, 1d, 2w)"
        )
    return length


def _tally(lake: Lake, names: Sequence[str], timeframe: Timeframe, span: Span) -> Tally:
    """Count the slots of all symbols by what they are."""
    found = lake.select(names, timeframe)
    return Tally(*map(sum, zip(*(found.tally(name, span) for name in names), strict=True)))


def counts(coverage: pl.DataFrame) -> pl.DataFrame:
    """Add the spans of a coverage up to one row a series, with a column of slots for each state."""
    slots = pl.col("slots")
    states = coverage.schema["state"].categories.to_list()  # type: ignore[attr-defined]
    return coverage.group_by("symbol", "timeframe", maintain_order=True).agg(
        pl.col("start").min(),
        pl.col("end").max(),
        slots.sum(),
        *(slots.filter(pl.col("state") == state).sum().alias(state) for state in states),
    )
