"""ArcticDB, asked for each of its frames."""

from __future__ import annotations

from datetime import UTC, datetime

from benchmarks.peers.stores import Store


class Arctic(Store):
    """ArcticDB on LMDB, a symbol for each market; it gives pandas frames.

    A symbol that is read whole comes as fast as LZ4 unpacks it, into one block without a column
    for the symbol. Nothing is put off: the processor is busy for as long as the call takes, and
    adding the frame up afterwards takes as long as it does with any other.
    """

    name = "ArcticDB, pandas"
    library = "arcticdb"

    def __init__(self, folder):
        import arcticdb

        super().__init__(folder)
        kept = arcticdb.Arctic(f"lmdb://{folder}?map_size=20GB")
        self.library_ = kept.get_library("candles", create_if_missing=True)

    def fill(self, rows):
        self.library_.write(rows["symbol"][0], _by_time(rows))

    def read(self, symbols, start, end):
        return self._read(symbols, date_range=(_moment(start), _moment(end - 1)))

    def latest(self, symbols, count):
        return self._read(symbols, row_range=(-count, None))

    def merge(self, rows):
        self.library_.update(rows["symbol"][0], _by_time(rows), prune_previous_versions=True)

    def _read(self, symbols, **which):
        import pandas as pd
        from arcticdb import ReadRequest

        if len(symbols) == 1:
            return self.library_.read(symbols[0], **which).data
        found = self.library_.read_batch([ReadRequest(symbol, **which) for symbol in symbols])
        return pd.concat({symbol: each.data for symbol, each in zip(symbols, found, strict=True)})


class ArcticPolars(Arctic):
    """The same, asked for Polars frames, of several markets put together as they are."""

    name = "ArcticDB, Polars"

    def _read(self, symbols, **which):
        import polars as pl
        from arcticdb import OutputFormat, ReadRequest

        style = {"output_format": OutputFormat.POLARS}
        if len(symbols) == 1:
            return self.library_.read(symbols[0], **which, **style).data
        asked = [ReadRequest(symbol, **which) for symbol in symbols]
        return pl.concat([each.data for each in self.library_.read_batch(asked, **style)])


def _moment(time):
    return datetime.fromtimestamp(time / 1000, UTC)


def _by_time(rows):
    return rows.drop("symbol").to_pandas().set_index("time")
