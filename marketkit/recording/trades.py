"""The trades of a recording, and the times in which none is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.data.bars.source import Trades
from marketkit.recording import journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.listening import listened, recorded_symbols
from marketkit.recording.reach import heard_until
from marketkit.recording.reader import (
    collected,
    interruptions,
    recorded_channel,
    scan_recording,
)
from marketkit.schema import TRADE, empty
from marketkit.timeframe import HOUR
from marketkit.window import EVER

CHANNEL = "trade"


def recorded_trades(
    folder: Path, symbols: Iterable[str], window: Span, *, whole: bool = False
) -> Trades:
    """Read the trades of a recording that were made in a window.

    `symbols` are codes and globs; one that was not recorded is known at no time. `whole` has a
    damaged file raise `CorruptFile`. Raises `InputError` for a recording without trades.
    """
    name = recorded_channel(folder, CHANNEL)
    notes = journal.read(folder)
    names = _meant(symbols, recorded_symbols(notes, CHANNEL))
    with ExitStack() as stack:
        # Nothing comes long before or after the moment of the trade.
        came = Span(max(EVER.start, window.start - HOUR), min(EVER.end, window.end + HOUR))
        rows = scan_recording(folder, name, came, stack, whole=whole)
        time = pl.col("time").dt.epoch("ms")
        if rows is not None:
            rows = rows.filter(time >= window.start, time < window.end).select(*TRADE)
        found = empty(TRADE) if rows is None else collected(folder, rows, names)
    return Trades(found.lazy(), _heard(folder, notes, names))


def recorded_spans(folder: Path, symbols: Iterable[str]) -> dict[str, Spans]:
    """Give for each recorded symbol the times in which no trade is missing.

    Raises `InputError` for a recording without trades.
    """
    recorded_channel(folder, CHANNEL)
    notes = journal.read(folder)
    known = recorded_symbols(notes, CHANNEL)
    return _heard(folder, notes, [name for name in _meant(symbols, known) if name in known])


def _heard(folder: Path, notes: list[Note], names: Iterable[str]) -> dict[str, Spans]:
    end = heard_until(folder, CHANNEL)
    return {name: _sure(listened(notes, interruptions, CHANNEL, name, end)) for name in names}


def _sure(heard: Spans) -> Spans:
    """Leave out the edges, where trades may have been on their way."""
    inner = ((start + UNSURE, end - UNSURE) for start, end in heard)
    return Spans(span for span in inner if span[0] < span[1])


def _meant(symbols: Iterable[str], known: Sequence[str]) -> list[str]:
    spelt = naming.typed(symbols)
    found = [naming.matches(each, known) if naming.is_glob(each) else [each] for each in spelt]
    return sorted({name for each in found for name in each})
