"""Candles without a seam: lake, exchange and stream as one frame that goes on by itself."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, Self, TypeVar

import polars as pl

from marketkit import schema
from marketkit.api.live.slots import SlotTracker
from marketkit.api.live.stitcher import Final, Stitcher
from marketkit.coverage import Span
from marketkit.data.lake.lake import Lake
from marketkit.errors import EngineClosed
from marketkit.net.engine import engine
from marketkit.notebook import frame as display
from marketkit.realtime.consumers import Consumer, Queue, pauses
from marketkit.schema import CANDLE, ROW, STATE, TIME
from marketkit.timeframe import Timeframe

INCIDENT: schema.Schema = {
    "start": TIME,
    "end": TIME,
    "reason": pl.String(),
    "closed": TIME,
    "how": pl.String(),
}


F = TypeVar("F")  # the type of its frames


class Live(Generic[F]):
    """Candles of some symbols that keep up with the exchange, until `close`.

    `frame` has every candle of the last `history` and the forming one, without a missing and
    without a double slot at any moment: while something is not known it ends before it. Iterating,
    with `for` or `async for`, gives frames of candles as they become final; one that changes later
    comes again. Final candles go into the lake with their proof.
    """

    def __init__(
        self,
        seam: Stitcher,
        lake: Lake,
        clock: Callable[[], int],
        history: int,
        shape: Callable[[pl.DataFrame], F],
    ) -> None:
        self.timeframe: Timeframe = seam.timeframe
        self.symbols = tuple(seam.edges)
        self._seam = seam
        self._lake = lake
        self._clock = clock
        self._history = history
        self._shape = shape
        self._read: tuple[int, int, pl.DataFrame] | None = None
        self._end = weakref.finalize(self, _close_soon, seam)
        self._end.atexit = False

    @property
    def frame(self) -> F:
        """The candles of `schema.CANDLE`: `closed` ones are final, others may still change."""
        edges = list(self._seam.edges.values())
        start = self.timeframe.floor(self._clock() - self._history)
        # What is young first: a candle on its way into the lake must be in one of the two.
        young = _young(edges)
        limits = _limits(edges)
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
        final = min(edge.watermark for edge in self._seam.edges.values())
        return datetime.fromtimestamp(final / 1000, UTC)

    @property
    def incidents(self) -> pl.DataFrame:
        """Every time of which something was missing or wrong: when, why, when and how mended."""
        rows = [
            (each.start, each.end, each.reason, each.closed, each.how)
            for each in list(self._seam.incidents)
        ]
        raw = {name: pl.Int64() if kind == TIME else kind for name, kind in INCIDENT.items()}
        return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(INCIDENT))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._end.alive

    def show(self, seconds: float | None = None) -> None:
        """Show `frame` and keep it up to date: under the cell of a notebook, elsewhere as text.

        Returns after `seconds`, when the series ends, or at the kernel's interrupt (Ctrl-C).
        """
        with pauses(self._seam.fan) as pause:
            display.show(self, pause, seconds)

    def close(self) -> None:
        """Let go of the streams, after what is proved is in the lake; iterations end."""
        if self._end.detach() is not None:
            engine().run(self._seam.close())

    async def aclose(self) -> None:
        """Let go of the streams, after what is proved is in the lake; the twin of `close`."""
        if self._end.detach() is not None:
            await engine().arun(self._seam.close())

    def __iter__(self) -> Consumer:
        return Consumer(self, self._seam.fan, Queue(), self._framed)

    def __aiter__(self) -> Consumer:
        return iter(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        what = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols"
        state = "closed" if self.closed else f"final until {self.watermark:%Y-%m-%d %H:%M:%S} UTC"
        open_ = sum(each.closed is None for each in list(self._seam.incidents))
        trouble = f", {open_} incidents open" if open_ else ""
        return f"<Live {self.timeframe} of {what}: {state}{trouble}>"

    def _framed(self, events: Sequence[Final]) -> F:
        rows = [(each.symbol, each.time, *each.row[:-1]) for each in events]
        closed = _frame(rows).with_columns(state=pl.lit("closed", dtype=STATE))
        # The last word on a slot is the one that counts.
        once = closed.unique(["symbol", "time"], keep="last").sort("symbol", "time")
        return self._shape(once)

    def _stored(self, start: int) -> pl.DataFrame:
        """Read what the lake has from `start` on, once for as long as nothing is added."""
        saved = self._seam.saved
        if self._read is None or self._read[0] != saved or self._read[1] > start:
            found = self._lake.select(self.symbols, self.timeframe)
            ahead = self.timeframe.shift(self._clock(), 2)
            self._read = saved, start, found.read(Span(start, ahead))
        return self._read[2]


def _young(edges: Sequence[SlotTracker]) -> pl.DataFrame:
    return _frame(
        [(edge.symbol, time, *row[:-1]) for edge in edges for time, row in list(edge.rows.items())]
    )


def _limits(edges: Sequence[SlotTracker]) -> pl.DataFrame:
    rows = [(edge.symbol, edge.until, edge.watermark) for edge in edges]
    return pl.DataFrame(
        rows, {"symbol": pl.String(), "until": pl.Int64(), "watermark": pl.Int64()}, orient="row"
    )


def _frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    raw = {**ROW, "time": pl.Int64()}
    return pl.DataFrame(rows, raw, orient="row").with_columns(pl.col("time").cast(TIME))


def _close_soon(seam: Stitcher) -> None:
    with contextlib.suppress(EngineClosed, RuntimeError):
        engine().submit(seam.close())
