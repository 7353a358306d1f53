"""The options of streams beside the common ones, and the frames that are asked for."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.api.books import BookForm
from marketkit.api.layout import fixed_of, index_of
from marketkit.api.query import CallOptions, Symbols
from marketkit.data.lake.lake import Lake
from marketkit.errors import InputError
from marketkit.frames import Frame, finish
from marketkit.window import Instant

_SETTLE = 90.0  # seconds; a question a minute and quiet market is a fraction of the budget
_LEAST = 3.0  # seconds after which an answer of the exchange has all trades of a slot


class StreamOptions(NamedTuple):
    """The options of streams beside the common ones; None where a caller gave none."""

    settle: float | None = None
    depth: int | None = None
    level: float = 0
    new_listings: bool | None = None

    def settled(self, *, candles: bool) -> int:
        """Give how long a closed candle waits, ms. Raises `InputError` for an impossible time."""
        if self.settle is not None and not candles:
            raise InputError("settle is for candles: give it with a channel such as 'candle.1m'")
        settle = _SETTLE if self.settle is None else self.settle
        if not (isinstance(settle, int | float) and _LEAST <= settle < math.inf):
            raise InputError(f"settle={settle!r}: give seconds, {_LEAST:g} or more")
        return round(settle * 1000)


NO_OPTIONS = StreamOptions()


class Again(NamedTuple):
    """The recording or lake of a replay, the span, and how many times as fast as then."""

    replay: str | Path | Lake
    speed: float
    start: Instant | None
    end: Instant | None


def again(
    replay: str | Path | Lake | None, speed: float, start: Instant | None, end: Instant | None
) -> Again | None:
    """Put the options of a replay together. Raises `InputError` for options without a replay."""
    if replay is not None:
        return Again(replay, speed, start, end)
    if (speed, start, end) != (1.0, None, None):
        raise InputError("speed, start and end are for replays: give replay= a recording or a lake")
    return None


def shape_of(symbols: Symbols, form: CallOptions) -> Callable[[pl.DataFrame], Frame]:
    """Give the function that makes a caller's frame of ours."""
    index, fixed = index_of(symbols), fixed_of(symbols)
    return functools.partial(finish, frame=form.frame, tz=form.tz, index=index, fixed=fixed)


def cut(books: BookForm, shape: Callable[[pl.DataFrame], Frame]) -> Callable[..., Frame]:
    """Have frames of books show the wanted levels only."""
    return lambda frame: shape(books.cut(frame))
