"""Candles that a file showed and nobody proved, as the newest of a download: given, asked again.

They lie in a small lake of their own below the root, `unsettled/`, in the lake's own format, so
that what is proved and what is not never share a file, and other releases see nothing strange. A
slot that the lake itself knows hides what lies here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.drop import drop_known
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.rows import times_of, within
from marketkit.data.lake.store.store import Selection, Store
from marketkit.errors import CorruptFile, LakeError
from marketkit.schema import ROW, empty
from marketkit.timeframe import Timeframe

_log = logging.getLogger("marketkit.lake")

FOLDER = "unsettled"


class Unsettled:
    """The unsettled candles beside a lake."""

    def __init__(self, store: Store, index: type[Index] = Index) -> None:
        self._lake = store
        mirror = store.mirror
        place = store.root / FOLDER if mirror is None else mirror.below(FOLDER)
        self._side = Store(place, source=store.source)
        if mirror is None:
            self._side.index = index(self._side.root)

    def keep(self, series: Series, rows: pl.DataFrame) -> None:
        """Keep candles until their slots are known, and drop a series that is known by now."""
        covered = self._lake.covered(series.symbol, series.timeframe)
        rows = rows.filter(~within(rows["time"], covered))
        if rows.height:
            next_slot = series.timeframe.next
            slots = Spans((time, next_slot(time)) for time in times_of(rows).to_list())
            self._side.append(series.symbol, series.timeframe, rows, slots)
        elif self.any and self._side.covered(series.symbol, series.timeframe):
            side = self._side
            drop_known(Place(side.root, side.index, side.journals, side.mirror), series, covered)

    @property
    def any(self) -> bool:
        """Whether there may be unsettled candles; costs one look."""
        if self._side.mirror is not None:
            return self._side.is_there()
        return (self._side.root / "candles").is_dir()

    def symbols(self, timeframe: Timeframe) -> list[str]:
        """Name the series that have unsettled candles of a timeframe, or had."""
        return self._side.select(None, timeframe).symbols if self._is_sound else []

    def read(self, found: Selection, window: Span, symbols: Sequence[str]) -> pl.DataFrame:
        """Give the candles of slots that are not known, sorted by symbol and time.

        `found` is the lake's own knowledge of the symbols. A file that cannot be read is left out
        with a warning in the log, for nothing rests on its candles.
        """
        parts = [empty(ROW)]
        for symbol in symbols if self._is_sound else ():
            try:
                rows = self._side.select([symbol], found.timeframe).read(window)
            except CorruptFile as error:
                _log.warning("unsettled candles are left out: %s", error)
                continue
            parts += [_not_known(rows, found)] if rows.height else []
        return pl.concat(parts)

    @property
    def _is_sound(self) -> bool:
        try:
            return self.any and self._side.is_there()
        except LakeError as error:
            _log.warning("unsettled candles are left out: %s", error)
            return False

    def drop(self, symbols: Sequence[str], timeframe: str | Timeframe) -> None:
        """Remove the candles of series."""
        if self.any:
            self._side.drop(symbols, timeframe)


def _not_known(rows: pl.DataFrame, found: Selection) -> pl.DataFrame:
    """Give the rows of one symbol in slots that the lake does not know."""
    symbol = rows["symbol"][0]
    if symbol not in found.knows:
        return rows
    return rows.filter(~within(rows["time"], found.known(symbol).covered))
