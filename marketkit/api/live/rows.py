"""Candles of a live series between the frames of the lake and the rows of a tracker. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from marketkit.api.live.slots import Row
from marketkit.schema import NUMBERS, ROW, TIME


@dataclass(frozen=True, slots=True)
class Final:
    """A candle that is final, or final with other numbers than before."""

    symbol: str
    time: int
    row: Row


def rows_of(frame: pl.DataFrame) -> list[tuple[int, Row]]:
    """Read the candles of one symbol: where each slot starts, ms UTC, and the numbers."""
    numbers = frame.select(pl.col("time").dt.epoch("ms"), *NUMBERS).rows()
    return [(time, Row(*values)) for time, *values in numbers]


def candle_frame(candles: Iterable[tuple[str, int, Row]]) -> pl.DataFrame:
    """Lay candles out as `schema.ROW`: symbol, where the slot starts, numbers."""
    rows: Sequence[tuple[object, ...]] = [(name, time, *row[:-1]) for name, time, row in candles]
    raw = {**ROW, "time": pl.Int64()}
    return pl.DataFrame(rows, raw, orient="row").with_columns(pl.col("time").cast(TIME))
