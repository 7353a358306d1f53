"""The words of a call: query, options, hits and result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, ParamSpec, Protocol, TypeVar, get_args

import polars as pl

from marketkit.api.layout import PLAIN, Layout
from marketkit.cache.memory import CachedRows, gather
from marketkit.cache.ttl import Kind
from marketkit.errors import MarketkitError, PartialResult, warn
from marketkit.exchange.dialect import Priority
from marketkit.frames import (
    Defaults,
    Frame,
    FrameKind,
    OnError,
    Precision,
    check_zone,
    one_of,
)
from marketkit.schema import Schema, empty, exact

P = TypeVar("P")  # the answer with a polars frame
D = TypeVar("D")  # the answer with a pandas frame
A = TypeVar("A")  # the answer with an Arrow table
Q = ParamSpec("Q")
Symbols = str | Iterable[str]
Source = Literal["memory", "feed", "store", "lake", "derived", "rest"]

_KINDS: Mapping[str, Any] = {
    "frame": FrameKind,
    "precision": Precision,
    "priority": Priority,
    "on_error": OnError,
}
_KNOWN = {name: get_args(kind) for name, kind in _KINDS.items()}


class CallOptions(NamedTuple):
    """Options that every call understands; see `validate_options`."""

    frame: FrameKind = "polars"
    tz: str = "UTC"
    precision: Precision = "float"
    priority: Priority = "normal"
    on_error: OnError = "raise"

    @property
    def exact(self) -> bool:
        """Whether every digit of the wire is wanted."""
        return self.precision == "decimal"


def chosen(
    defaults: Defaults,
    frame: FrameKind | None,
    tz: str | None,
    *,
    precision: Precision = "float",
    priority: Priority = "normal",
    on_error: OnError = "raise",
) -> CallOptions:
    """Give the options of a call: the call's own words, or else the provider's."""
    shape = defaults.frame if frame is None else frame, defaults.tz if tz is None else tz
    return CallOptions(*shape, precision, priority, on_error)


def validate_options(options: CallOptions) -> CallOptions:
    """Give options back; raise `InputError` for a value that no call understands."""
    for name, known in _KNOWN.items():
        if (value := getattr(options, name)) not in known:
            one_of(name, value, _KINDS[name])
    if options.tz != "UTC":
        check_zone(options.tz)
    return options


def choose_source(
    *,
    memory: int | None = None,
    feed: int | None = None,
    store: bool = False,
    lake: bool = False,
    derived: bool = False,
) -> Source:
    """Choose the cheapest source that may answer.

    `memory` and `feed` are the ages in milliseconds of what these two hold and may still give, and
    the younger wins. What will not change any more is in the store (answers) or the lake (candles,
    `derived` where they are made of finer ones). Only when none of them has it is the exchange
    asked.

    >>> choose_source(memory=900, feed=20), choose_source(memory=900), choose_source(store=True)
    ('feed', 'memory', 'store')
    """
    if memory is not None and (feed is None or memory <= feed):
        return "memory"
    if feed is not None:
        return "feed"
    if store:
        return "store"
    if lake:
        return "derived" if derived else "lake"
    return "rest"


class Note(NamedTuple):
    """A remark on a symbol's rows; one that is `lacking` is also a warning."""

    text: str
    lacking: bool = False


class Hit(NamedTuple):
    """Rows of one symbol and their source, with a remark or without."""

    source: Source
    held: CachedRows
    note: Note | None = None


Results = dict[str, Hit | MarketkitError]
Load = Callable[[Sequence[str], Priority], Coroutine[Any, Any, Results]]


def apart(results: Results) -> tuple[dict[str, Hit], dict[str, MarketkitError]]:
    """Part hits from failures."""
    hits = {name: each for name, each in results.items() if isinstance(each, Hit)}
    return hits, {name: each for name, each in results.items() if not isinstance(each, Hit)}


async def _all(_: Sequence[str]) -> None:
    """Refuse no symbol."""


