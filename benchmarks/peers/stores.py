"""How each store keeps candles and gives them back, the way its own documents say to use it.

Every answer has the rows sorted by symbol and time, in whatever frame the store gives by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._candles import MINUTE, START, YEAR
from benchmarks.lake import MONTH, reader_of, without_images
from marketkit.api.sync import SmartDataProvider
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.tier import tier
from marketkit.schema import TIME
from marketkit.timeframe import iso


class Store:
    """What the benchmark asks of a store; times in ms, `end` exclusive."""

    name: str
    library: str

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


class Marketkit(Store):
    """A lake, read through `get_candle`, which proves that nothing is missing before it reads.

    Files are read through images, as they are after a backfill.
    """

    name = "marketkit"
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

    def _append(self, rows, start, end):
        self.lake.append(rows["symbol"][0], "1m", rows, Spans([(start, end)]))


class MarketkitNew(Marketkit):
    """The same with all maps dropped before each question, as a new process finds it."""

    name = "marketkit, maps dropped"

    def read(self, symbols, start, end):
        tier.drop_maps()
        return super().read(symbols, start, end)


class MarketkitFiles(Marketkit):
    """The same from the Parquet files, without images."""

    name = "marketkit, from files"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ask = without_images(self.ask)


class MarketkitPandas(Marketkit):
    """The same as pandas frames, which several stores give by themselves."""

    name = "marketkit, pandas"
    few = True  # like with like: other stores have no index of symbols

    def read(self, symbols, start, end):
        moments = {"start": iso(start), "end": iso(end)}
        ask = self.provider.get_candle
        return ask(symbols[0], "1m", source="lake", frame="pandas", **moments)


class Delta(Store):
    """Delta Lake as deltalake writes it, a partition for each symbol; read by Polars."""

    name = "deltalake (default writer)"
    library = "deltalake"

    def fill(self, rows):
        import deltalake

        deltalake.write_deltalake(
            str(self.folder), rows.to_arrow(), mode="append", partition_by=["symbol"]
        )

    def read(self, symbols, start, end):
        wanted = pl.col("symbol").is_in(list(symbols)) & _between(start, end)
        return pl.scan_delta(str(self.folder)).filter(wanted).sort("symbol", "time").collect()

    def latest(self, symbols, count):
        rows = pl.scan_delta(str(self.folder)).filter(pl.col("symbol").is_in(list(symbols)))
        newest = rows.group_by("symbol").agg(newest=pl.col("time").max())
        near = pl.col("newest") - pl.duration(minutes=8 * count) < pl.col("time")
        rows = rows.join(newest, on="symbol").filter(near).drop("newest")
        last = rows.sort("symbol", "time").group_by("symbol", maintain_order=True).tail(count)
        return last.collect()

    def merge(self, rows):
        import deltalake

        same = f"t.symbol = '{rows['symbol'][0]}' and t.symbol = s.symbol and t.time = s.time"
        merger = deltalake.DeltaTable(str(self.folder)).merge(
            rows.to_arrow(), same, source_alias="s", target_alias="t"
        )
        merger.when_matched_update_all().when_not_matched_insert_all().execute()


class Arctic(Store):
    """ArcticDB on LMDB, a symbol for each market; it gives pandas frames.

    A symbol that is read whole comes as fast as LZ4 unpacks it, into one block without a column
    for the symbol. Nothing is put off: the processor is busy for as long as the call takes, and
    adding the frame up afterwards takes as long as it does with any other.
    """

    name = "ArcticDB"
    library = "arcticdb"

    def __init__(self, folder: Path) -> None:
        import arcticdb

        super().__init__(folder)
        self.library_ = arcticdb.Arctic(f"lmdb://{folder}?map_size=20GB").create_library("candles")

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
    """The same, asked for Polars frames."""

    name = "ArcticDB, Polars"
    few = True  # of several it gives a list of frames

    def read(self, symbols, start, end):
        from arcticdb import OutputFormat

        span = (_moment(start), _moment(end - 1))
        return self.library_.read(
            symbols[0], date_range=span, output_format=OutputFormat.POLARS
        ).data


class Duck(Store):
    """A DuckDB file with one table, filled in the order it is read in; it gives Polars frames."""

    name = "DuckDB file"
    library = "duckdb"

    def __init__(self, folder: Path) -> None:
        import duckdb

        super().__init__(folder)
        folder.mkdir()
        self.connection = duckdb.connect(str(folder / "candles.duckdb"))
        numbers = ", ".join(
            f"{name} double" for name in ("open", "high", "low", "close", "volume", "value")
        )
        self.connection.execute(f"create table candles (symbol varchar, time bigint, {numbers})")

    def fill(self, rows):
        page = rows.with_columns(pl.col("time").dt.epoch("ms"))  # noqa: F841 (named in the query)
        self.connection.execute("insert into candles select * from page")

    def read(self, symbols, start, end):
        query = (
            "select * from candles where symbol in (select unnest(?)) and time >= ? and time < ?"
            " order by symbol, time"
        )
        return self._ask(query, [list(symbols), start, end])

    def latest(self, symbols, count):
        query = (
            "select * from candles where symbol in (select unnest(?)) qualify row_number() over"
            " (partition by symbol order by time desc) <= ? order by symbol, time"
        )
        return self._ask(query, [list(symbols), count])

    def _ask(self, query, values):
        found = pl.from_arrow(self.connection.execute(query, values).to_arrow_table())
        return found.with_columns(pl.col("time").cast(TIME))

    def merge(self, rows):
        self.connection.execute("begin")
        self.connection.execute(
            "delete from candles where symbol = ? and time between ? and ?",
            [rows["symbol"][0], *rows["time"].dt.epoch("ms")[0, -1]],
        )
        self.fill(rows)
        self.connection.execute("commit")


class Feather(Store):
    """A Feather file (LZ4) for each market, as freqtrade keeps them: read and written whole."""

    name = "Feather file a market (freqtrade's way)"
    library = "pandas"

    def fill(self, rows):
        self.folder.mkdir(exist_ok=True)
        frame = rows.drop("symbol").to_pandas()
        frame.to_feather(self._path(rows["symbol"][0]), compression="lz4", compression_level=9)

    def read(self, symbols, start, end):
        return self._read(symbols, lambda each: each[_inside(each, start, end)])

    def latest(self, symbols, count):
        return self._read(symbols, lambda each: each.tail(count))

    def merge(self, rows):
        import pandas as pd

        path = self._path(rows["symbol"][0])
        both = pd.concat([pd.read_feather(path), rows.drop("symbol").to_pandas()])
        both = both.drop_duplicates("time", keep="last").sort_values("time").reset_index(drop=True)
        both.to_feather(path, compression="lz4", compression_level=9)

    def _path(self, symbol):
        return self.folder / f"{symbol}-1m.feather"

    def _read(self, symbols, part):
        import pandas as pd

        frames = {symbol: part(pd.read_feather(self._path(symbol))) for symbol in symbols}
        return pd.concat(frames) if len(frames) > 1 else next(iter(frames.values()))


class Nautilus(Store):
    """The Parquet catalog of nautilus_trader; it takes and gives a Python object for each bar."""

    name = "nautilus_trader catalog"
    library = "nautilus_trader"
    few = True  # a market-year and a week of one market; more takes minutes

    def __init__(self, folder: Path) -> None:
        from nautilus_trader.persistence.catalog import ParquetDataCatalog

        super().__init__(folder)
        folder.mkdir()
        self.catalog = ParquetDataCatalog(str(folder))

    def fill(self, rows):
        self.catalog.write_data(_bars(rows))

    def read(self, symbols, start, end):
        return self.catalog.bars(
            bar_types=[_bar_type(symbol) for symbol in symbols],
            start=start * 1_000_000,
            end=end * 1_000_000 - 1,
        )


STORES: tuple[type[Store], ...] = (
    *(Marketkit, MarketkitNew, MarketkitFiles, MarketkitPandas),
    *(Delta, Arctic, ArcticPolars, Duck, Feather, Nautilus),
)


def _between(start, end):
    first, last = (pl.lit(edge).cast(TIME) for edge in (start, end))
    return (pl.col("time") >= first) & (pl.col("time") < last)


def _moment(time):
    return datetime.fromtimestamp(time / 1000, UTC)


def _by_time(rows):
    return rows.drop("symbol").to_pandas().set_index("time")


def _inside(frame, start, end):
    return (frame["time"] >= _moment(start)) & (frame["time"] < _moment(end))


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
