"""Frames in other shapes: a column for each market, and Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.frames import finish
from marketkit.to.intake import candles, is_arrow, is_pandas, rows_of, zone_of

if TYPE_CHECKING:
    import pyarrow as pa


def wide(frame: Any, column: str = "close") -> Any:
    """Give one number of each market side by side: `time`, and a column for each symbol.

    The result is of the frame's own kind, in the frame's time zone; in pandas `time` is the index,
    so that `wide(frame).pct_change().corr()` works as it stands.

    Empties: a time at which no market has a row is not there; where only some have, the others are
    null (NaN in pandas). Nothing is carried over from the slot before; `fill="forward"` does that
    if it is wanted.

    Raises `InputError` for a column that is not there, times without a zone, two candles of one
    time, and a forming candle.
    """
    rows = candles(frame, needs=[column])
    table = rows.pivot("symbol", index="time", values=column, sort_columns=True).sort("time")
    if is_pandas(frame):
        return finish(table, frame="pandas", tz=zone_of(rows), index=["time"])
    return arrow(table) if is_arrow(frame) else table


def arrow(frame: Any) -> pa.Table:
    """Give a frame as a `pyarrow.Table` with the same rows and columns.

    Times stay milliseconds in the frame's zone, decimals stay exact, `state` is a dictionary of
    strings and keeps saying which candles are empty or forming; nothing is left out or filled.
    Strings are of the kind that every reader of Arrow knows.

    Raises `InputError` for what is no frame.
    """
    return rows_of(frame).to_arrow(compat_level=pl.CompatLevel.oldest())
