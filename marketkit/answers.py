"""How an answer is put together: arguments checked, frames joined, failures told apart."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from marketkit import naming
from marketkit.errors import MarketkitError, PartialResult
from marketkit.exchange.dialect import Priority
from marketkit.frames import FrameKind, OnError, Precision, check_zone, one_of
from marketkit.schema import Schema, empty, exact

Symbols = str | Iterable[str]


def check(
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


def joined(rows: Sequence[pl.DataFrame], shape: Schema, precision: Precision) -> pl.DataFrame:
    """Put frames together; none at all is an empty frame with the same columns."""
    return pl.concat([empty(exact(shape) if precision == "decimal" else shape), *rows])


async def each(
    names: Sequence[str],
    ask: Callable[[str], Coroutine[Any, Any, pl.DataFrame]],
    failures: dict[str, MarketkitError],
) -> list[pl.DataFrame]:
    """Ask for symbols side by side; one that fails does not take the others with it."""
    frames = []

    async def one(name: str) -> None:
        try:
            frames.append(await ask(name))
        except MarketkitError as failure:
            failures[name] = failure

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(one(name))
    return frames


def settle(
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
