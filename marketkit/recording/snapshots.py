"""The state of books and tickers at even moments, out of the messages of a recording. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from marketkit.coverage import Spans
from marketkit.schema import TIME


def snapshots(rows: pl.DataFrame, every: int, heard: Mapping[str, Spans]) -> pl.DataFrame:
    """Give the newest message of each market at every multiple of `every` ms, sorted by `at`.

    `rows` are those of one channel in the order of arrival, all of a message together. What came
    last holds as long as nothing can have been missed since: `heard` are the times of which no
    message is missing. There is no snapshot at other moments, nor before the first message.
    """
    numbered = rows.with_row_index("message")
    if "depth" in rows.columns:
        numbered = numbered.with_columns(message=(pl.col("depth") == 1).cum_sum())
    heads = numbered.unique("message", keep="first", maintain_order=True)
    heads = heads.select("symbol", "received", "message")
    found = [
        _of_span(heads.filter(pl.col("symbol") == symbol), every, *span)
        for symbol, spans in heard.items()
        for span in spans
    ]
    nothing = heads.clear().select(pl.col("received").alias("at"), "message")
    at = pl.concat([nothing, *found])
    joined = at.join(numbered, on="message", maintain_order="left_right")
    sort = ["at", "symbol", *(["depth"] if "depth" in rows.columns else [])]
    return joined.select("at", *rows.columns).sort(sort)


def _of_span(heads: pl.DataFrame, every: int, start: int, end: int) -> pl.DataFrame:
    """Give the newest message of a market at each moment of an uninterrupted time, its end too."""
    moments = pl.int_range(-(-start // every) * every, end + 1, every, eager=True).cast(TIME)
    came = pl.col("received").dt.epoch("ms")
    inside = heads.filter(came >= start, came <= end).select("received", "message")
    grid = moments.alias("at").to_frame().set_sorted("at")
    joined = grid.join_asof(inside.set_sorted("received"), left_on="at", right_on="received")
    return joined.select("at", "message").drop_nulls("message")
