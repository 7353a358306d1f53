"""The log of revisions by the exchange: lines of JSON, only ever added to.

`revisions/source=upbit/timeframe=1min/KRW-BTC.ndjson`, a line for each number that changed. Lines
are on disk before the candles change, so that no change is ever unrecorded; a writer that dies in
between leaves lines that are said again later, and at worst half a line at the end. Both are
passed over when the log is read.
"""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from marketkit.data.lake.format.layout import Series, check_symbol
from marketkit.data.lake.format.nonsense import NONSENSE, is_moment
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.left_out import name_of, say
from marketkit.data.lake.store.log_order import as_seen, once, overlap
from marketkit.data.lake.store.merge import Revision
from marketkit.disk import make_folder, sync_folder, write_atomic
from marketkit.errors import CorruptFile, LakeError
from marketkit.schema import NUMBERS, TIME, Schema
from marketkit.symbols import file_name, symbol_of
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_timeframe

REVISION: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "time": TIME,
    "column": pl.Enum(NUMBERS),
    "old": pl.Float64(),
    "new": pl.Float64(),
    "seen_at": TIME,
}
FINALITY: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "candles": pl.Int64(),
    "median": pl.Duration("ms"),
    "max": pl.Duration("ms"),
}
LOG_SUFFIX = ".ndjson"
Logged = tuple[Revision, int]  # a revision, and when it was seen
Waiting = Mapping[Series, list[Logged]]  # those of pages that wait in journals

_NONE: Waiting = {}


def log_path(root: Path, series: Series) -> Path:
    """Give the log of a series."""
    return (
        _folder(root, series.source, series.timeframe) / f"{file_name(series.symbol)}{LOG_SUFFIX}"
    )


def record(root: Path, series: Series, revisions: Iterable[Revision], seen_at: int) -> None:
    """Add revisions to the log of a series; all are on disk when the call returns.

    Only the holder of the series' lock may.
    """
    _add(root, series, [line_of(series, revision, seen_at) for revision in revisions])


def record_pages(root: Path, series: Series, logged: Iterable[Logged]) -> None:
    """Add the revisions of pages to the log, but for the part that a dead writer added.

    As `record`, and all that is to be added until the chunk is replaced must come in one call.
    """
    lines = [line_of(series, *each) for each in logged]
    _add(root, series, lines[_begun(log_path(root, series), lines) :])


def _begun(path: Path, lines: Sequence[str]) -> int:
    """Count the lines, from the first on, that a log ends with."""
    size = sum(map(len, lines))
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * size))
            end = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return 0
    end = end[: end.rfind("\n") + 1]
    return overlap(end.splitlines(keepends=True), lines)


