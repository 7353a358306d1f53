"""Our ways to keep candles and give them back, and what is asked of every store.

Every answer has the rows sorted by symbol and time, in whatever frame the store gives by itself,
asked the way its own documents say. A store made for a folder that is there opens that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR
from benchmarks.lake import MONTH, reader_of, without_images
from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier
from marketkit.timeframe import iso


class Store:
    """What the benchmark asks of a store; times in ms, `end` exclusive."""

    name: str
    library: str
    few = False  # whether only questions about one market are put
    view = False  # whether it looks at the folder of the first store, and keeps nothing itself

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, rows: pl.DataFrame) -> None:
        """Keep all rows of one market; asked once for each."""
        raise NotImplementedError

    def read(self, symbols: Sequence[str], start: int, end: int) -> Any:
        raise NotImplementedError

    def latest(self, symbols: Sequence[str], count: int) -> Any:
        raise NotImplementedError

    def merge(self, rows: pl.DataFrame) -> None:
        """Put rows in the place of those of the same times."""
        raise NotImplementedError

    def ready(self) -> None:
        """Do after filling what the store does by itself at such a time."""

    def close(self) -> None:
        """Let go of the folder, so that another process can open it."""


class Marketkit(Store):
    """A lake, read through `get_candle`, which proves that nothing is missing before it reads.

    Files are read through images, as they are after a backfill.
    """

    name = "marketkit, tier warm"
    library = "marketkit"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.lake = Lake(folder)
        self.provider = SmartDataProvider(endpoint="http://127.0.0.1:9", lake=folder)
        self.ask = reader_of(self.lake)

    def fill(self, rows):
        minutes = MONTH if rows.height <= MONTH else YEAR
        self._append(rows, START, START + minutes * MINUTE)

    def ready(self):
        self.lake.warm()

    def read(self, symbols, start, end):
        return self.ask(symbols, start, end)

    def latest(self, symbols, count):
        return self.lake.latest(symbols, "1m", count)

    def merge(self, rows):
        first, last = rows["time"].dt.epoch("ms")[0, -1]
        self._append(rows, first, last + MINUTE)

    def close(self):
        """Leave the lake as a backfill does: no page waits, and every chunk has an image."""
        self.lake.close()
        self.lake.warm()

    def _append(self, rows, start, end):
        self.lake.append(rows["symbol"][0], "1m", rows, Spans([(start, end)]))


class MarketkitNew(Marketkit):
    """The same with all maps dropped before each question, as a new process finds it."""

    name = "marketkit, tier cold"
    view = True

    def read(self, symbols, start, end):
        tier.drop_maps()
        return super().read(symbols, start, end)


class MarketkitFiles(Marketkit):
    """The same from the Parquet files, without images."""

    name = "marketkit, from files"
    view = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ask = without_images(self.ask)


class MarketkitPandas(Marketkit):
    """The same as pandas frames, which several stores give by themselves."""

    name = "marketkit, pandas"
    view = True
    few = True  # like with like: other stores have no index of symbols

    def __init__(self, folder: Path) -> None:
        import pandas as pd  # noqa: F401 (imports are no part of a first answer)

        super().__init__(folder)

    def read(self, symbols, start, end):
        moments = {"start": iso(start), "end": iso(end)}
        ask = self.provider.get_candle
        return ask(symbols[0], "1m", source="lake", frame="pandas", **moments)
