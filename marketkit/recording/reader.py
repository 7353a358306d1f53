"""Recordings as frames: the messages of a channel, and the times without a listener."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import polars as pl

from marketkit import symbols as naming
from marketkit.coverage import Span, Spans
from marketkit.errors import CorruptFile, InputError, nearest
from marketkit.exchange.upbit import channels as upbit_channels
from marketkit.frames import DEFAULTS, Frame, FrameKind, check_zone, finish, one_of
from marketkit.net import fork
from marketkit.net.exchange_clock import machine_time
from marketkit.notebook.arguments import explaining
from marketkit.recording import files, journal
from marketkit.recording.holes import UNHEARD, UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.listening import listened
from marketkit.recording.reach import heard_until
from marketkit.recording.rows import shape
from marketkit.recording.snapshots import snapshots
from marketkit.schema import TIME, Schema, empty
from marketkit.settings import given_path
from marketkit.timeframe import parse_duration
from marketkit.window import EVER, Instant, window_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

INTERRUPTION: Schema = {"start": TIME, "end": TIME, "reason": pl.String()}


@overload
def read_recording(
    folder: str | Path,
    channel: str,
    symbols: str | list[str] | None = ...,
    *,
    start: Instant | None = ...,
    end: Instant | None = ...,
    every: str | None = ...,
    frame: Literal["polars"] | None = ...,
    tz: str | None = ...,
) -> pl.DataFrame: ...
@overload
def read_recording(
    folder: str | Path,
    channel: str,
    symbols: str | list[str] | None = ...,
    *,
    start: Instant | None = ...,
    end: Instant | None = ...,
    every: str | None = ...,
    frame: Literal["pandas"],
    tz: str | None = ...,
) -> pd.DataFrame: ...
@overload
def read_recording(
    folder: str | Path,
    channel: str,
    symbols: str | list[str] | None = ...,
    *,
    start: Instant | None = ...,
    end: Instant | None = ...,
    every: str | None = ...,
    frame: Literal["arrow"],
    tz: str | None = ...,
) -> pa.Table: ...
@explaining
def read_recording(
    folder: str | Path,
    channel: str,
    symbols: str | list[str] | None = None,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    every: str | None = None,
    frame: FrameKind | None = None,
    tz: str | None = None,
) -> Frame:
    """Read the recorded messages of a channel in the order of arrival, also while recording.

    Columns are those of the `get_*` call for the channel (`schema.ROW` for candles, as they were
    with each message) and `received`, the moment of the exchange's clock at which it came; `start`
    (inclusive) and `end` (exclusive) bound that. `symbols` are codes and globs among those that are
    there, by default all. Trades are there once however often they came. A channel on which no
    message came has no rows. In pandas the index is `received`. Frame and time zone are those of
    `mk.configure`, unless given here.

    `every="1s"` gives the books or tickers as they were known at each full second, a row or, of
    books, the rows of the message that was the newest then, and that moment as the first column
    `at` (in pandas the index). There are none where a newer message may have been missed, nor
    before the first one.

    A damaged file of the recording is left out, and a warning names it. Raises `InputError` for a
    channel that was not recorded, and for `every` of trades and candles.
    """
    form, zone = DEFAULTS.frame_of(frame), DEFAULTS.tz_of(tz)
    one_of("frame", form, FrameKind)
    check_zone(zone)
    fork.check()
    now = (DEFAULTS.clock or machine_time)()  # by the exchange's, where somebody asked it
    root, window = given_path(folder, "folder"), window_of(start, end, now)
    name = recorded_channel(root, channel)
    step = None if every is None else _step(name, every)
    with ExitStack() as stack:
        rows = scan_recording(root, name, window, stack)
        found = empty(shape(name)) if rows is None else collected(root, rows, symbols)
    found = found.select(list(shape(name)))
    if step is not None:
        found = snapshots(found, step, _heard(root, name, found, window))
    return finish(found, frame=form, tz=zone, index=["received" if step is None else "at"])


def _step(channel: str, every: str) -> int:
    """Give the ms between two snapshots of a channel that has a state."""
    if upbit_channels.spec_of(channel).keeps != "newest":
        raise InputError(
            f"every={every!r} is for orderbook and ticker: of trades bars() makes bars"
        )
    return parse_duration(every)


def _heard(root: Path, channel: str, rows: pl.DataFrame, window: Span) -> dict[str, Spans]:
    """Give for each market of some rows the times of a window of which no message is missing."""
    notes, newest = journal.read(root), heard_until(root, channel)
    return {
        symbol: listened(notes, interruptions, channel, symbol, newest).clip(*window)
        for symbol in rows["symbol"].unique().sort()
    }


@explaining
def read_interruptions(folder: str | Path) -> pl.DataFrame:
    """Give the times of which a recording may lack something: from, to, and why.

    `end` is null while messages have not come again. It is two seconds later than when they did by
    our idea of the exchange's clock, which its answers tell in whole seconds.
    """
    fork.check()
    told = interruptions(journal.read(given_path(folder, "folder")))
    following = [*(start for start, _, _ in told[1:]), EVER.end]
    rows = [
        (start, None if end is None else _until(end, after), reason)
        for (start, end, reason), after in zip(told, following, strict=False)
    ]
    raw = {"start": pl.Int64(), "end": pl.Int64(), "reason": pl.String()}
    return pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(INTERRUPTION))


def _until(end: int, following: int) -> int:
    """Give the end of an interruption by the exchange's clock, or where the next one begins."""
    return following if end <= following < end + UNSURE else end + UNSURE


