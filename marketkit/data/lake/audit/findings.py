"""The kinds of faults of a lake: a word for each, and the action of `repair`."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.trades.day import KIND
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.schema import Schema

FINDING = pl.Enum(
    [
        "lake",  # lake.json is missing or cannot be read
        "newer",  # written by a later marketkit
        "unreadable",  # what this user may not read: whose that is, and the mode
        "corrupt",  # bytes that cannot be read, or that are not those that were written
        "foreign",  # Parquet, but not of marketkit
        "misplaced",  # of another series or chunk than its path says
        "stray",  # a name that means nothing here
        "litter",  # left by a writer that died
        "symbol",  # rows of another symbol
        "misaligned",  # rows that start inside a slot
        "impossible",  # rows that are no possible candles
        "overlap",  # rows that belong into another chunk
        "uncovered",  # rows in slots that the footer does not claim
        "claim",  # coverage that is not whole slots
        "duplicate",  # rows that stand there twice
        "contradiction",  # rows of one time with different values
        "unsorted",  # rows in another order than that of time
        "miscounted",  # the footer counts other rows than there are
        "index",  # rows of the index that the files do not bear out
        "revisions",  # lines of a log that cannot be read
        "image",  # below the cache folder: not as it was made, and made anew once it is deleted
        "snapshot",  # a file of a frozen set that is not as it was frozen
        "differs",  # own candles are not what narrower ones, or an answer beside, say: no damage
    ]
)
AUDIT: Schema = {
    "path": pl.String(),
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "finding": FINDING,
    "detail": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding and the action of `repair`.

    `path` is below the root. `stamp` is that of the version of a chunk that was looked at.
    """

    path: str
    finding: str
    detail: str
    action: str
    series: Series | TradeSeries | None = None
    stamp: Stamp | None = None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """The place: the path, the symbol and the timeframe where known; of trades `trade`."""
        if self.series is None:
            return shown(self.path), None, None
        width = self.series.timeframe.name if isinstance(self.series, Series) else KIND
        return shown(self.path), self.series.symbol, width
