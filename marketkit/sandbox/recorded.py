"""A market replayed from candle files; coarser widths are derived from the finest that fits."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from marketkit.sandbox import patience
from marketkit.sandbox.candle import Candle, Columns, Extremes, last_trade
from marketkit.sandbox.draws import key_of
from marketkit.sandbox.files import read_candles, starts_of
from marketkit.sandbox.trades import Trade, split
from marketkit.sandbox.widths import WIDTHS, Width

_READ_S: Final = 0.1  # a small file is read in a tenth of that, years of minutes take longer


class Recorded:
    """Final candles of one market out of files, which are read when first asked about.

    A width is its own file where there is one, else it is derived from the widest file that is
    narrower: with 1m and 1h given, 4h comes from the 1h file. Widths narrower than every file
    cannot be made.
    """

    def __init__(self, symbol: str, files: Mapping[Width, Sequence[Path]]) -> None:
        self.key = key_of(symbol)
        self.listing = 0  # a recorded market is always listed: its files are read when asked
        self._files = dict(sorted(files.items(), key=lambda item: item[0].ms))
        self._frames: dict[Width, pl.DataFrame] = {}
        self._columns: dict[Width, Columns] = {}

    def base(self, width: Width) -> Width | None:
        """Return the width of the file that `width` is made from."""
        fitting = [given for given in self._files if given.ms <= width.ms and _nests(given, width)]
        return fitting[-1] if fitting else None

    def page(self, width: Width, before: int, count: int) -> list[Candle]:
        """Return the last `count` candles that start before `before`, ascending."""
        return self._of(width).before(before, count)

    def total(self, width: Width, start: int, end: int) -> Candle | None:
        """Add up the candles of `width` that start in [start, end)."""
        return self._of(width).total(start, end)

    def at(self, width: Width, start: int) -> Candle | None:
        """Return the candle of `width` that starts at `start`."""
        return self._of(width).at(start)

    def trades(self, candle: Candle) -> Sequence[Trade]:
        """Return the trades of a candle of the narrowest width, oldest first."""
        return split(self.key, candle)

    def extremes(self, start: int, end: int) -> Extremes | None:
        """Return the highest and lowest price of the days starting in [start, end)."""
        days = self._of(WIDTHS["1d"])
        begin, stop = bisect_left(days.time, start), bisect_left(days.time, end)
        if begin == stop:
            return None
        high, low = max(days.high[begin:stop]), min(days.low[begin:stop])
        high_at, low_at = days.high.index(high, begin), days.low.index(low, begin)
        return Extremes(high, days.time[high_at], low, days.time[low_at])

    def frame(self, width: Width) -> pl.DataFrame:
        """Return all final candles of `width`, with `last` beside the usual columns."""
        if width not in self._frames:
            base = self.base(width)
            if base is None:
                return self.frame(next(iter(self._files))).clear()
            self._frames[width] = (
                self._load(base) if base == width else derived(self.frame(base), width)
            )
        return self._frames[width]

    def _of(self, width: Width) -> Columns:
        if width not in self._columns:
            self._columns[width] = _columns(self.frame(width))
        return self._columns[width]

    def _load(self, width: Width) -> pl.DataFrame:
        patience.take(_READ_S)
        frame = read_candles(self._files[width], width)
        return frame.with_columns(last=last_trade(self.key, pl.col("time"), width.ms))


def derived(frame: pl.DataFrame, width: Width) -> pl.DataFrame:
    """Return candles of `width` made of narrower ones: first, max, min, last, sums."""
    return (
        frame.group_by(starts_of(frame["time"], width), maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume", "value").sum().round(8),
            pl.col("last").last(),
        )
        .sort("time")
    )


def _columns(frame: pl.DataFrame) -> Columns:
    return Columns(**{name: _array(frame[name]) for name in Columns.__slots__})


def _array(column: pl.Series) -> array[Any]:
    """Copy a column of 8-byte numbers without making a Python object of each."""
    data = column.rechunk().to_arrow()
    begin, stop = data.offset * 8, (data.offset + len(data)) * 8
    kind = "d" if column.dtype.is_float() else "q"
    return array(kind, memoryview(data.buffers()[1])[begin:stop].tobytes())


def _nests(inner: Width, outer: Width) -> bool:
    """Whether every `outer` candle is made of whole `inner` ones."""
    if inner == outer or inner.ms <= WIDTHS["1d"].ms:
        return outer.ms % inner.ms == 0 or bool(outer.months)
    return inner.name == "1M" and outer.name == "1y"
