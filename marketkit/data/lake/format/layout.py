"""Where the candles of a series lie: symbols and times to relative paths, and back.

`candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet`. A chunk is one file: a UTC
day of `1s`, a month of `1m` and `3m`, a year of `5m` to `30m`, everything of `1h` and wider. A code
that could be no folder is escaped (`symbols.file_name`).
Nothing here touches a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter

from marketkit.coverage import Span, Spans
from marketkit.errors import InputError
from marketkit.symbols import file_name, is_code, symbol_of
from marketkit.timeframe import TIMEFRAMES, Timeframe
from marketkit.window import EVER

SUFFIX = ".parquet"

_SOURCE = re.compile(r"[a-z0-9_]{1,20}")
_WHOLE = "all"
# The calendar unit a file holds, so that a full one has some ten thousand rows and merging a page
# into it stays a matter of milliseconds.
_UNIT = {
    "1s": TIMEFRAMES["1d"],
    **dict.fromkeys(("1m", "3m"), TIMEFRAMES["1M"]),
    **dict.fromkeys(("5m", "10m", "15m", "30m"), TIMEFRAMES["1y"]),
}
_NAME_LENGTH = {"1d": len("2024-01-15"), "1M": len("2024-01"), "1y": len("2024")}


@dataclass(frozen=True, slots=True)
class Series:
    """The candles of one symbol in one timeframe from one source.

    Raises `InputError` for what can be no market's code, and for a source that can be no folder.
    """

    source: str
    symbol: str
    timeframe: Timeframe
    folder: str = field(init=False, repr=False, compare=False)  # of the chunks, below the root

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        check_source(self.source)
        folder = _series_folder(self.source, self.timeframe, self.symbol)
        object.__setattr__(self, "folder", folder)

    @property
    def lock(self) -> str:
        """The file whose lock a writer of the series holds, below the root."""
        return f".locks/{self.timeframe.token}/{file_name(self.symbol)}.lock"

    def path(self, chunk: str) -> str:
        """Give the file of a chunk, below the root."""
        return f"{self.folder}/{chunk}{SUFFIX}"


@lru_cache(maxsize=8192)  # every call asks for hundreds of markets
def _series_folder(source: str, timeframe: Timeframe, symbol: str) -> str:
    return f"{timeframe_folder(source, timeframe)}/series={file_name(symbol)}"


def source_folder(source: str) -> str:
    """Give the folder of all timeframes of a source, below the root."""
    return f"candles/source={source}"


def markets_folder(source: str) -> str:
    """Give the folder of the daily market lists of a source, below the root."""
    return f"markets/source={check_source(source)}"


def timeframe_folder(source: str, timeframe: Timeframe) -> str:
    """Give the folder of all series of a timeframe, below the root."""
    return f"{source_folder(source)}/timeframe={timeframe.token}"


def check_symbol(symbol: str) -> str:
    """Give the symbol back if a market can have that code (`KRW-BTC`). Raises `InputError`."""
    if not is_code(symbol):
        raise InputError(f"not a symbol: {symbol!r} (expected a market code such as 'KRW-BTC')")
    return symbol


@lru_cache(maxsize=4096)  # of hundreds of markets, by every call for all
def symbol_of_folder(name: str) -> str | None:
    """Give the symbol whose series lies in a folder of this name, or None."""
    return symbol_of(name.removeprefix("series=")) if name.startswith("series=") else None


def series_in(source: str, timeframe: Timeframe, names: Iterable[str]) -> list[Series]:
    """List the series whose folders have these names, sorted by symbol; other names are none."""
    found = [_series_in(source, timeframe, name) for name in names]
    return sorted((each for each in found if each is not None), key=attrgetter("symbol"))


@lru_cache(maxsize=4096)  # as above
def _series_in(source: str, timeframe: Timeframe, name: str) -> Series | None:
    symbol = symbol_of_folder(name)
    return None if symbol is None else Series(source, symbol, timeframe)


def check_source(source: str) -> str:
    """Give the source back if the name can be that of a folder. Raises `InputError`."""
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise InputError(f"not a source: {source!r} (expected a name such as 'upbit')")
    return source


def chunk_of(timeframe: Timeframe, time: int) -> str:
    """Name the chunk that holds the slot starting at `time`.

    >>> chunk_of(TIMEFRAMES["1m"], 1_704_067_200_000)
    '2024-01'
    """
    unit = _UNIT.get(timeframe.name)
    return _WHOLE if unit is None else _unit_name(unit, unit.floor(time))


@lru_cache(maxsize=4096)  # thousands of files have few names between them
def is_chunk(timeframe: Timeframe, name: str) -> bool:
    """Say whether a file of this name (without suffix) can hold candles of the timeframe."""
    try:
        return chunk_of(timeframe, chunk_span(timeframe, name).start) == name
    except (ValueError, OverflowError):
        return False


def chunk_span(timeframe: Timeframe, chunk: str) -> Span:
    """Give the times a chunk holds. Raises `ValueError` for a name that is no chunk's."""
    unit = _UNIT.get(timeframe.name)
    if unit is None:
        return EVER
    first_day = datetime.fromisoformat(f"{chunk}-01-01"[:10]).replace(tzinfo=UTC)
    start = int(first_day.timestamp()) * 1000
    return Span(start, unit.next(start))


def edge_chunks(timeframe: Timeframe, window: Span) -> tuple[str, str]:
    """Name the first and the last chunk that a window meets; names sort like times."""
    last = max(window.start, window.end - 1)
    return chunk_of(timeframe, window.start), chunk_of(timeframe, last)


def cut_chunks(timeframe: Timeframe, window: Span) -> set[str]:
    """Name the chunks of which a window holds one part and not the other."""
    spans = {chunk: chunk_span(timeframe, chunk) for chunk in edge_chunks(timeframe, window)}
    return {
        chunk for chunk, (start, end) in spans.items() if start < window.start or window.end < end
    }


def cut(timeframe: Timeframe, spans: Spans) -> dict[str, Spans]:
    """Share spans out to the chunks, in the order of time."""
    unit = _UNIT.get(timeframe.name)
    parts: dict[str, list[Span]] = {}
    chunk, until = "", EVER.start
    for start, end in spans:
        at = start
        while at < end:
            if at >= until:  # thousands of spans lie in one chunk
                chunk = chunk_of(timeframe, at)
                until = EVER.end if unit is None else unit.next(at)
            parts.setdefault(chunk, []).append(Span(at, min(end, until)))
            at = min(end, until)
    return {chunk: Spans(several) for chunk, several in parts.items()}


def _unit_name(unit: Timeframe, start: int) -> str:
    day = datetime.fromtimestamp(start // 1000, UTC).date()
    return day.isoformat()[: _NAME_LENGTH[unit.name]]
