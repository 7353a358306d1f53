"""The meaning of the cells of a file: rows of candles in the columns of `SourceTable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from marketkit.data.lake.transfer.sources import columns
from marketkit.data.lake.transfer.sources.markets import spell
from marketkit.data.lake.transfer.sources.moments import with_days
from marketkit.data.lake.transfer.sources.numbers import read_numbers
from marketkit.data.lake.transfer.sources.states import read_states
from marketkit.data.lake.transfer.sources.times import read_times, refuse_outside
from marketkit.errors import InputError
from marketkit.frames import check_zone
from marketkit.schema import NUMBERS, ROW, Schema, empty
from marketkit.timeframe import Timeframe

SOURCE_ROW: Schema = {**ROW, "state": pl.String()}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a caller wants files read.

    `columns` gives the file's name for columns of ours, None for one that the file has not; `tz` is
    the zone of times that say none, `encoding` that of text, and `now` the time after which no
    candle can have begun, ms UTC. Raises `InputError` for names of columns that no candle has and
    for an unknown zone.
    """

    timeframe: Timeframe
    now: int
    columns: Mapping[str, str | None] = field(default_factory=dict)
    tz: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        columns.check_given(self.columns)
        if self.tz is not None:
            check_zone(self.tz)


def names_of(cells: pl.DataFrame, reading: Reading) -> dict[str, str]:
    """Give the file's name of each column of ours that is there. Raises `InputError`."""
    if not cells.width:
        return {}
    names = columns.find(cells.columns, reading.columns, reading.tz)
    return {**names, "time": _with_times(cells, names["time"], reading)}


def rows_of(cells: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    """Make out the cells of a file, row by row. Raises `InputError` with the row."""
    if not cells.width:  # an answer without candles
        return empty(SOURCE_ROW)
    names = names_of(cells, reading)
    found = {"time": _times(cells, names["time"], reading)}
    found |= {ours: read_numbers(cells[names[ours]], ours) for ours in NUMBERS if ours in names}
    words = {"symbol": spell, "state": read_states}
    found |= {ours: read(cells[names[ours]]) for ours, read in words.items() if ours in names}
    nothing = {
        name: pl.repeat(None, cells.height, dtype=dtype, eager=True)
        for name, dtype in SOURCE_ROW.items()
    }
    return pl.DataFrame({name: found.get(name, nothing[name]) for name in SOURCE_ROW})


def _times(cells: pl.DataFrame, name: str, reading: Reading) -> pl.Series:
    column = _moments(cells, name)
    times = read_times(column, reading.tz, reading.timeframe).alias(name)
    if times.null_count():
        row = times.is_null().arg_true()[0] + 1
        raise InputError(f"row {row} has no time in column {name!r}")
    refuse_outside(times, reading.now, zoned=reading.tz is not None)
    return times


def _with_times(cells: pl.DataFrame, name: str, reading: Reading) -> str:
    """Give the column of times, or the next in order where all cells are empty."""
    if "time" in reading.columns:
        return name
    names = (name, *columns.others(cells.columns, name))
    return next((each for each in names if cells[each].null_count() < cells.height), name)


def _moments(cells: pl.DataFrame, name: str) -> pl.Series:
    """Give the column of times; times of day together with the days beside."""
    days = columns.day_of(cells.columns, name)
    return cells[name] if days is None else with_days(cells[name], cells[days])
