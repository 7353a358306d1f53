"""Prices and volumes of any kind of cell, as numbers of 64 bits or nothing."""

from __future__ import annotations

import re

import polars as pl

from marketkit.errors import InputError, plain

# How programs write that there is no number.
_NOTHING = ("", "nan", "null", "none", "na", "n/a", "nat", "-", "<na>", "#n/a")
_COMMA = re.compile(r"[+-]?\d+(?:[.,]\d+)*,\d+(?:[.,]\d+)*")


def read_numbers(column: pl.Series, ours: str) -> pl.Series:
    """Give a column, `ours` by name, as `Float64`, null where no number is said; NaN is none.

    Numbers of 32 bits are read at their shortest decimal, which is what was meant before a program
    cut them: 0.1, not 0.10000000149011612. Raises `InputError` with the row for other cells.
    """
    dtype = column.dtype
    if dtype == pl.Boolean:
        raise InputError(
            f"column {column.name!r} holds true and false, which are no numbers{_other(ours)}"
        )
    if dtype in {pl.Float32, pl.Float16}:
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        return _of_text(column, ours).fill_nan(None)
    if not (dtype.is_numeric() or dtype == pl.Null):
        raise InputError(
            f"column {column.name!r} holds {dtype}, which are no numbers{_other(ours)}"
        )
    return column.cast(pl.Float64).fill_nan(None)


def _of_text(column: pl.Series, ours: str) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() == column.null_count():
        return numbers
    tidy = column.str.strip_chars()
    numbers = tidy.cast(pl.Float64, strict=False)
    said = column.is_not_null() & ~tidy.str.to_lowercase().is_in(_NOTHING)
    wrong = (said & numbers.is_null()).arg_true()
    if len(wrong):
        raise InputError(_no_number(column, wrong[0], ours))
    return numbers


def _no_number(column: pl.Series, at: int, ours: str) -> str:
    value = column[at]
    shown = f"row {at + 1}, column {column.name!r}: {plain(value, 40)!r} is no number"
    if _COMMA.fullmatch(value.strip()):
        return f"{shown}: write decimals with a point, and no commas (1234.5, not 1.234,5 or 1,234)"
    return shown + _other(ours)


def _other(ours: str) -> str:
    return f"; columns={{{ours!r}: ...}} names another column"