def _add(root: Path, series: Series, lines: Sequence[str]) -> None:
    if not lines:
        return
    path = log_path(root, series)
    make_folder(path.parent)
    new = not path.exists()
    with path.open("a+b") as file:
        _drop_unfinished(file)
        file.write("".join(lines).encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def add_history(root: Path, series: Series, told: Iterable[Logged]) -> None:
    """Put lines of another lake's log of a series among the own ones, in one step.

    Each log keeps its order, and between the two the moments decide. Only the holder of the series'
    lock may. Raises `CorruptFile` for a log that cannot be read.
    """
    own = _said(root, series)
    known = set(own)
    news = [each for each in told if each not in known]
    if not news:
        return
    both = heapq.merge(own, news, key=lambda each: each[1])
    content = "".join(line_of(series, *each) for each in both).encode()
    path = log_path(root, series)
    make_folder(path.parent)
    write_atomic(path, lambda file: file.write(content))


def news_of(root: Path, other: Path, series: Series) -> list[Logged]:
    """Give the lines of a series' log in another lake that the own log lacks."""
    told = read_log(other, series)
    known = set(_said(root, series)) if told else set()
    return [each for each in told if each not in known]


def read_log(root: Path, series: Series, waiting: Sequence[Logged] = ()) -> list[Logged]:
    """Read the log of a series: revisions and when each was seen, in the order of the log.

    What is said again right after it was said counts once. `waiting` are those of pages that are in
    no chunk yet; a writer may have added some of them when it died. Raises `CorruptFile` for a line
    that cannot be read, unless it is the last and was never finished.
    """
    said = _said(root, series)
    found = list(once([*said, *waiting[overlap(said, waiting) :]]))
    return as_seen(series, found)


def _said(root: Path, series: Series) -> list[Logged]:
    """Read every finished line of a log."""
    path = log_path(root, series)
    try:
        lines = path.read_bytes().split(b"\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(path, error) from error
    return [parsed(line, number, path) for number, line in enumerate(lines[:-1], 1)]


def line_of(series: Series, revision: Revision, seen_at: int) -> str:
    """Spell a revision as a line of the log."""
    said = {"symbol": series.symbol, **revision._asdict(), "seen_at": seen_at}
    return f"{json.dumps(said)}\n"


def read(
    root: Path,
    source: str,
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    waiting: Waiting = _NONE,
) -> pl.DataFrame:
    """Give the revisions of some series, or of all, as `REVISION`."""
    rows = [
        (series.symbol, series.timeframe.name, *revision, seen_at)
        for series, log in _logs(root, source, symbols, timeframe, waiting)
        for revision, seen_at in log
    ]
    return pl.DataFrame(rows, schema=dict(REVISION), orient="row")


def finality(
    root: Path,
    source: str,
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    waiting: Waiting = _NONE,
) -> pl.DataFrame:
    """Measure for each series how long after the close a candle was last seen to change."""
    rows = [
        (series.symbol, series.timeframe.name, after)
        for series, log in _logs(root, source, symbols, timeframe, waiting)
        for after in _ages(series, log)
    ]
    ages = pl.DataFrame(rows, schema=["symbol", "timeframe", "after"], orient="row")
    after = pl.col("after").cast(pl.Int64)
    return (
        ages.group_by("symbol", "timeframe", maintain_order=True)
        .agg(candles=pl.len(), median=after.median().round().cast(pl.Int64), max=after.max())
        .cast(pl.Schema(FINALITY))
    )


def _logs(
    root: Path,
    source: str,
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    waiting: Waiting,
) -> list[tuple[Series, list[Logged]]]:
    """Read the logs of some series, or of all, and warn of unreadable ones."""
    found: list[tuple[Series, list[Logged]]] = []
    failures: dict[str, LakeError] = {}
    for series in _chosen(root, source, symbols, timeframe, waiting):
        try:
            found.append((series, read_log(root, series, waiting.get(series, ()))))
        except CorruptFile as failure:
            failures[name_of(series)] = failure
    say(failures, anything=bool(found))
    return found


def _ages(series: Series, log: Iterable[Logged]) -> list[int]:
    """Give for each revised candle how many ms after the close the last change was seen."""
    return [seen_at - series.timeframe.next(time) for time, seen_at in last_seen(log).items()]


def last_seen(log: Iterable[Logged]) -> dict[int, int]:
    """Give for each revised candle when the last change was seen."""
    last: dict[int, int] = {}
    for revision, seen_at in log:
        last[revision.time] = max(seen_at, last.get(revision.time, seen_at))
    return last


def _folder(root: Path, source: str, timeframe: Timeframe) -> Path:
    return root / log_folder(source, timeframe)


def log_folder(source: str, timeframe: str | Timeframe | None) -> str:
    """Give the folder of the logs of a timeframe, or of all, below the root."""
    above = f"revisions/source={source}"
    return above if timeframe is None else f"{above}/timeframe={parse_timeframe(timeframe).token}"


def _chosen(
    root: Path,
    source: str,
    symbols: str | Iterable[str] | None,
    timeframe: str | Timeframe | None,
    waiting: Waiting,
) -> Iterator[Series]:
    """List the series that have a log, sorted by symbol and by width."""
    names = {symbols} if isinstance(symbols, str) else symbols
    wanted = None if names is None else {check_symbol(name) for name in names}
    widths = TIMEFRAMES.values() if timeframe is None else [parse_timeframe(timeframe)]
    found = [
        (symbol, width)
        for width in widths
        for symbol in sorted(
            {*_logged(_folder(root, source, width))}
            | {each.symbol for each in waiting if each.timeframe == width}
        )
        if wanted is None or symbol in wanted
    ]
    for symbol, width in sorted(found, key=lambda each: each[0]):
        yield Series(source, symbol, width)


def _logged(folder: Path) -> list[str]:
    try:
        names = [path.name for path in folder.iterdir() if path.suffix == LOG_SUFFIX]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    symbols = (symbol_of(name.removesuffix(LOG_SUFFIX)) for name in names)
    return [symbol for symbol in symbols if symbol is not None]


def _drop_unfinished(file: BinaryIO) -> None:
    """Cut off half a line left by a dead writer, which would swallow the next."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    if file.read() not in (b"", b"\n"):
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def parsed(line: bytes, number: int, path: Path) -> Logged:
    """Read a line of a log. Raises `CorruptFile` naming the line."""
    try:
        said: dict[str, Any] = json.loads(line)
        column = NUMBERS[NUMBERS.index(said["column"])]
        old, new = (None if said[key] is None else float(said[key]) for key in ("old", "new"))
        if not (is_moment(said["time"]) and is_moment(said["seen_at"])):
            raise ValueError(f"{said['time']!r} and {said['seen_at']!r} are no times")
        return Revision(said["time"], column, old, new), said["seen_at"]
    except NONSENSE as error:
        raise CorruptFile(f"{path}, line {number}, is no revision: {error!r}") from error
