"""Tapes of replays: recorded messages, or a lake's candles, in the order of time."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.exchange.upbit.channels import timeframe_of
from marketkit.exchange.upbit.messages import Candle, Message, Trade, candle_of, spell_slot
from marketkit.realtime.candles import TradeCandles
from marketkit.recording import files, journal
from marketkit.recording.reader import interruptions, recorded_channel, scan_recording
from marketkit.recording.rows import Heard, to_messages, whole
from marketkit.schema import NUMBERS
from marketkit.window import EVER

_BATCH = 50_000  # rows in memory at once: some ten megabytes


class TapeMoment(NamedTuple):
    """A moment of a tape: a message, or news that messages after `until` may be missing.

    Those of one `symbol`, or of all where that is empty. Times are ms UTC.
    """

    at: int
    message: Message | None
    until: int = 0
    reason: str = ""
    symbol: str = ""


class Tape(ABC):
    """The messages of some streams within a span of time, and the interruptions."""

    def __init__(
        self,
        name: str,
        window: Span,
        interruptions: Iterable[TapeMoment],
        missing: Spans,
        symbols: list[str],
    ) -> None:
        self.name = name
        self.window = window
        self.missing = missing  # when it may lack messages
        self.symbols = symbols
        self.interruptions = [
            each for each in interruptions if window.start <= each.at < window.end
        ]

    def missing_of(self, symbol: str) -> Spans:
        """Give when messages of a symbol may be missing."""
        del symbol
        return self.missing

    lake: Lake | None = None  # what answers questions beside the tape, where the tape knows

    @property
    def until(self) -> int:
        """The time of the end, where that is not just the last message's."""
        return 0

    @abstractmethod
    def messages(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        """Give the messages of a channel in the order of arrival. Raises `InputError`."""

    @abstractmethod
    def check(self, channel: str) -> None:
        """Raise `InputError` for a channel that the tape does not have."""

    @abstractmethod
    def begins(self, channel: str, symbols: Collection[str]) -> dict[str, int]:
        """Give when the first message of each symbol came."""

    def play(self, wanted: dict[str, set[str]]) -> Iterator[TapeMoment]:
        """Give all that happens to some streams in order, interruptions of a moment first."""
        told = [
            (TapeMoment(at, message) for at, message in self.messages(channel, symbols))
            for channel, symbols in sorted(wanted.items())
        ]
        return heapq.merge(self.interruptions, *told, key=lambda moment: moment.at)


class RecordedTape(Tape):
    """A recording. Candles that were not recorded are added up from trades that were.

    A damaged file ends it with `CorruptFile`: nobody would see the hole. Mended, it has one.
    """

    def __init__(self, root: Path, window: Span) -> None:
        found = files.channels(root)
        if not found:
            raise InputError(f"{root} is no recording")
        self._root = root
        self._channels = found
        notes = journal.read(root)
        broken = interruptions([note for note in notes if not _of_one(note)])
        breaks = [TapeMoment(_noticed(notes, start), None, start, why) for start, _, why in broken]
        missing = Spans((start, EVER.end if end is None else end) for start, end, _ in broken)
        self._torn: dict[str, Spans] = {}
        for note in filter(_of_one, notes):
            (symbol,) = {name for several in note.streams.values() for name in several}
            since = note.at if note.until is None else note.until
            breaks.append(TapeMoment(note.at, None, since, note.reason, symbol))
            known = self._torn.get(symbol, Spans())
            self._torn[symbol] = known | Spans([(since, note.at + 1)])
        breaks.sort(key=lambda moment: moment.at)
        began = [note for note in notes if note.what == "began"]
        start = max(window.start, min((note.at for note in began), default=window.start))
        heard = [*began, *(note for note in notes if note.what == "joined")]
        names = {name for note in heard for several in note.streams.values() for name in several}
        span = Span(start, max(start, window.end))
        super().__init__(f"the recording {root}", span, breaks, missing, sorted(names))

    def missing_of(self, symbol: str) -> Spans:
        """Give when messages of a symbol may be missing."""
        return self.missing | self._torn.get(symbol, Spans())

    def check(self, channel: str) -> None:
        """Raise `InputError` for a channel that the tape does not have."""
        if not self._from_trades(channel):
            recorded_channel(self._root, channel)

    def messages(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        """Give the messages of a channel in the order of arrival."""
        if self._from_trades(channel):
            return _add_up(self._recorded("trade", symbols), channel)
        return self._recorded(channel, symbols)

    def begins(self, channel: str, symbols: Collection[str]) -> dict[str, int]:
        """Give when the first message of each symbol came."""
        name = "trade" if self._from_trades(channel) else channel
        with ExitStack() as stack:
            rows = scan_recording(self._root, name, self.window, stack, whole=True)
            if rows is None:
                return {}
            firsts = rows.group_by("symbol").agg(pl.col("received").min().dt.epoch("ms")).collect()
        return {symbol: first for symbol, first in firsts.iter_rows() if symbol in symbols}

    def _from_trades(self, channel: str) -> bool:
        if not channel.startswith("candle.") or "trade" not in self._channels:
            return False
        return not files.hours(self._root, channel)

    def _recorded(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        for hour in files.hours(self._root, channel):
            with ExitStack() as stack:
                window = _clip(hour.span, self.window)
                rows = scan_recording(self._root, channel, window, stack, whole=True)
                if rows is None:
                    continue
                yield from _told(channel, rows.filter(pl.col("symbol").is_in(list(symbols))))


def _told(channel: str, rows: pl.LazyFrame) -> Iterator[Heard]:
    """Make rows messages, some at a time."""
    rest: pl.DataFrame | None = None
    for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=True):
        frame = batch if rest is None else rest.vstack(batch)
        ready = whole(channel, frame)
        rest = frame.slice(ready)
        yield from to_messages(channel, frame.head(ready))
    if rest is not None:
        yield from to_messages(channel, rest)


def _add_up(trades: Iterator[Heard], channel: str) -> Iterator[Heard]:
    """Give, with each trade, the candle that the trades make."""
    candles = TradeCandles(timeframe_of(channel))
    for received, trade in trades:
        if not isinstance(trade, Trade):
            continue
        bar = candles.add(trade.symbol, trade.time, trade.price, trade.volume, trade.sequential_id)
        if bar is not None:
            numbers = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.value]
            yield Heard(received, make_candle(channel, trade.symbol, bar.time, numbers, trade.sent))


def make_candle(
    channel: str, symbol: str, time: int, numbers: Sequence[float], sent: int
) -> Candle:
    """Make a candle in the stream's own words."""
    values: dict[str, Any] = dict(zip(NUMBERS, numbers, strict=True))
    return candle_of(channel)(symbol=symbol, opened=spell_slot(time), **values, sent=sent)


def _of_one(note: journal.Note) -> bool:
    """Say whether a note tells of an interruption of one symbol alone."""
    names = {name for several in note.streams.values() for name in several}
    return note.what == "interrupted" and len(names) == 1


def _noticed(notes: Iterable[journal.Note], start: int) -> int:
    """Give when an interruption that began at `start` was noticed."""
    return next(
        note.at
        for note in notes
        if (note.at if note.until is None else note.until) == start
        and note.what in {"interrupted", "ended", "damaged"}
    )


def _clip(span: Span, window: Span) -> Span:
    start = max(span.start, window.start)
    return Span(start, max(start, min(span.end, window.end)))
