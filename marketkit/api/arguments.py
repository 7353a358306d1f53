"""What a call is given and gives back: arguments checked, the index chosen, failures told apart."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import polars as pl

from marketkit import symbols as naming
from marketkit.errors import MarketkitError, PartialResult
from marketkit.exchange.dialect import Priority
from marketkit.frames import FrameKind, OnError, Precision, check_zone, one_of

Symbols = str | Iterable[str]


def validate_options(
    *,
    frame: FrameKind = "polars",
    tz: str = "UTC",
    precision: Precision = "float",
    priority: Priority = "normal",
    on_error: OnError = "raise",
) -> None:
    """Refuse arguments that no call understands, before anything is sent."""
    one_of("frame", frame, FrameKind)
    one_of("precision", precision, Precision)
    one_of("priority", priority, Priority)
    one_of("on_error", on_error, OnError)
    check_zone(tz)


def index_of(symbols: Symbols) -> list[str]:
    """Give the columns that index a pandas frame: those of one symbol, or of several."""
    return (
        ["time"] if isinstance(symbols, str) and not naming.is_glob(symbols) else ["symbol", "time"]
    )


def raise_or_skip(
    data: pl.DataFrame, failures: Mapping[str, MarketkitError], on_error: OnError
) -> pl.DataFrame:
    """Give the frame, or raise what failed: alone as itself, else with what was got."""
    if not failures:
        return data
    if on_error == "skip":
        for symbol, failure in failures.items():
            warnings.warn(f"{symbol} skipped: {failure}", stacklevel=2)
        return data
    if data.is_empty() and len({id(failure) for failure in failures.values()}) == 1:
        raise next(iter(failures.values()))
    raise PartialResult(data, failures)
