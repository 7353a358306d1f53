"""What a call asks and what it is told: the words between the provider and its readers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from marketkit.api import arguments as answers
from marketkit.api.choice import Source
from marketkit.cache.memory import CachedRows, gather
from marketkit.cache.ttl import Kind
from marketkit.errors import MarketkitError
from marketkit.exchange.dialect import Priority
from marketkit.frames import Frame, FrameKind, OnError, Precision, finish
from marketkit.schema import Schema, empty


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How a caller wants to be answered, whatever the question."""

    frame: FrameKind
    tz: str
    precision: Precision
    priority: Priority
    on_error: OnError

    def __post_init__(self) -> None:
        answers.validate_options(
            frame=self.frame,
            tz=self.tz,
            precision=self.precision,
            priority=self.priority,
            on_error=self.on_error,
        )

    @property
    def exact(self) -> bool:
        """Whether every digit of the wire is wanted."""
        return self.precision == "decimal"


class Hit(NamedTuple):
    """What one source said of one symbol."""

    source: Source
    held: CachedRows


class Part(NamedTuple):
    """The symbols that one source answered for, with what was made at one `steady` moment."""

    source: Source
    made: int
    symbols: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of many symbols, sorted; where each came from and when it was made; what failed."""

    frame: pl.DataFrame
    parts: Sequence[Part]
    failures: Mapping[str, MarketkitError]


@dataclass(frozen=True, slots=True)
class Query:
    """A call whose arguments make sense.

    `recall` answers from memory in no time and from any thread, or gives None; `fetch` asks whoever
    has to be asked and belongs on the engine's loop, unless it `sends` nothing: then it may run in
    the caller's thread. `index` is that of a pandas frame.
    """

    kind: Kind
    form: CallOptions
    index: Sequence[str]
    recall: Callable[[], Result | None]
    fetch: Callable[[], Coroutine[Any, Any, Result]]
    sends: bool = True

    def finish(self, answer: Result) -> Frame:
        """Give the frame in the caller's shape, or raise what failed."""
        settled = answers.raise_or_skip(answer.frame, answer.failures, self.form.on_error)
        return self.shape(settled)

    def shape(self, frame: pl.DataFrame) -> Frame:
        """Give a frame in the caller's shape."""
        return finish(frame, frame=self.form.frame, tz=self.form.tz, index=self.index)


def collected(
    found: Mapping[str, Hit],
    failures: Mapping[str, MarketkitError],
    shape: Schema,
    order: Sequence[str],
) -> Result:
    """Put together what was found of each symbol; without any it is an empty frame of `shape`."""
    if not found:
        return Result(empty(shape), (), failures)
    parts: dict[tuple[Source, int], list[str]] = {}
    for symbol, (source, held) in found.items():
        parts.setdefault((source, held.batch.made), []).append(symbol)
    rows = gather([each.held for each in found.values()])
    if len({each.held.batch for each in found.values()}) > 1:
        rows = rows.sort(order)
    return Result(rows, [Part(*key, symbols) for key, symbols in parts.items()], failures)
