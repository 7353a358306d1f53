"""The words of a file for each candle: traded, empty, forming or unknown."""

from __future__ import annotations

import polars as pl

from marketkit.errors import InputError, plain

# As marketkit writes them, and as `SourceTable` has them.
_STATES = {
    "closed": "traded",
    "traded": "traded",
    "empty": "empty",
    "maintenance": "empty",
    "forming": "forming",
    "unknown": "unknown",
    "unfetchable": "unknown",
    "before_listing": "unknown",
}


def read_states(column: pl.Series) -> pl.Series:
    """Give a column of states in the four words; raises `InputError` for any other word."""
    said = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    states = said.replace_strict(_STATES, default=None, return_dtype=pl.String)
    wrong = (states.is_null() & said.is_not_null() & (said != "")).arg_true()
    if len(wrong):
        at = wrong[0]
        raise InputError(
            f"row {at + 1}, column {column.name!r}: {plain(said[at], 40)!r} is no state of a candle"
            " (closed empty forming unknown); columns={'state': None} leaves the column out"
        )
    return states