def recorded_channel(root: Path, channel: str) -> str:
    """Give the stream's name of a channel that was recorded. Raises `InputError`."""
    name = upbit_channels.channel(channel)
    known = files.channels(root)
    if name not in known:
        listed = f"it has {' '.join(known)}" if known else "it has none"
        raise InputError(f"{root} has no channel {channel!r}{nearest(name, known)} ({listed})")
    return name


def scan_recording(
    root: Path, channel: str, window: Span, stack: ExitStack, *, whole: bool = False
) -> pl.LazyFrame | None:
    """Scan the rows of a channel that came within a window, in order; None if there are no files.

    A damaged file is passed over, with a warning; `whole` has it raise `CorruptFile`.
    """
    hours = [hour for hour in files.hours(root, channel) if _meet(hour.span, window)]
    rows = files.scan(root, hours, stack, whole=whole)
    if rows is None:
        return None
    received = pl.col("received").dt.epoch("ms")
    return rows.filter(received >= window.start, received < window.end)


def interruptions(notes: list[Note]) -> list[tuple[int, int | None, str]]:
    """Give the times in which messages may be missing between the first note and the last.

    They are by the clock by which messages came, which the exchange's may be ahead of by `UNSURE`.
    """
    found: list[tuple[int, int | None, str]] = []
    start, reason = None, ""
    told = [note for note in notes if note.what != "damaged"]
    for note in told:
        if note.what == "interrupted":
            since = note.at if note.until is None else note.until
            beginning = note.reason == UNHEARD and not note.streams
            if beginning and found and found[-1][1] == since:
                # Who began to record had nobody's time before: one hole.
                start, _, reason = found.pop()
            elif start is None or start == since:  # the newest reason is the one that is known
                start, reason = since, note.reason
        elif note.what == "ended":
            if start is not None:
                found.append((start, note.at, reason))
            start, reason = note.at, f"nobody recorded{note.reason and f' ({note.reason})'}"
        elif note.what in {"resumed", "began"} and start is not None:
            found.append((start, note.at, reason))
            start = None
    if start is not None and told[-1].what != "ended":
        found.append((start, None, reason))
    return [*found, *map(_damaged, filter(lambda note: note.what == "damaged", notes))]


def _damaged(note: Note) -> tuple[int, int | None, str]:
    """Give the times of a file that was set aside, or of damaged lines; some have no end yet."""
    end = None if note.at == journal.UNENDED else note.at
    return note.at if note.until is None else note.until, end, note.reason


def _meet(span: Span, window: Span) -> bool:
    return span.start < window.end and window.start < span.end


def collected(
    root: Path, rows: pl.LazyFrame, symbols: str | list[str] | None = None
) -> pl.DataFrame:
    """Read rows of some symbols. Raises `CorruptFile` for damage that no look had shown."""
    try:
        return _named(rows, symbols).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise CorruptFile(f"{root} cannot be read: {' '.join(str(error).split())}") from error


def _named(rows: pl.LazyFrame, symbols: str | list[str] | None) -> pl.LazyFrame:
    if symbols is None:
        return rows
    spelt = naming.typed(symbols)
    if any(map(naming.is_glob, spelt)):
        known = rows.select(pl.col("symbol").unique()).collect()["symbol"].to_list()
        spelt = [name for each in spelt for name in naming.matches(each, known)]
    return rows.filter(pl.col("symbol").is_in(spelt))
