"""Tables as a reader of files gives them, to test those who judge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from marketkit.data.lake.transfer.kinds import with_kinds
from marketkit.data.lake.transfer.sheet import Sheet, Tables
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.data.lake.transfer.terms import Terms
from marketkit.schema import NUMBERS, TIME
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, parse_time

START = parse_time("2024-01-01")
NOW = START + 900 * DAY
SCHEMA = {
    "symbol": pl.String(),
    "time": TIME,
    **dict.fromkeys(NUMBERS, pl.Float64()),
    "state": pl.String(),
}


def table(
    slots: Iterable[int],
    *,
    symbol: str | None = None,
    written: int = NOW,
    name: str = "given.csv",
    period=None,
    market: str | None = None,
    **columns: object,
) -> SourceTable:
    """Make a table of flat minutes; `columns` gives a number or word for all, or one for each."""
    times = [START + slot * MINUTE for slot in slots]
    numbers = {**dict.fromkeys(NUMBERS[:4], 100.0), "volume": 1.5, "value": 7.25}
    given = {"symbol": symbol, "time": times, **numbers, "state": None, **columns}
    cells = {
        key: value if isinstance(value, list) else [value] * len(times)
        for key, value in given.items()
    }
    schema = {**SCHEMA, "time": pl.Int64()}
    rows = pl.DataFrame(cells, schema=schema).with_columns(pl.col("time").cast(TIME))
    return SourceTable(Path(name), rows, written, period, market)


def terms(**options) -> Terms:
    """Give terms of minutes of KRW-BTC."""
    told = {"symbol": "KRW-BTC", "timeframe": TIMEFRAMES["1m"], "now": NOW, **options}
    return Terms(**told)


def sheet(*given: SourceTable) -> tuple[Sheet, Tables]:
    """Put tables together as the rows of one market, with kinds."""
    frames = [
        each.rows.with_row_index("row", offset=1).with_columns(file=pl.lit(n, pl.UInt32))
        for n, each in enumerate(given)
    ]
    rows = pl.concat(frames).select("file", "row", "time", *NUMBERS, "state")
    return Sheet("KRW-BTC", with_kinds(rows), tuple(range(len(given)))), dict(enumerate(given))
