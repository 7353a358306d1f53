"""The log of trades that came or went after their time was proved: lines of JSON, only added to.

Lines are on disk before the trades change. A writer that dies in between leaves lines that are said
again, and at worst half a line at the end, which no reader counts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl

from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.disk import sync_folder
from marketkit.errors import CorruptFile
from marketkit.schema import SIDE, TIME, Schema

CHANGE: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "price": pl.Float64(),
    "volume": pl.Float64(),
    "side": SIDE,
    "sequential_id": pl.Int64(),
    "came": pl.Boolean(),
    "seen_at": TIME,
}
_RAW = {**CHANGE, "time": pl.Int64(), "side": pl.String(), "seen_at": pl.Int64()}


def record(root: Path, series: TradeSeries, revised: pl.DataFrame, seen_at: int) -> None:
    """Add trades to the log; all are on disk when the call returns.

    Only the holder of the series' lock may.
    """
    if revised.is_empty():
        return
    told = revised.with_columns(pl.col("time").dt.epoch("ms"), pl.col("side").cast(pl.String))
    told = told.with_columns(seen_at=pl.lit(seen_at)).select(*CHANGE)
    content = "".join(f"{json.dumps(row)}\n" for row in told.iter_rows(named=True)).encode()
    path = root / series.log
    new = not path.exists()
    with path.open("a+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            content = content if file.read(1) == b"\n" else b"\n" + content
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def read_log(root: Path, series: TradeSeries) -> pl.DataFrame:
    """Read the log: `CHANGE`, line by line. Half a line of a writer that died is passed over."""
    path = root / series.log
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise unreadable(path, error) from error
    rows = [row for row in (_row(line, path) for line in lines) if row is not None]
    return pl.DataFrame(rows, schema=dict(_RAW), orient="row").cast(pl.Schema(CHANGE))


def _row(line: bytes, path: Path) -> tuple[object, ...] | None:
    try:
        said = json.loads(line)
    except ValueError:  # half a line, before what a later writer said
        return None
    try:
        row = tuple(said[name] for name in CHANGE)
    except NONSENSE as error:
        raise CorruptFile(f"{path} has a line that tells of no trade: {error!r}") from error
    return row
