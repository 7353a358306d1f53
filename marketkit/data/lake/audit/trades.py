"""The days of trades of a lake under the magnifying glass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.audit.folders import children, held, is_folder, stand_in, unreadable
from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import SUFFIX, symbol_of_folder
from marketkit.data.lake.format.strangers import is_half, told
from marketkit.data.lake.store.rows import within
from marketkit.data.lake.trades.day import DayFooter, read_day
from marketkit.data.lake.trades.layout import LOG, TradeSeries, is_day
from marketkit.data.lake.trades.log import read_log
from marketkit.data.lake.trades.rows import breaches
from marketkit.errors import CorruptFile, InputError, NewerFormat

_FOLDER = "trades"
_SOURCE = "source="


def look(root: Path) -> Iterator[Finding]:
    """Look at every byte of the trades of a lake."""
    found: list[Finding] = []
    for source in children(root, _FOLDER, found):
        for folder in children(root, f"{_FOLDER}/{source.name}", found):
            below = f"{_FOLDER}/{source.name}/{folder.name}"
            series = _series_of(source.name, folder.name)
            if series is None or not is_folder(folder):
                found.append(Finding(below, "stray", told(folder.name), "left"))
            else:
                found += _files(root, series)
    yield from found


def _series_of(source: str, folder: str) -> TradeSeries | None:
    symbol = symbol_of_folder(folder)
    if symbol is None or not source.startswith(_SOURCE):
        return None
    try:
        return TradeSeries(source.removeprefix(_SOURCE), symbol)
    except InputError:
        return None


def _files(root: Path, series: TradeSeries) -> Iterator[Finding]:
    found: list[Finding] = []
    for path in children(root, series.folder, found):
        below = f"{series.folder}/{path.name}"
        if path.suffix == SUFFIX and is_day(path.stem):
            yield from _day(root, below, series)
        elif path.name == LOG:
            yield from _log(root, below, series)
        elif is_half(path.name):
            if not held(root / series.lock) and path.exists():
                yield Finding(below, "litter", "left by a writer that died", "removed", series)
        else:
            yield Finding(below, "stray", told(path.name), "left", series)
    yield from found


def _day(root: Path, below: str, series: TradeSeries) -> Iterator[Finding]:
    path = root / below
    if (what := stand_in(path)) is not None:
        yield Finding(below, "stray", what, "left", series)
        return
    try:
        stamp = Stamp.of(path.stat())
        rows, footer = read_day(path, series)
    except FileNotFoundError:  # taken away since it was listed
        return
    except NewerFormat as error:
        yield Finding(below, "newer", str(error), "left", series)
    except CorruptFile as error:
        said = str(error.__cause__ or error)
        yield Finding(below, "corrupt", said, "set aside", series, stamp)
    except OSError as error:
        yield unreadable(root, below, error, series)
    else:
        for finding, detail in _faults(rows, footer, series):
            yield Finding(below, finding, detail, "set aside", series, stamp)


def _faults(
    rows: pl.DataFrame, footer: DayFooter, series: TradeSeries
) -> Iterator[tuple[str, str]]:
    """Compare sealed rows with the rules of trades and with the footer."""
    for rule, broken in breaches(series.symbol).items():
        if count := rows.filter(broken).height:
            yield "symbol" if rule.startswith("symbol") else "impossible", f"{count:,} rows: {rule}"
    outside = int((~within(rows["time"], footer.covered)).sum())
    if outside:
        yield "uncovered", f"{outside:,} rows at times that the footer does not claim"
    if not rows["time"].is_sorted() or rows["seq"].to_list() != list(range(rows.height)):
        yield "unsorted", "rows are not in the order of time and seq"
    times = rows["time"].cast(pl.Int64)
    if (footer.first, footer.last) != (times.min(), times.max()):
        yield "miscounted", "the footer tells of other times than its rows"


def _log(root: Path, below: str, series: TradeSeries) -> Iterator[Finding]:
    try:
        read_log(root, series)
    except CorruptFile as error:
        yield Finding(below, "revisions", str(error), "left", series)
