"""The catalog of nautilus_trader."""

from __future__ import annotations

import polars as pl

from benchmarks._candles import MINUTE
from benchmarks.peers.stores import Store


class Nautilus(Store):
    """The Parquet catalog of nautilus_trader; it takes and gives a Python object for each bar."""

    name = "nautilus_trader catalog"
    library = "nautilus_trader"
    few = True  # a market-year and a week of one market; more takes minutes

    def __init__(self, folder):
        from nautilus_trader.persistence.catalog import ParquetDataCatalog

        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.catalog = ParquetDataCatalog(str(folder))

    def fill(self, rows):
        self.catalog.write_data(_bars(rows))

    def read(self, symbols, start, end):
        return self.catalog.bars(
            bar_types=[_bar_type(symbol) for symbol in symbols],
            start=start * 1_000_000,
            end=end * 1_000_000 - 1,
        )


def _bar_type(symbol):
    return f"{symbol.replace('-', '')}.UPBIT-1-MINUTE-LAST-EXTERNAL"


def _bars(rows):
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.objects import Price, Quantity

    kind = BarType.from_str(_bar_type(rows["symbol"][0]))
    numbers = rows.select("open", "high", "low", "close", "volume", pl.col("time").dt.epoch("ms"))
    return [
        Bar(kind, *(Price(price, 8) for price in prices), Quantity(volume, 8), at, at)
        for *prices, volume, time in numbers.iter_rows()
        for at in [(time + MINUTE) * 1_000_000 - 1]  # a bar bears the time of its end
    ]
