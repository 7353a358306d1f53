"""The trades of a recording, and the times in which none of them is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.data.bars.source import Trades
from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.reader import collected, interruptions, recorded_channel, scan_recording
from marketkit.schema import TRADE, empty
from marketkit.timeframe import HOUR
from marketkit.window import EVER

CHANNEL = "trade"
# ms between a trade and its arrival, and by which our idea of the exchange's clock may be wrong:
# that close to the edge of a listening time a trade may be missing.
LAG = 1_000


def recorded_trades(folder: Path, symbols: Iterable[str] | None, window: Span) -> Trades:
    """Read the trades of a recording that were made in a window.

    `symbols` are codes and globs, by default all that were recorded; one that was not recorded is
    known at no time. Raises `InputError` for a recording without trades.
    """
    name = recorded_channel(folder, CHANNEL)
    notes = journal.read(folder)
    names = _names(notes, symbols)
    with ExitStack() as stack:
        # Nothing comes long before or after the moment of the trade.
        came = Span(max(EVER.start, window.start - HOUR), min(EVER.end, window.end + HOUR))
        rows = scan_recording(folder, name, came, stack)
        time = pl.col("time").dt.epoch("ms")
        if rows is not None:
            rows = rows.filter(time >= window.start, time < window.end).select(*TRADE)
        found = empty(TRADE) if rows is None else collected(folder, rows, names)
    end = _end(folder)
    return Trades(found.lazy(), {symbol: heard(notes, symbol, end) for symbol in names})


def heard(notes: Sequence[Note], symbol: str, end: int) -> Spans:
    """Give the times of which no trade of a symbol is missing, by the journal; ms UTC.

    `end` is when the newest message came: a recording at work is heard until then.
    """
    listened, since = list[tuple[int, int]](), None
    for note in notes:
        named = symbol in note.streams.get(CHANNEL, ())
        if note.what in {"began", "joined"} and named:
            since = note.at if since is None else since
        elif since is not None and (note.what == "ended" or (note.what == "left" and named)):
            listened.append((since, note.at))
            since = None
    if since is not None:
        listened.append((since, end))
    missing = Spans((start, EVER.end if end is None else end) for start, end, _ in _holes(notes))
    sure = ((start + LAG, end - LAG) for start, end in Spans(listened) - missing)
    return Spans(span for span in sure if span[0] < span[1])


def _holes(notes: Sequence[Note]) -> Iterable[tuple[int, int | None, str]]:
    return interruptions(list(notes))


def _names(notes: Sequence[Note], symbols: Iterable[str] | None) -> list[str]:
    known = sorted({name for note in notes for name in note.streams.get(CHANNEL, ())})
    if symbols is None:
        return known
    spelt = naming.typed(symbols)
    found = [naming.matches(each, known) if naming.is_glob(each) else [each] for each in spelt]
    return sorted({name for each in found for name in each})


def _end(folder: Path) -> int:
    """Give when the newest message of any channel came."""
    newest = (files.hours(folder, each)[-1:] for each in files.channels(folder))
    return max((files.last_received(folder, hour) for last in newest for hour in last), default=0)
