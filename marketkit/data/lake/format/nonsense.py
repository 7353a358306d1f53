"""Nonsense in damaged files: the exceptions raised over it, and the checks for it."""

from __future__ import annotations

import polars as pl

from marketkit.window import EVER

# What JSON that is none of ours can lead to: numbers without end, lists within lists, other kinds.
NONSENSE = (
    *(LookupError, TypeError, ValueError),
    *(ArithmeticError, RecursionError, AttributeError),
)
# What polars raises over bytes that are none of ours; the second is no `Exception`.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


def is_moment(said: object) -> bool:
    """Say whether a number of a file is a time in ms that candles can have."""
    return type(said) is int and EVER.start <= said <= EVER.end


def shown(text: str) -> str:
    r"""Spell a name or a word of a file for a frame: bytes that are no text are escaped.

    >>> shown("series=\udcff")
    'series=\\udcff'
    """
    return text.encode("utf-8", "backslashreplace").decode()
