"""Candles without a seam: lake, exchange and stream as one frame that goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl

from marketkit.api.live.rows import Final, candle_frame
from marketkit.api.live.slots import SlotTracker
from marketkit.api.live.stitcher import Stitcher
from marketkit.coverage import Span
from marketkit.data.lake.lake import Lake
from marketkit.net import fork
from marketkit.notebook import words
from marketkit.realtime.handle import EventHandle
from marketkit.realtime.look import moment
from marketkit.schema import CANDLE, STATE
from marketkit.timeframe import Timeframe

F = TypeVar("F")  # the type of its frames


class Live(EventHandle[F]):
    """Candles of some symbols that keep up with the exchange, until `close`.

    `frame` has every candle of the last `history` and the forming one, without a missing and
    without a double slot at any moment: while something is not known it ends before it. Iterating,
    with `for` or `async for`, gives frames of candles as they become final, as do callbacks (`on`);
    one that changes later comes again. Final candles go into the lake with their proof, the last
    ones at `close`, which raises what keeps them out of it. A market that ends leaves `symbols`
    and `frame`, its candles stay in the lake, and `interruptions` names it; others go on.
    """

    def __init__(
        self,
        stitcher: Stitcher,
        lake: Lake,
        clock: Callable[[], int],
        history: int,
        shape: Callable[[pl.DataFrame], F],
    ) -> None:
        super().__init__(stitcher, stitcher.broadcast, _finals(shape))
        self.timeframe: Timeframe = stitcher.timeframe
        self._stitcher = stitcher
        self._lake = lake
        self._clock = clock
        self._history = history
        self._shape = shape
        self._read: tuple[int, int, pl.DataFrame] | None = None

    @property
    def frame(self) -> F:
        """The candles of `schema.CANDLE`: `closed` ones are final, others may still change."""
        fork.check()
        trackers = list(self._stitcher.trackers.values())
        start = self.timeframe.floor(self._clock() - self._history)
        # What is young first: a candle on its way into the lake must be in one of the two.
        young = _young(trackers)
        limits = _limits(trackers)
        rows = pl.concat([young, self._stored(start)])
        joined = rows.unique(["symbol", "time"], keep="first").join(limits, on="symbol")
        time = pl.col("time").dt.epoch("ms")
        kept = joined.filter(time >= start, time < pl.col("until"))
        state = (
            pl.when(time < pl.col("watermark")).then(pl.lit("closed")).otherwise(pl.lit("forming"))
        )
        whole = kept.with_columns(state=state.cast(STATE)).select(*CANDLE)
        return self._shape(whole.sort("symbol", "time"))

    @property
    def watermark(self) -> datetime:
        """The moment before which every candle of every symbol is final."""
        return datetime.fromtimestamp(self._stitcher.members.watermark / 1000, UTC)

    @property
    def incidents(self) -> pl.DataFrame:
        """The older name of `interruptions`."""
        return self.interruptions

    def _title(self) -> str:
        return f"Live {self.timeframe} of {self._whose()}"

    def _running(self) -> str:
        return f"final until {moment(self._stitcher.members.watermark, self.tz)}"

    def _details(self) -> str:
        lasting = sum(
            each.closed is None and each.failure is None for each in self._stitcher.interruptions
        )
        return f", {lasting} interruptions open" if lasting else ""

    def _facts(self) -> dict[str, str]:
        young = sum(len(each.rows) for each in self._stitcher.trackers.values())
        behind = max(0, self._clock() - self._stitcher.members.watermark) / 1000
        return {
            "history": f"the last {words.age(self._history / 1000)}",
            "behind": f"{words.age(behind)} from what is final to now",
            "in memory": f"{young:,} candles",
            "events": f"{self._broadcast.events:,}",
        }

    def _stored(self, start: int) -> pl.DataFrame:
        """Read the lake's candles from `start` on, once for as long as nothing is added."""
        saved = self._stitcher.saved
        if self._read is None or self._read[0] != saved or self._read[1] > start:
            found = self._lake.select(self.symbols, self.timeframe)
            ahead = self.timeframe.shift(self._clock(), 2)
            self._read = saved, start, found.read(Span(start, ahead))
        return self._read[2]


def _finals(shape: Callable[[pl.DataFrame], F]) -> Callable[[Sequence[Final]], F]:
    """Make the function that lays final candles out; the series is no part of that."""

    def framed(events: Sequence[Final]) -> F:
        rows = candle_frame((each.symbol, each.time, each.row) for each in events)
        closed = rows.with_columns(state=pl.lit("closed", dtype=STATE))
        # The last word on a slot is the one that counts.
        once = closed.unique(["symbol", "time"], keep="last").sort("symbol", "time")
        return shape(once)

    return framed


def _young(trackers: Sequence[SlotTracker]) -> pl.DataFrame:
    # Candles come meanwhile on the engine's loop: a copy is one step, going through items is not.
    rows = ((each.symbol, each.rows.copy()) for each in trackers)
    return candle_frame((symbol, time, row) for symbol, own in rows for time, row in own.items())


def _limits(trackers: Sequence[SlotTracker]) -> pl.DataFrame:
    rows = [(each.symbol, each.until, each.watermark) for each in trackers]
    return pl.DataFrame(
        rows, {"symbol": pl.String(), "until": pl.Int64(), "watermark": pl.Int64()}, orient="row"
    )
