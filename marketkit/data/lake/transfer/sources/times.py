"""Times of any kind of cell as UTC: one unit or form for all rows, zones never guessed."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from marketkit.data.lake.transfer.sources.columns import zone_in
from marketkit.data.lake.transfer.sources.moments import (
    DIGITS,
    first_said,
    first_unread,
    form_of,
    read_moments,
)
from marketkit.errors import InputError, plain
from marketkit.schema import TIME
from marketkit.timeframe import DAY, Timeframe, iso, parse_time

FIRST = parse_time("2017-01-01")  # Upbit's oldest candles are of September 2017


class _Unit(NamedTuple):
    """A way to write a time as one number, and the numbers of the years 1990 to 2099."""

    name: str
    low: int
    high: int
    per_ms: int = 0  # the numbers in a millisecond; below zero: milliseconds in a number
    form: str = ""


# No number is a time in two of these.
_UNITS = (
    _Unit("s", 631_152_000, 4_102_444_800, -1_000),
    _Unit("ms", 631_152_000_000, 4_102_444_800_000, 1),
    _Unit("us", 631_152_000_000_000, 4_102_444_800_000_000, 1_000),
    _Unit("ns", 631_152_000_000_000_000, 4_102_444_800_000_000_000, 1_000_000),
    _Unit("yyyymmdd", 1990_01_01, 2100_01_01, form="%Y%m%d"),
    _Unit("yyyymmddHHMM", 1990_01_01_00_00, 2100_01_01_00_00, form="%Y%m%d%H%M"),
    _Unit("yyyymmddHHMMSS", 1990_01_01_00_00_00, 2100_01_01_00_00_00, form="%Y%m%d%H%M%S"),
)


def read_times(column: pl.Series, tz: str | None, timeframe: Timeframe) -> pl.Series:
    """Give a column of times as ms UTC, null where a cell is empty.

    `tz` is the zone of times that say none, unless the column's name does. A day alone is the start
    of that day there; of candles of a day and wider it is the candle that starts on that day, for
    the exchange's start at 00:00 UTC. Raises `InputError` with the row.
    """
    dtype = column.dtype
    if dtype == pl.String:
        naive = _from_text(column)
    elif dtype.is_integer() or dtype.is_decimal() or dtype == pl.Float64:
        column = column.fill_nan(None) if dtype == pl.Float64 else column
        naive = _from_numbers(column, _whole(column))
    elif dtype == pl.Null or isinstance(dtype, pl.Date | pl.Datetime):
        naive = column
    else:
        raise InputError(f"column {column.name!r} holds {dtype}, which are no times")
    return _in_utc(column.name, naive, tz, timeframe)


def refuse_outside(times: pl.Series, now: int, *, zoned: bool) -> None:
    """Raise `InputError` for the first time before Upbit began, or after `now`.

    `zoned` says that the file itself does not say the zone of its times.
    """
    numbers = times.cast(pl.Int64)
    oldest, newest = numbers.min(), numbers.max()
    if isinstance(newest, int) and newest > now:
        at = (numbers > now).arg_true()[0]
        hint = "; are its times of another zone than tz= says?" if zoned else ""
        raise InputError(
            f"row {at + 1} lies in the future: {iso(numbers[at])} in column {times.name!r}, and it"
            f" is {iso(now)}{hint}"
        )
    if isinstance(oldest, int) and oldest < FIRST:
        at = (numbers < FIRST).arg_true()[0]
        raise InputError(
            f"row {at + 1} lies at {iso(numbers[at])} in column {times.name!r}, before Upbit began"
            " (2017); columns={'time': ...} names another column"
        )


def _whole(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Int64, strict=False)
    if numbers.null_count() != column.null_count() or (numbers != column).any():
        raise InputError(f"column {column.name!r} holds fractions, not times")
    return numbers


def _from_numbers(column: pl.Series, numbers: pl.Series) -> pl.Series:
    low, high = numbers.min(), numbers.max()
    if not (isinstance(low, int) and isinstance(high, int)):
        return pl.Series(column.name, [None] * len(column), TIME)
    unit = next((each for each in _UNITS if each.low <= low and high < each.high), None)
    if unit is None:
        raise InputError(_no_unit(column.name, numbers.drop_nulls().to_list()))
    if unit.form:
        times = numbers.cast(pl.String).str.to_datetime(unit.form, time_unit="ms", strict=False)
        _refuse_unread(column, times)
        return times.cast(pl.Date) if unit.form == "%Y%m%d" else times
    if unit.per_ms < 0:
        return (numbers * -unit.per_ms).cast(TIME)
    _refuse_between(column.name, (numbers % unit.per_ms != 0).arg_true())
    return (numbers // unit.per_ms).cast(TIME)


def _no_unit(name: str, numbers: list[int]) -> str:
    """Say why numbers are no times: rows counted, or two units in one column."""
    counted = numbers[0] in {0, 1} and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    if counted:
        return (
            f"column {name!r} numbers its rows, {numbers[0]:,} to {numbers[-1]:,}: these are no"
            " times; say columns={'time': ...}"
        )
    units = [_unit_of(number) for number in (numbers[0], *numbers)][1:]
    at = next((row for row, unit in enumerate(units) if unit != units[0]), 0)
    if units[at] is None:
        known = " ".join(unit.name for unit in _UNITS)
        return f"row {at + 1}, column {name!r}: {numbers[at]} is no time (in {known})"
    return (
        f"row {at + 1}, column {name!r}: {numbers[at]} is a time in {units[at]}, and row 1 has"
        f" {numbers[0]}{f', in {units[0]}' if units[0] else ''}: one unit for all rows"
    )


def _unit_of(number: int) -> str | None:
    return next((unit.name for unit in _UNITS if unit.low <= number < unit.high), None)


def _from_text(column: pl.Series) -> pl.Series:
    at = first_said(column)
    if at is not None and DIGITS.fullmatch(column[at].strip()):
        numbers = column.str.strip_chars().str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
        _refuse_unread(column, numbers)
        return _from_numbers(column, numbers)
    times = read_moments(column)
    _refuse_unread(column, times)
    return times


def _refuse_unread(column: pl.Series, times: pl.Series) -> None:
    if (at := first_unread(column, times)) is None:
        return
    value = plain(str(column[at]), 40)
    why = "which is no time like the others"
    if form_of(str(column[at]).strip()) is None:
        why = (
            "which is no time such as 2024-01-01T09:00:00Z; columns={'time': ...} names another"
            " column"
        )
    raise InputError(f"row {at + 1}, column {column.name!r} holds {value!r}, {why}")


def _refuse_between(name: str, rows: pl.Series) -> None:
    if len(rows):
        raise InputError(f"row {rows[0] + 1}, column {name!r}: a time between milliseconds")


def _in_utc(name: str, times: pl.Series, tz: str | None, timeframe: Timeframe) -> pl.Series:
    days = times.dtype == pl.Date
    naive = _in_ms(name, times)
    if times.null_count() == len(times):
        return naive.dt.replace_time_zone(None).dt.replace_time_zone("UTC")
    if _is_zoned(naive):
        return naive.dt.convert_time_zone("UTC")
    zone = _zone(name, tz)
    there = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    _refuse_odd_hours(name, naive, there, zone)
    utc = there.dt.convert_time_zone("UTC")
    if days and timeframe.width >= DAY:
        return ((utc.cast(pl.Int64) + (DAY - 1)) // DAY * DAY).cast(TIME)
    return utc


def _is_zoned(times: pl.Series) -> bool:
    return isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone is not None


def _in_ms(name: str, times: pl.Series) -> pl.Series:
    if not isinstance(times.dtype, pl.Datetime):
        return times.cast(pl.Datetime("ms"))
    exact = times.dt.cast_time_unit("ms")
    if times.dtype.time_unit != "ms":
        back = exact.dt.cast_time_unit(times.dtype.time_unit)
        _refuse_between(name, (back != times).arg_true())
    return exact


def _zone(name: str, tz: str | None) -> str:
    """Give the zone that the caller or the column's name says."""
    said = zone_in(name)
    zone = said if tz is None else tz
    if zone is None:
        raise InputError(
            f"the times of column {name!r} carry no zone: say which it is, as in tz='UTC' or"
            " tz='Asia/Seoul'"
        )
    if said not in (None, zone):
        raise InputError(f"column {name!r} says {said}, not tz={zone!r}")
    return zone


def _refuse_odd_hours(name: str, naive: pl.Series, there: pl.Series, zone: str) -> None:
    if there.null_count() != naive.null_count():
        at = (there.is_null() & naive.is_not_null()).arg_true()[0]
        raise InputError(
            f"row {at + 1}, column {name!r}: in tz={zone!r} clocks show {naive[at]} twice or never"
        )
