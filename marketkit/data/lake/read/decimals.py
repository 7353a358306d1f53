"""Decimals out of the floats of a lake: of each the shortest text that means the float. Pure.

The exchange writes decimals, and a float keeps up to 15 digits of one for certain: the shortest
text that is read back as the float is then what stood on the wire. Rounding the float's own binary
value to eight places is not: from 67,108,864 on it brings digits that nobody wrote.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import polars as pl

from marketkit.errors import InputError
from marketkit.frames import Precision
from marketkit.schema import NUMBERS, ROW, exact

_NUMBER = exact(ROW)["value"]
_WHOLE = float(1 << 53)  # below it every whole number is a float
_Frame = TypeVar("_Frame", pl.DataFrame, pl.LazyFrame)


def with_decimals(rows: pl.DataFrame) -> pl.DataFrame:
    """Give candles with `Decimal(38, 8)` in place of floats; more places are rounded to 8.

    Raises `InputError` for a number that has no room in that: from 1e30 on.
    """
    # Prices in won are whole as a rule, and need no text: that is six times as fast.
    whole = [pl.col(name).cast(pl.Int64) for name in NUMBERS if _is_whole(rows[name])]
    try:
        return to_decimals(rows.with_columns(whole)).with_columns(pl.col(pl.Int64).cast(_NUMBER))
    except pl.exceptions.InvalidOperationError as error:
        largest = max(float(rows[name].max() or 0) for name in NUMBERS)  # type: ignore[arg-type]
        raise InputError(
            f"{largest!r} is too large for precision='decimal' (below 1e30): say 'float'"
        ) from error


def to_decimals(rows: _Frame) -> _Frame:
    """Convert the floats of candles, or of a plan of such; nothing else is touched."""
    return rows.with_columns(pl.selectors.float().cast(pl.String).cast(_NUMBER))


def _is_whole(numbers: pl.Series) -> bool:
    return bool(((numbers.round() == numbers) & (numbers < _WHOLE)).all())


def in_precision(rows: pl.DataFrame, precision: Precision) -> pl.DataFrame:
    """Give candles of a lake as floats or as decimals."""
    return with_decimals(rows) if precision == "decimal" else rows


def decimal_of(number: float | None) -> Decimal | None:
    """Give the decimal of one float.

    >>> decimal_of(90881250.87541), decimal_of(1e-08)
    (Decimal('90881250.87541'), Decimal('1E-8'))
    """
    return None if number is None else Decimal(repr(number))
