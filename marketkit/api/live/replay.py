"""Recordings and lakes as exchanges of the past: tapes of their streams, and their answers."""

from __future__ import annotations

import asyncio
import shutil
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from marketkit import symbols as naming
from marketkit.api.live.slots import JOIN_MARGIN
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.plan import walks
from marketkit.data.fetch.walks import FetchRun
from marketkit.data.lake.lake import Lake
from marketkit.disk import make_temporary
from marketkit.errors import InputError, NotCovered
from marketkit.exchange.upbit.channels import timeframe_of
from marketkit.exchange.upbit.proof import CandleRange
from marketkit.recording import files
from marketkit.recording.rows import Heard
from marketkit.recording.tape import RecordedTape, Tape, TapeMoment, make_candle
from marketkit.settings import given_path
from marketkit.timeframe import Timeframe, iso
from marketkit.window import Instant, window_of

Symbols = str | Sequence[str]


def open_tape(
    replay: str | Path | Lake,
    symbols: list[str],
    channel: str,
    span: tuple[Instant | None, Instant | None],
    *,
    source: str,
) -> tuple[Tape, list[str]]:
    """Open the tape that `replay` names, and find the symbols that are meant.

    `source` is the source of a lake that is named by its folder. Raises `UnknownSymbol`, and
    `InputError` for what is neither recording nor lake or has nothing of the channel.
    """
    window = window_of(*span)
    folder = None if isinstance(replay, Lake) else given_path(replay, "replay")
    if folder is not None and files.channels(folder):
        tape: Tape = RecordedTape(folder, window)
        names = naming.resolve(symbols, tape.symbols)
    else:
        lake = replay if isinstance(replay, Lake) else Lake(replay, source=source)
        if not channel.startswith("candle."):
            raise InputError(f"{replay} is no recording, and a lake has no channel {channel!r}")
        timeframe = timeframe_of(channel)
        known = lake.catalog().filter(pl.col("timeframe") == timeframe.name)["symbol"].to_list()
        names = naming.resolve(symbols, known)
        tape = LakeTape(lake, names, timeframe, window)
    tape.check(channel)
    return tape, names


class Past:
    """An exchange of the past, as far as a lake knows the answers.

    It answers with the candles of `source` that were closed by the time of `clock`, and keeps them
    in a lake of its own, which goes with it: a replay changes nothing.
    """

    def __init__(self, source: Lake, tape: Tape, clock: Callable[[], int], settle: int) -> None:
        folder = make_temporary("replay")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.lake = Lake(folder, source=source.source)
        self.settle = settle
        self._source = source
        self._tape = tape
        self._clock = clock

    def plan(
        self, timeframe: Timeframe, spans: Mapping[str, tuple[int, int]]
    ) -> Sequence[CandleRange]:
        """Give the walks that close this lake's gaps."""
        return [
            walk
            for symbol, span in spans.items()
            for walk in walks(
                symbol,
                timeframe,
                self.lake.missing(symbol, timeframe, *span),
                settle=self.settle,
            )
        ]

    async def fill(self, plan: Sequence[CandleRange], run: FetchRun) -> None:
        """Answer a plan; a symbol of which something is known to nobody has failed."""
        now = self._clock()
        for walk in plan:
            await asyncio.to_thread(self._answer, walk, run, now)

    def _answer(self, walk: CandleRange, run: FetchRun, now: int) -> None:
        closed = Span(walk.start, max(walk.start, min(walk.end, walk.timeframe.floor(now))))
        known = self._source.covered(walk.symbol, walk.timeframe).clip(*closed)
        if known:
            selection = self._source.select([walk.symbol], walk.timeframe)
            rows = pl.concat([selection.read(span) for span in known])
            self.lake.append(walk.symbol, walk.timeframe, rows, known, seen_at=now)
        for start, end in self._tape.missing_of(walk.symbol) & known.gaps(*closed):
            run.failures[walk.symbol] = NotCovered(
                f"{self._tape.name} may lack messages of {walk.symbol} from {iso(start)} to"
                f" {iso(end)}, and {self._source} has no {walk.timeframe} candles of that time:"
                " backfill them and replay again"
            )


def first_slots(
    tape: Tape, channel: str, names: Sequence[str], source: Lake, history: int
) -> dict[str, int]:
    """Give, of each symbol, the first slot that a live series over a tape can know for certain.

    That is one the lake knows, if it knows all from there to the first that the tape tells whole.
    """
    timeframe, first = timeframe_of(channel), {}
    begins = tape.begins(channel, names)
    for symbol in names:
        whole = timeframe.next(begins.get(symbol, tape.window.start) + JOIN_MARGIN)
        far = timeframe.floor(max(0, tape.window.start - history))
        spans = list(source.covered(symbol, timeframe).clip(far, whole))
        first[symbol] = spans[-1].start if spans and spans[-1].end == whole else whole
    return first


_SLOTS = 2_000  # of a lake's series in memory at once, of hundreds of symbols


class LakeTape(Tape):
    """The candles of a lake, each at the end of a slot; never-asked slots are interruptions."""

    def __init__(
        self, lake: Lake, symbols: Sequence[str], timeframe: Timeframe, window: Span
    ) -> None:
        known = [lake.covered(symbol, timeframe).clip(*window) for symbol in symbols]
        hulls = [spans.hull for spans in known]
        if not hulls or None in hulls:
            raise InputError(f"{lake} has no {timeframe} candles of {' '.join(symbols)} there")
        start = max(hull.start for hull in hulls if hull is not None)
        end = max(hull.end for hull in hulls if hull is not None)
        gaps = Spans(gap for spans in known for gap in spans.gaps(start, end))
        reason = "nobody asked the exchange"
        breaks = [TapeMoment(gap.start, None, gap.start, reason) for gap in gaps]
        self.lake = self._lake = lake
        self._timeframe = timeframe
        super().__init__(f"{lake}", Span(start, end), breaks, gaps, list(symbols))

    def check(self, channel: str) -> None:
        """Raise `InputError` for a channel that the tape does not have."""
        if not channel.startswith("candle.") or timeframe_of(channel) != self._timeframe:
            raise InputError(f"a lake can play candles again, not the channel {channel!r}")

    def messages(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        """Give the candles, each at the end of a slot."""
        self.check(channel)
        selection = self._lake.select(symbols, self._timeframe)
        at, end = self.window
        while at < end:
            until = min(self._timeframe.shift(at, _SLOTS), end)
            rows = selection.read(Span(at, until)).sort("time", "symbol")
            for symbol, time, *numbers in rows.with_columns(
                pl.col("time").dt.epoch("ms")
            ).iter_rows():
                last = self._timeframe.next(time) - 1
                yield Heard(last, make_candle(channel, symbol, time, numbers, last))
            at = until

    @property
    def until(self) -> int:
        """The end of the lake's known slots."""
        return self.window.end

    def begins(self, channel: str, symbols: Collection[str]) -> dict[str, int]:
        """Give when the tape begins, for the lake knows every slot from there on."""
        self.check(channel)
        return dict.fromkeys(symbols, self.window.start)