async def _none(_: Sequence[str]) -> Results:
    """Know nothing of markets that are not listed."""
    return {}


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """One kind of query: cache key, columns and order of the answers, and the loader.

    `load` asks for symbols and gives a hit or an error for each, with decimals where `exact`;
    `single` says that the exchange takes one a request. A feed may answer from the newest `rows` of
    each symbol of a `channel` (None: no feed has such an answer). `kept` says that an answer may be
    given again. `check` refuses symbols that the query makes no sense for. `guess` asks for symbols
    as they were typed, before it is known what is listed, and gives hits for whatever that brings.
    `ended` gives hits, or errors, for unlisted ones that something is known of all the same.
    """

    kind: Kind
    cache_key: Hashable
    shape: Schema
    order: Sequence[str]
    load: Load
    exact: bool = False
    single: bool = False
    channel: str | None = None
    rows: int = 1
    kept: bool = True
    check: Callable[[Sequence[str]], Awaitable[None]] = _all
    guess: Load | None = None
    ended: Callable[[Sequence[str]], Awaitable[Results]] = _none


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of many symbols, sorted; the symbols by source and `age_clock` moment; the failures.

    `derived` names for a symbol the timeframes that its candles are made of, where some are;
    `notes` are remarks on the rows of some symbols; `left` has the errors of markets that a glob
    meant until they were found to be listed no more.
    """

    frame: pl.DataFrame
    sources: Mapping[tuple[Source, int], Sequence[str]]
    failures: Mapping[str, MarketkitError]
    derived: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    left: Mapping[str, MarketkitError] = field(default_factory=dict)


def collect(
    hits: Mapping[str, Hit],
    failures: Mapping[str, MarketkitError],
    spec: QuerySpec,
    left: Mapping[str, MarketkitError] | None = None,
) -> Result:
    """Put the hits of each symbol together; without any the frame is empty."""
    if not hits:
        shape = exact(spec.shape) if spec.exact else spec.shape
        return Result(empty(shape), {}, failures, left=left or {})
    sources: dict[tuple[Source, int], list[str]] = {}
    batches, held, derived = set(), [], {}
    for symbol, (source, rows, _) in hits.items():
        if symbol in rows.batch.derived:
            derived[symbol] = rows.batch.derived[symbol]
        sources.setdefault((source, rows.batch.made), []).append(symbol)
        batches.add(rows.batch)
        held.append(rows)
    frame = gather(held)
    ordered = frame if len(batches) == 1 else frame.sort(spec.order, maintain_order=True)
    notes = {symbol: hit.note for symbol, hit in hits.items() if hit.note is not None}
    return Result(ordered, sources, failures, derived=derived, notes=notes, left=left or {})


def _nothing() -> None:
    """Recall nothing."""


@dataclass(frozen=True, slots=True)
class Query:
    """A call whose arguments make sense.

    `fetch` asks whoever has to be asked and belongs on the engine's loop, unless the query `sends`
    nothing: then it may run in the caller's thread. `recall` answers from memory in no time and
    from any thread, or gives None. `symbols` are as the caller typed them; None for a market list.
    `layout` is for candles.
    """

    kind: Kind
    symbols: Symbols | None
    options: CallOptions
    fetch: Callable[[], Coroutine[Any, Any, Result]]
    recall: Callable[[], Result | None] = _nothing
    sends: bool = True
    layout: Layout = PLAIN

    def __post_init__(self) -> None:
        validate_options(self.options)

    def finish(self, result: Result) -> Frame:
        """Give the frame in the caller's shape, or raise the failures."""
        frame = result.frame
        for note in result.notes.values():
            if note.lacking:
                warn(note.text)
        if result.failures:
            frame = raise_or_skip(frame, result.failures, self.options.on_error)
        if result.left:
            _warn_of(result.left)
        return self.shape(frame, result)

    def shape(self, frame: pl.DataFrame, result: Result) -> Frame:
        """Give a frame in the caller's shape."""
        if self.layout is PLAIN and self.options[:2] == ("polars", "UTC"):
            return frame  # as most calls have it
        layout = self.layout._replace(frame=self.options.frame, tz=self.options.tz)
        delivered = (name for names in result.sources.values() for name in names)
        return layout.shape(frame, self.symbols, delivered)


class Answer(Protocol):
    """A way to be answered: a frame, a response, or something to await for one of these.

    It makes the query itself, so that an async call refuses arguments when it is awaited, and the
    time that checking them takes is part of the answer's.
    """

    def __call__(self, ask: Callable[Q, Query], /, *args: Q.args, **kwargs: Q.kwargs) -> Any:
        """Make a query and give the answer."""


def raise_or_skip(
    data: pl.DataFrame, failures: Mapping[str, MarketkitError], on_error: OnError
) -> pl.DataFrame:
    """Give the frame, or raise the failures: alone as itself, else with the rows there are."""
    if not failures:
        return data
    if on_error == "skip":
        _warn_of(failures)
        return data
    if data.is_empty() and len({id(failure) for failure in failures.values()}) == 1:
        raise next(iter(failures.values()))
    raise PartialResult(data, failures)


def _warn_of(failures: Mapping[str, MarketkitError]) -> None:
    """Warn of symbols that are not given, once for all that share a failure."""
    sharing: dict[int, list[str]] = {}
    for symbol, failure in failures.items():
        sharing.setdefault(id(failure), []).append(symbol)
    for names in sharing.values():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        warn(f"{names[0]}{more} skipped: {failures[names[0]]}")
