"""Faults of a lake, found without changing anything, not even the index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl

from marketkit.data.lake.audit import derived, journals, trades
from marketkit.data.lake.audit import index as audit_index
from marketkit.data.lake.audit.chunk import Inspected, contradicted, inspect
from marketkit.data.lake.audit.findings import AUDIT, Finding
from marketkit.data.lake.audit.folders import (
    children,
    guarded,
    held,
    is_folder,
    stand_in,
    strangers,
    unreadable,
)
from marketkit.data.lake.audit.index import AuditedChunk
from marketkit.data.lake.format import marker, market_list
from marketkit.data.lake.format.layout import (
    SUFFIX,
    Series,
    check_source,
    is_chunk,
    symbol_of_folder,
)
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.format.strangers import is_half, is_stranger, told
from marketkit.data.lake.snapshots import delta, snapshot
from marketkit.data.lake.store.database import NAME
from marketkit.data.lake.store.revisions import LOG_SUFFIX, log_path, parsed
from marketkit.disk import TEMPORARY
from marketkit.errors import CorruptFile, InputError, NewerFormat
from marketkit.symbols import symbol_of
from marketkit.timeframe import Timeframe, timeframe_of_token

_T = TypeVar("_T")


def audit(root: Path) -> pl.DataFrame:
    """Give one row for each finding."""
    rows = [(*each.place, each.finding, shown(each.detail)) for each in look(root)]
    return pl.DataFrame(rows, schema=dict(AUDIT), orient="row")


def look(root: Path) -> list[Finding]:
    """Look at every byte of a lake; no fault ever hides the rest."""
    found, judged = _marker(root)
    if not judged:
        return found
    chunks: dict[tuple[str, str], AuditedChunk] = {}
    for series in _series(root, found):
        found += guarded(root, series.folder, _chunks(root, series, chunks))
    broken = {each.path for each in found}
    found += guarded(root, NAME, audit_index.compare(root, chunks))
    found += guarded(root, "candles", derived.compare(root, chunks, broken))
    found += guarded(root, "journal", journals.look(root))
    found += guarded(root, "trades", trades.look(root))
    found += guarded(root, "revisions", _revisions(root))
    found += guarded(root, "markets", _market_lists(root))
    found += guarded(root, "snapshots", _snapshots(root))
    found += guarded(root, "", strangers(root))
    return list({(each.path, each.finding, each.detail): each for each in found}.values())


def _marker(root: Path) -> tuple[list[Finding], bool]:
    """Look at `lake.json`, and say whether the rest can be judged."""
    found: list[Finding] = []
    children(root, "", found)
    if found:
        return found, False
    found = [
        Finding(path.name, "litter", "half a lake.json", "removed")
        for path in sorted(root.glob(f"*lake.json.*{TEMPORARY}"))  # earlier releases hid it
    ]
    try:
        frozen = (root / marker.FROZEN).exists()  # such a folder is no lake of its own
        if not marker.check(root) and not frozen and (root / "candles").exists():
            found.append(Finding("lake.json", "lake", "is missing", "remade"))
    except NewerFormat as error:
        return [Finding("lake.json", "newer", str(error), "left")], False
    except CorruptFile as error:
        cause = error.__cause__
        if isinstance(cause, PermissionError):
            found.append(unreadable(root, "lake.json", cause))
        else:
            found.append(Finding("lake.json", "lake", str(error), "remade"))
    except PermissionError as error:
        found.append(unreadable(root, "lake.json", error))
    return found, True


def _series(root: Path, found: list[Finding]) -> Iterator[Series]:
    """Give the series that have a folder; any other path between is found to be stray."""
    for source, timeframe_folder in _below(root, "candles", _source_of, found):
        for timeframe, series_folder in _below(root, timeframe_folder, _timeframe_of, found):
            for symbol, _ in _below(root, series_folder, symbol_of_folder, found):
                yield Series(source, symbol, timeframe)


def _below(
    root: Path, folder: str, meaning: Callable[[str], _T | None], found: list[Finding]
) -> Iterator[tuple[_T, str]]:
    """Read the meaning of the folders in a folder from the names."""
    for path in children(root, folder, found):
        below = f"{folder}/{path.name}"
        try:
            meant = meaning(path.name) if is_folder(path) else None
        except PermissionError as error:
            found.append(unreadable(root, folder, error))
            return
        if path.name == delta.LOG:
            continue
        if meant is None:
            said = told(path.name) if is_stranger(path.name) else "not a folder of candles"
            found.append(Finding(below, "stray", said, "left"))
        else:
            yield meant, below


def _source_of(name: str) -> str | None:
    source = name.removeprefix("source=")
    try:
        return check_source(source) if source != name else None
    except InputError:
        return None


def _timeframe_of(name: str) -> Timeframe | None:
    token = name.removeprefix("timeframe=")
    return timeframe_of_token(token) if token != name else None


def _chunks(
    root: Path, series: Series, chunks: dict[tuple[str, str], AuditedChunk]
) -> Iterator[Finding]:
    """Look at the files of a series, and remember the findings of each chunk."""
    found: list[Finding] = []
    for path in children(root, series.folder, found):
        below = f"{series.folder}/{path.name}"
        if path.suffix == SUFFIX and not is_stranger(path.name):
            yield from _chunk(root, below, series, chunks)
        elif not is_half(path.name):
            yield Finding(below, "stray", told(path.name), "left", series)
        elif not _being_written(root, series) and path.exists():
            yield Finding(below, "litter", "left by a writer that died", "removed", series)
    yield from found


def _chunk(
    root: Path, below: str, series: Series, chunks: dict[tuple[str, str], AuditedChunk]
) -> Iterator[Finding]:
    path = root / below
    if (what := stand_in(path)) is not None:
        yield Finding(below, "stray", what, "left", series)
        return
    try:
        looked = inspect(path, series)
    except FileNotFoundError:  # taken away since it was listed
        return
    except PermissionError as error:
        yield unreadable(root, below, error, series)
        return
    if is_chunk(series.timeframe, path.stem):
        seen = AuditedChunk(series, looked.stamp, looked.sha256, looked.said)
        chunks[series.folder, path.stem] = seen
    action = action_for(looked)
    for problem in looked.problems:
        yield Finding(below, *problem, action, series, looked.stamp)
    for answer in contradicted(looked.said):
        yield Finding(below, "differs", answer, "left", series, looked.stamp)


def action_for(looked: Inspected) -> str:
    """Name the action of `repair` on a chunk that has problems."""
    if any(problem.finding == "newer" for problem in looked.problems):
        return "left"
    return "set aside" if looked.trusted is None else "mended"


def _being_written(root: Path, series: Series) -> bool:
    """Say whether somebody holds the lock of a series now."""
    return held(root / series.lock)


class Log(NamedTuple):
    """A log of revisions: the lines, the numbers of the bad ones, the unfinished end."""

    good: list[bytes]
    wrong: list[int]
    half: bytes


def read_log(path: Path) -> Log:
    """Read every line of a log. Raises `OSError`."""
    *lines, half = path.read_bytes().split(b"\n")
    wrong = [number for number, line in enumerate(lines, 1) if not _is_revision(path, number, line)]
    good = [line for number, line in enumerate(lines, 1) if number not in wrong]
    return Log(good, wrong, half)


def _is_revision(path: Path, number: int, line: bytes) -> bool:
    try:
        parsed(line, number, path)
    except CorruptFile:
        return False
    return True


def _revisions(root: Path) -> Iterator[Finding]:
    found: list[Finding] = []
    for path in _logs(root, found):
        below = path.relative_to(root).as_posix()
        series = _series_of_log(root, path)
        if series is None:
            yield Finding(below, "stray", "not a log of revisions", "left")
        elif path != log_path(root, series):
            if not _being_written(root, series) and path.exists():
                yield Finding(below, "litter", "left by a writer that died", "removed", series)
        else:
            yield from _log(root, below, series)
    yield from found


def _logs(root: Path, found: list[Finding]) -> Iterator[Path]:
    for source in children(root, "revisions", found):
        if not is_folder(source):
            yield source
        for width in children(root, f"revisions/{source.name}", found):
            if not is_folder(width):
                yield width
            yield from children(root, f"revisions/{source.name}/{width.name}", found)


def _log(root: Path, below: str, series: Series) -> Iterator[Finding]:
    try:
        log = read_log(root / below)
    except OSError as error:
        yield unreadable(root, below, error, series)
        return
    if log.wrong:
        detail = f"{len(log.wrong)} lines are no revisions, the first is line {log.wrong[0]}"
        yield Finding(below, "revisions", detail, "mended", series)
    # A writer may have ended its line between the two looks.
    if log.half and not _being_written(root, series) and read_log(root / below).half == log.half:
        yield Finding(below, "litter", "half a line of a writer that died", "mended", series)


def _series_of_log(root: Path, path: Path) -> Series | None:
    """Give the series whose log, or whose unfinished log, has this path."""
    source = _source_of(path.parent.parent.name)
    timeframe = _timeframe_of(path.parent.name)
    symbol = symbol_of(path.name.partition(LOG_SUFFIX)[0])
    if source is None or timeframe is None or symbol is None:
        return None
    series = Series(source, symbol, timeframe)
    return series if path == log_path(root, series) or path.suffix == TEMPORARY else None


def _market_lists(root: Path) -> Iterator[Finding]:
    for path in sorted((root / "markets").glob(f"source=*/*{SUFFIX}")):
        try:
            market_list.read(path)
        except FileNotFoundError:  # taken away since it was listed
            continue
        except (OSError, ValueError) as error:
            below = path.relative_to(root).as_posix()
            yield Finding(below, "corrupt", f"is no market list: {error}", "set aside")


def _snapshots(root: Path) -> Iterator[Finding]:
    """Compare frozen sets with their manifests."""
    found: list[Finding] = []
    if not children(root, "snapshots", found):
        yield from found
        return
    for path in snapshot.litter(root):
        if not held(root / ".locks" / "snapshots.lock") and path.exists():
            below = path.relative_to(root).as_posix()
            yield Finding(below, "litter", "a frozen set that was never finished", "removed")
    for name in snapshot.frozen(root)["name"]:
        folder = f"snapshots/{name}"
        try:
            problems = snapshot.verify(root, name).rows()
        except NewerFormat as error:
            yield Finding(folder, "newer", str(error), "left")
        else:
            for path, problem in problems:
                yield Finding(f"{folder}/{path}", "snapshot", problem, "left")
