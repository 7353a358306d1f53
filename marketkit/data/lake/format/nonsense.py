"""Nonsense in damaged files: the exceptions raised over a file, and the checks."""

from __future__ import annotations

import polars as pl

from marketkit.coverage import ONE_ANSWER
from marketkit.window import EVER

# What JSON that is none of ours can lead to: numbers without end, lists within lists, other kinds.
NONSENSE = (
    *(LookupError, TypeError, ValueError),
    *(ArithmeticError, RecursionError, AttributeError),
)
# What polars raises over bytes that are none of ours; the second is no `Exception`.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
_LONGEST = 40  # letters of a word for evidence; ours have a dozen


def is_moment(said: object) -> bool:
    """Say whether a number of a file is a time in ms that candles can have."""
    return type(said) is int and EVER.start <= said <= EVER.end


def evidence_of(said: object) -> str:
    """Give a file's word for the evidence of a beginning; older files have none: one answer.

    Words of a later marketkit are taken as they are. Raises `ValueError` for what is no word.
    """
    if said is None:
        return ONE_ANSWER
    if not (isinstance(said, str) and 0 < len(said) <= _LONGEST and said.isprintable()):
        raise ValueError(f"{said!r:.80} is no word for evidence")
    return said


def shown(text: str) -> str:
    r"""Spell a name or a word of a file for a frame: bytes that are no text are escaped.

    >>> shown("series=\udcff")
    'series=\\udcff'
    """
    return text.encode("utf-8", "backslashreplace").decode()
