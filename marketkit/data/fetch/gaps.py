"""Gaps of a lake are closed: walks are planned, and as many as need be go side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from marketkit.coverage import Spans
from marketkit.data.fetch.plan import lanes, spread, walks
from marketkit.data.fetch.walks import FetchRun, walk_all
from marketkit.data.lake.lake import Lake
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.net.transport import Transport
from marketkit.timeframe import Timeframe


class GapFiller:
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
        """Give the walks that close the gaps in each symbol's span; asks nobody.

        Known slots in `again` are asked, too, to see whether what is known of them still holds.
        """
        wanted = {
            symbol: self.gaps(symbol, timeframe, span, again) for symbol, span in spans.items()
        }
        return self.walks(timeframe, wanted)

    def gaps(
        self,
        symbol: str,
        timeframe: Timeframe,
        span: tuple[int, int],
        again: tuple[int, int] = (0, 0),
        *,
        absent: bool = False,
    ) -> Spans:
        """Give the gaps in a symbol's span, and the slots that are to be asked `again`.

        Those may be covered, or from before the beginning that the lake knows; with `absent` all
        from before that beginning are asked again.
        """
        start, end = map(timeframe.ceil, span)
        asked = Spans([again]).clip(start, end)
        if absent:
            known = Spans([(start, self.lake.nothing_before(symbol, timeframe) or 0)])
            asked |= known.clip(start, end) - self.lake.covered(symbol, timeframe)
        return self.lake.missing(symbol, timeframe, *span) | asked

    def walks(self, timeframe: Timeframe, gaps: Mapping[str, Spans]) -> list[CandleRange]:
        """Give the walks that close gaps of symbols, cut so that all lanes have work."""
        plan: list[CandleRange] = []
        for symbol, missing in gaps.items():
            plan += walks(symbol, timeframe, missing, settle=self.settle)
        return spread(plan, self.lanes)

    async def fill(self, plan: Sequence[CandleRange], run: FetchRun) -> None:
        """Carry out a plan, as many walks side by side as the exchange's latency asks for."""
        if not plan:
            return
        await asyncio.to_thread(self.lake.require_writable)
        lanes = max(2, self.lanes)
        # All of a plan that is only a little wider than needed: then its walks end together.
        side_by_side = len(plan) if len(plan) <= 2 * lanes else lanes
        await walk_all(self.lake, self.transport, plan, run, side_by_side=side_by_side)

    def until(self, timeframe: Timeframe, end: int | None) -> int:
        """Give the end to fill to: the caller's, or that of the newest final slot."""
        return timeframe.floor(self.transport.now() - self.settle) if end is None else end

    @property
    def lanes(self) -> int:
        """How many walks must run side by side for the latency seen so far."""
        return lanes(self.transport.limit("candles"), self.transport.round_trip)
