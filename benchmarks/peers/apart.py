"""Stores with a file or a data set for each market: Feather, Vortex and Lance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from benchmarks.peers.stores import Store
from marketkit.schema import TIME


class Apart(Store):
    """One thing a market, read one after the other."""

    ending: str

    def fill(self, rows):
        self.folder.mkdir(exist_ok=True)
        self._write(rows["symbol"][0], rows)

    def read(self, symbols, start, end):
        return self._together([(each, self._part(each, start, end)) for each in symbols])

    def latest(self, symbols, count):
        return self._together([(each, self._tail(each, count)) for each in symbols])

    def merge(self, rows):
        """Read all, put the rows in, and write all anew: such files cannot be changed."""
        symbol = rows["symbol"][0]
        both = pl.concat([self._whole(symbol), rows])
        self._write(symbol, both.unique("time", keep="last").sort("time"))

    def _path(self, symbol: str) -> str:
        return str(self.folder / f"{symbol}-1m.{self.ending}")

    def _together(self, parts: Sequence[tuple[str, Any]]) -> Any:
        return pl.concat([part for _, part in parts])

    def _write(self, symbol: str, rows: pl.DataFrame) -> None:
        raise NotImplementedError

    def _whole(self, symbol: str) -> pl.DataFrame:
        raise NotImplementedError

    def _part(self, symbol: str, start: int, end: int) -> Any:
        raise NotImplementedError

    def _tail(self, symbol: str, count: int) -> Any:
        raise NotImplementedError


class Feather(Apart):
    """A Feather file (LZ4) for each market, as freqtrade keeps them: read and written whole."""

    name = "Feather file a market (freqtrade's way)"
    library = "pandas"
    ending = "feather"

    def __init__(self, folder):
        import pandas as pd  # noqa: F401 (that it is there)

        super().__init__(folder)

    def merge(self, rows):
        import pandas as pd

        path = self._path(rows["symbol"][0])
        both = pd.concat([pd.read_feather(path), rows.drop("symbol").to_pandas()])
        both = both.drop_duplicates("time", keep="last").sort_values("time").reset_index(drop=True)
        both.to_feather(path, compression="lz4", compression_level=9)

    def _write(self, symbol, rows):
        frame = rows.drop("symbol").to_pandas()
        frame.to_feather(self._path(symbol), compression="lz4", compression_level=9)

    def _part(self, symbol, start, end):
        import pandas as pd

        frame = pd.read_feather(self._path(symbol))
        return frame[(frame["time"] >= _moment(start)) & (frame["time"] < _moment(end))]

    def _tail(self, symbol, count):
        import pandas as pd

        return pd.read_feather(self._path(symbol)).tail(count)

    def _together(self, parts):
        import pandas as pd

        return pd.concat(dict(parts)) if len(parts) > 1 else parts[0][1]


class Vortex(Apart):
    """A Vortex file for each market, mapped and kept open; it gives Arrow, here Polars frames."""

    name = "Vortex file a market"
    library = "vortex-data"
    ending = "vortex"

    def __init__(self, folder):
        import vortex  # noqa: F401 (that it is there)

        super().__init__(folder)
        self.open = {}

    def _write(self, symbol, rows):
        import vortex

        self.open.pop(symbol, None)
        plain = rows.with_columns(pl.col("time").dt.epoch("ms"))
        vortex.io.write(plain.to_arrow(), f"{self._path(symbol)}.new")
        # Never in place: a mapped file must not change.
        (self.folder / f"{symbol}-1m.vortex.new").replace(self._path(symbol))

    def _file(self, symbol):
        import vortex

        if symbol not in self.open:
            self.open[symbol] = vortex.open(self._path(symbol), memory_map=True)
        return self.open[symbol]

    def _whole(self, symbol):
        return self._frame(self._file(symbol).scan())

    def _part(self, symbol, start, end):
        from vortex import expr

        time = expr.column("time")
        return self._frame(self._file(symbol).scan(expr=(time >= start) & (time < end)))

    def _tail(self, symbol, count):
        return self._whole(symbol).tail(count)

    @staticmethod
    def _frame(found):
        return pl.from_arrow(found.read_all().to_arrow_table()).with_columns(
            pl.col("time").cast(TIME)
        )


class Lance(Apart):
    """A Lance data set for each market; it gives Arrow, here Polars frames."""

    name = "Lance data set a market"
    library = "pylance"
    ending = "lance"

    def __init__(self, folder):
        import lance  # noqa: F401 (that it is there)

        super().__init__(folder)
        self.revised = set()  # rows that were put in stand at the end

    def merge(self, rows):
        symbol = rows["symbol"][0]
        merger = self._set(symbol).merge_insert("time")
        merger.when_matched_update_all().when_not_matched_insert_all().execute(_plain(rows))
        self.revised.add(symbol)

    def _write(self, symbol, rows):
        import lance

        lance.write_dataset(_plain(rows), self._path(symbol))

    def _set(self, symbol):
        import lance

        return lance.dataset(self._path(symbol))

    def _part(self, symbol, start, end):
        return self._frame(symbol, filter=f"time >= {start} and time < {end}")

    def _tail(self, symbol, count):
        rows = self._set(symbol).count_rows()
        return self._frame(symbol, offset=rows - count, limit=count)

    def _frame(self, symbol, **which):
        rows = pl.from_arrow(self._set(symbol).to_table(**which))
        rows = rows.with_columns(pl.col("time").cast(TIME))
        return rows.sort("time") if symbol in self.revised else rows


def _plain(rows):
    """Give an Arrow table whose times are numbers, of which all filters know."""
    return rows.with_columns(pl.col("time").dt.epoch("ms")).to_arrow()


def _moment(time):
    return datetime.fromtimestamp(time / 1000, UTC)
