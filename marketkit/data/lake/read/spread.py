"""Candles read symbol by symbol, by whoever has hands: this process, an executor, or Dask.

A worker opens the lake at its address and reads whole series with our own reader. Only that and a
function travel, and what the function gives comes back.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol, cast

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.store.left_out import SPOILT, say
from marketkit.data.lake.store.store import Selection
from marketkit.errors import CorruptFile, InputError, LakeError, MissingExtra, NewerFormat
from marketkit.frames import finish
from marketkit.net.parcels import check_executor, failure_of, pack, require_version, send
from marketkit.schema import ROW, empty
from marketkit.settings import library_version
from marketkit.timeframe import Timeframe

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

Function = Callable[[pl.LazyFrame], pl.DataFrame | pl.LazyFrame]
_Answer = pl.DataFrame | CorruptFile | NewerFormat  # `SPOILT` of a symbol that cannot be read

_AHEAD = 256  # symbols on the way to workers: more than there are threads, and few in memory


class Scanned(Protocol):
    """A lake to be read, which travels by its address."""

    def scan(self, symbols: str, timeframe: str | Timeframe, start: int, end: int) -> pl.LazyFrame:
        """Scan the candles of a symbol."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """The candles of one symbol of a lake, as they are when somebody reads them."""

    lake: Scanned
    symbol: str
    timeframe: str
    window: Span

    def scan(self) -> pl.LazyFrame:
        """Scan them."""
        return self.lake.scan(self.symbol, self.timeframe, *self.window)


def map_parts(
    function: Function, parts: Sequence[Part], on: Executor | None, *, named: bool
) -> pl.DataFrame:
    """Call a function with each part, here or on an executor, and put the frames together.

    They come in the order of the parts. Raises what the function raises, with the symbol as a note;
    a part that cannot be read is a failure if it was `named`, and is left out with a warning else.
    """
    if not callable(function):
        raise InputError(f"function={function!r} is none: give one that takes a LazyFrame")
    if on is None:
        several = _from_here(function, parts)
    else:
        several = _from_workers(function, parts, check_executor(on))
    frames, failures = dict[str, pl.DataFrame](), dict[str, LakeError]()
    with closing(several):
        for part, answer in zip(parts, several, strict=True):
            if isinstance(answer, pl.DataFrame):
                frames[part.symbol] = answer
            elif named:
                raise answer
            else:
                failures[f"{part.symbol} {part.timeframe}"] = answer
    say(failures, anything=bool(frames))
    return _together(frames)


def _from_here(function: Function, parts: Sequence[Part]) -> Generator[_Answer]:
    """Give the frames of all parts in order; a bucket sends the files of the next meanwhile."""
    with ThreadPoolExecutor(1) as ahead:
        coming = [ahead.submit(part.scan) for part in parts[:1]]
        for part, following in zip_longest(parts, parts[1:]):
            scanned = coming.pop()
            if following is not None:
                coming.append(ahead.submit(following.scan))
            yield _called(function, part, scanned.result)


def _from_workers(function: Function, parts: Sequence[Part], on: Executor) -> Generator[_Answer]:
    """Give the frames of all parts in order, with some parts under way at a time."""
    under_way: deque[Future[_Answer]] = deque()
    waiting = iter(parts)
    try:
        for _ in parts:
            while len(under_way) < _AHEAD and (part := next(waiting, None)) is not None:
                under_way.append(send(on, pack(_applied, function, part)))
            yield _result(under_way.popleft())
    finally:
        for each in under_way:
            each.cancel()


def _result(future: Future[_Answer]) -> _Answer:
    try:
        return future.result()
    except Exception as error:
        told = failure_of(error)
        if told is error:
            raise
        raise told from error


def _applied(function: Function, part: Part) -> _Answer:
    """Call the function over there."""
    return _called(function, part, part.scan)


def _called(function: Function, part: Part, scan: Callable[[], pl.LazyFrame]) -> _Answer:
    """Call the function; a lazy frame is collected where it was made.

    A part that cannot be read is told as an answer: the function raises what it likes.
    """
    try:
        try:
            rows = scan()
        except SPOILT as failure:
            return failure
        found: object = function(rows)
        if isinstance(found, pl.LazyFrame):
            found = found.collect()
    except Exception as error:
        error.add_note(f"while {part.symbol} {part.timeframe} was mapped")
        raise
    if not isinstance(found, pl.DataFrame):
        raise InputError(
            f"the function gives {type(found).__name__} for {part.symbol}: it must give a polars"
            " DataFrame or LazyFrame"
        )
    return found


def _together(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame()
    try:
        return pl.concat(frames.values(), how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        symbol, first = next(iter(frames.items()))
        odd = next((name for name, each in frames.items() if each.schema != first.schema), symbol)
        raise InputError(
            f"the function gives other columns for {odd} than for {symbol}:"
            f" {dict(frames[odd].schema)} and {dict(first.schema)}"
        ) from error


@dataclass(frozen=True, slots=True)
class Partition:
    """The reader of Dask's partitions: a symbol in, a pandas frame with that index out.

    `seen` are the lake's files as they were: with others the same partitions have other names.
    """

    lake: Scanned
    timeframe: str
    window: Span
    seen: str
    version: str

    def __call__(self, symbol: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read one partition, or some columns of it."""
        require_version(self.version)
        rows = Part(self.lake, symbol, self.timeframe, self.window).scan()
        wanted = rows if columns is None else rows.select("symbol", *_but_index(columns))
        return _as_pandas(wanted.collect())


def dask_frame(lake: Scanned, found: Selection, window: Span) -> dd.DataFrame:
    """Give a Dask dataframe with a partition for each symbol, whose index has the symbols."""
    try:
        import dask.dataframe as dd  # noqa: PLC0415 - an extra, and slow
    except ImportError:
        raise MissingExtra("dask[dataframe]", "dask") from None
    say(found.failures, anything=bool(found.symbols))
    if not found.symbols:
        raise InputError("the lake has no such series: a Dask dataframe has a partition at least")
    name = found.timeframe.name
    reader = Partition(lake, name, window, _stamp(found), library_version())
    divisions = (*found.symbols, found.symbols[-1])
    make: Any = dd.from_map  # it has no types
    frame: dd.DataFrame = make(
        *(reader, found.symbols),
        meta=_as_pandas(empty(ROW)),
        divisions=divisions,
        label=f"marketkit-{name}",
    )
    return frame


def _stamp(found: Selection) -> str:
    """Sum up the files of series, as they are now."""
    files = [
        (symbol, each.chunk, repr(each.stamp))
        for symbol, (_, entries) in found.found.items()
        for each in entries
    ]
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16]


def _but_index(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name != "symbol"]


def _as_pandas(rows: pl.DataFrame) -> pd.DataFrame:
    return cast("pd.DataFrame", finish(rows, frame="pandas", tz="UTC", index=["symbol"]))
