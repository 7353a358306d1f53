"""Stores of one table for all markets: Delta Lake and DuckDB."""

from __future__ import annotations

import polars as pl

from benchmarks.peers.stores import Store
from marketkit.schema import TIME


class Delta(Store):
    """Delta Lake as deltalake writes it, a partition for each symbol; read by Polars."""

    name = "deltalake (default writer)"
    library = "deltalake"

    def __init__(self, folder):
        import deltalake  # noqa: F401 (that it is there)

        super().__init__(folder)

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


class Duck(Store):
    """A DuckDB file with one table, filled in the order it is read in; it gives Polars frames."""

    name = "DuckDB file"
    library = "duckdb"

    def __init__(self, folder):
        import duckdb

        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.connection = duckdb.connect(str(folder / "candles.duckdb"))
        numbers = ", ".join(
            f"{name} double" for name in ("open", "high", "low", "close", "volume", "value")
        )
        self.connection.execute(
            f"create table if not exists candles (symbol varchar, time bigint, {numbers})"
        )

    def close(self):
        self.connection.close()

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


def _between(start, end):
    first, last = (pl.lit(edge).cast(TIME) for edge in (start, end))
    return (pl.col("time") >= first) & (pl.col("time") < last)
