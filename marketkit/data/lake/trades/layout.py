"""Where the trades of a market lie: symbols and days to relative paths, and back. Pure.

`trades/source=upbit/series=KRW-BTC/2024-01-15.parquet` holds a UTC day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import SUFFIX, check_source, check_symbol
from marketkit.data.lake.format.layout import chunk_of as _chunk_of
from marketkit.data.lake.format.layout import chunk_span as _chunk_span
from marketkit.data.lake.format.layout import is_chunk as _is_chunk
from marketkit.symbols import file_name
from marketkit.timeframe import DAY, TIMEFRAMES
from marketkit.window import EVER

_BY_DAY = TIMEFRAMES["1s"]  # whose chunks are UTC days, too
LOG = "revisions.ndjson"


@dataclass(frozen=True, slots=True)
class TradeSeries:
    """The trades of one symbol from one source.

    Raises `InputError` for what can be no market's code, and for a source that can be no folder.
    """

    source: str
    symbol: str

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        check_source(self.source)

    @property
    def folder(self) -> str:
        """The folder of the days, below the root."""
        return f"{trades_folder(self.source)}/series={file_name(self.symbol)}"

    @property
    def lock(self) -> str:
        """The file whose lock a writer of the trades holds, below the root."""
        return f".locks/trade/{file_name(self.symbol)}.lock"

    @property
    def log(self) -> str:
        """The log of trades that came or went in proved times, below the root."""
        return f"{self.folder}/{LOG}"

    def path(self, day: str) -> str:
        """Give the file of a day, below the root."""
        return f"{self.folder}/{day}{SUFFIX}"


def trades_folder(source: str) -> str:
    """Give the folder of all trades of a source, below the root."""
    return f"trades/source={source}"


def day_of(time: int) -> str:
    """Name the UTC day of a moment in ms.

    >>> day_of(1_704_067_200_000)
    '2024-01-01'
    """
    return _chunk_of(_BY_DAY, time)


@lru_cache(maxsize=4096)  # the markets have few days between them
def day_span(day: str) -> Span:
    """Give the times of a day. Raises `ValueError` for a name that is no day's."""
    return _chunk_span(_BY_DAY, day)


def is_day(name: str) -> bool:
    """Say whether a file of this name (without suffix) can hold a day of trades."""
    return _is_chunk(_BY_DAY, name)


def days_of(spans: Spans) -> Iterator[tuple[str, Spans]]:
    """Share spans out to the days, in the order of time.

    >>> [day for day, _ in days_of(Spans([(0, 1), (86_399_999, 86_400_001)]))]
    ['1970-01-01', '1970-01-02']
    """
    done = EVER.start
    for start, end in spans:
        at = max(done, start - start % DAY)
        while at < end:
            yield day_of(at), spans.clip(at, at + DAY)
            at += DAY
        done = at
