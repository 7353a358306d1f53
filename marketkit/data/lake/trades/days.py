"""The days of a market as the folder is now: footers, read once a version in a process."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import SUFFIX, symbol_of_folder
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.left_out import SPOILT
from marketkit.data.lake.trades.day import DayEntry, DayFooter, read_footer
from marketkit.data.lake.trades.layout import TradeSeries, is_day, trades_folder
from marketkit.errors import CorruptFile, LakeError

_MOST = 100_000  # footers remembered, some 50 MB; beyond that all are read again
_READABLE = (stat.S_IFREG, stat.S_IFDIR)  # to open a pipe would be to wait; a folder is a failure

_known: dict[tuple[str, Stamp], DayFooter] = {}
_lock = threading.Lock()


def name_of(series: TradeSeries) -> str:
    """Name the trades of a market for people."""
    return f"{series.symbol} trade"


def stored(root: Path, source: str) -> list[TradeSeries]:
    """List the series of a source, sorted by symbol. Raises `CorruptFile` for a refused look."""
    folder = root / trades_folder(source)
    try:
        names = [each.name for each in folder.iterdir() if each.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    symbols = filter(None, map(symbol_of_folder, names))
    return [TradeSeries(source, symbol) for symbol in sorted(symbols)]


def entries_of(
    root: Path, series: TradeSeries, days: Collection[str] | None = None
) -> list[DayEntry]:
    """List the days of a series, or days of some names, in the order of time.

    Raises `CorruptFile` and `NewerFormat` for a file that is none of ours.
    """
    folder, found = root / series.folder, list[DayEntry]()
    wanted = None if days is None else frozenset(days)
    for day, stamp in sorted(_stamps(folder)):
        if wanted is None or day in wanted:
            try:
                found.append(_entry(root / series.path(day), series, day, stamp))
            except FileNotFoundError:  # taken away since it was listed
                continue
            except OSError as error:
                raise unreadable(root / series.path(day), error) from error
    return found


def survey(
    root: Path, source: str
) -> tuple[dict[TradeSeries, list[DayEntry]], dict[str, LakeError]]:
    """Look the days of all markets up; failures come second, by the names of markets."""
    found: dict[TradeSeries, list[DayEntry]] = {}
    failures: dict[str, LakeError] = {}
    try:
        every = stored(root, source)
    except CorruptFile as failure:
        return {}, {"all trades": failure}
    for series in every:
        try:
            found[series] = entries_of(root, series)
        except SPOILT as failure:
            failures[name_of(series)] = failure
    return found, failures


def _entry(path: Path, series: TradeSeries, day: str, stamp: Stamp) -> DayEntry:
    known = _known.get((str(path), stamp))
    if known is None:
        known, stamp = read_footer(path, series)
        with _lock:
            if len(_known) >= _MOST:
                _known.clear()
            _known[str(path), stamp] = known
    return DayEntry(day, stamp, known)


def _stamps(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """Give the versions of the files with names of days."""
    try:
        with os.scandir(folder) as files:
            for file in files:
                day = file.name.removesuffix(SUFFIX)
                if not (file.name.endswith(SUFFIX) and is_day(day)):
                    continue
                try:
                    status = file.stat()
                except FileNotFoundError:  # taken away since, or a link that leads nowhere
                    continue
                if stat.S_IFMT(status.st_mode) in _READABLE:
                    yield day, Stamp.of(status)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise unreadable(folder, error) from error
