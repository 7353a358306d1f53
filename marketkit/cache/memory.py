"""Answers kept in memory for as long as each may be given again, within a bound of bytes.

Rows stay in the columns they came in; an entry only says which rows of which answer are a symbol's.
An age counts from the moment the request was written, which no part of its answer can precede.
Moments are milliseconds of one steady clock that callers pass in.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from marketkit.clock import age_clock
from marketkit.symbols import shared

MAX_BYTES = 64 * 1024 * 1024  # small beside what polars itself takes of a process
# What an entry and a column take beside their data, measured on CPython 3.11 and polars 2.1.
ENTRY_BYTES = 250
COLUMN_BYTES = 200
_SWEEP = 5_000  # ms between two cleanings, each of which looks at every answer


@dataclass(slots=True, eq=False)
class Batch:
    """The rows of one answer, a run of rows for each symbol, made at or after `made`.

    `derived` names for a symbol the timeframes that its candles were made of, where some were.
    """

    frame: pl.DataFrame
    made: int
    cache_key: Hashable
    symbols: tuple[str, ...]
    until: int = 0
    used: int = 0
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """The size in memory."""
        columns = self.frame.width * COLUMN_BYTES
        return int(self.frame.estimated_size()) + columns + len(self.symbols) * ENTRY_BYTES


class CachedRows(NamedTuple):
    """One symbol's entry: `length` rows of a batch from `first` on, until a moment."""

    batch: Batch
    first: int
    length: int
    until: int


class Stats(NamedTuple):
    """Counts of the memory tier: entries, the answers around each, bytes of how many, evictions."""

    entries: int
    batches: int
    bytes: int
    max_bytes: int
    evicted: int


class Memory:
    """Entries by cache key and symbol, the least recently used answer leaving first.

    `put` and `clean` belong to one thread; `find` may be called from any.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._by_key: dict[Hashable, dict[str, CachedRows]] = {}
        self._batches: dict[Batch, int] = {}
        self._bytes = 0
        self._evicted = 0
        self._timer: asyncio.TimerHandle | None = None

    def find(
        self, cache_key: Hashable, symbols: Iterable[str], now: int
    ) -> list[CachedRows | None]:
        """Give the entry of each symbol that may still be given; None where there is none."""
        known = self._by_key.get(cache_key, {})
        entries: list[CachedRows | None] = []
        for symbol in symbols:
            entry = known.get(symbol)
            if entry is not None and entry.until > now:
                entry.batch.used = now
                entries.append(entry)
            else:
                entries.append(None)
        return entries

    def put(
        self,
        cache_key: Hashable,
        frame: pl.DataFrame,
        symbols: Sequence[str],
        *,
        made: int,
        lives: Mapping[str, int],
        now: int,
        derived: Mapping[str, str] | None = None,
    ) -> list[CachedRows]:
        """Keep the rows of an answer, each symbol's for a life in milliseconds after `made`.

        `frame` is sorted by symbol; a symbol of `symbols` without rows is kept as having none.
        Entries that are younger than this answer stay. Gives what the answer said of each symbol,
        whether it was kept or not.
        """
        names = tuple(shared(symbols))
        batch = Batch(frame, made, cache_key, names, used=now, derived=derived or {})
        rows = entries(batch, lives)
        batch.until = max((each.until for each in rows), default=0)
        if batch.until > now and batch.bytes <= self._max_bytes // 4:
            self._keep(batch, rows)
        self.clean(now)
        return rows

    def clean(self, now: int) -> None:
        """Drop the expired answers, and the least recently used beyond the bound."""
        for batch in [each for each in self._batches if each.until <= now]:
            self._drop(batch)
        if self._bytes > self._max_bytes:
            for batch in sorted(self._batches, key=lambda each: each.used):
                self._drop(batch)
                self._evicted += 1
                # A little room, so that the next answers need not sort again.
                if self._bytes <= self._max_bytes * 0.95:
                    break

    def clean_later(self) -> None:
        """Clean on the running loop, now and then, for as long as there is something to clean."""
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer.cancelled() or self._timer.when() < loop.time() - 1:
            self._timer = loop.call_later(_SWEEP / 1000, _sweep, weakref.ref(self))

    def stats(self) -> Stats:
        """Count the entries."""
        entries = sum(len(each) for each in list(self._by_key.values()))
        return Stats(entries, len(self._batches), self._bytes, self._max_bytes, self._evicted)

    def _keep(self, batch: Batch, entries: Sequence[CachedRows]) -> None:
        self._batches[batch] = batch.bytes
        self._bytes += batch.bytes
        stored = self._by_key.setdefault(batch.cache_key, {})
        for symbol, entry in zip(batch.symbols, entries, strict=True):
            known = stored.get(symbol)
            if known is None or known.batch.made <= batch.made:
                stored[symbol] = entry

    def _drop(self, batch: Batch) -> None:
        self._bytes -= self._batches.pop(batch)
        stored = self._by_key.get(batch.cache_key, {})
        for symbol in batch.symbols:
            if symbol in stored and stored[symbol].batch is batch:
                del stored[symbol]
        if not stored:
            self._by_key.pop(batch.cache_key, None)


def gather(entries: Sequence[CachedRows]) -> pl.DataFrame:
    """Put the rows of several symbols together in the order given; there must be one at least."""
    rows: dict[Batch, list[CachedRows]] = {}
    for entry in entries:
        rows.setdefault(entry.batch, []).append(entry)
    frames = [_rows(batch, parts) for batch, parts in rows.items()]
    return frames[0] if len(frames) == 1 else pl.concat(frames)


def _rows(batch: Batch, parts: Sequence[CachedRows]) -> pl.DataFrame:
    first = row = parts[0].first
    for part in parts:
        if part.first != row and part.length:
            return batch.frame[[row for p in parts for row in range(p.first, p.first + p.length)]]
        row += part.length
    return batch.frame.slice(first, row - first)


def entries(batch: Batch, lives: Mapping[str, int]) -> list[CachedRows]:
    """Give the rows of a batch for each symbol, and the life of each in ms after `made`."""
    lengths = dict(batch.frame["symbol"].rle().struct.unnest().select("value", "len").iter_rows())
    firsts, row = dict[str, int](), 0
    for symbol, length in lengths.items():
        firsts[symbol] = row
        row += length
    return [
        CachedRows(batch, firsts.get(symbol, 0), lengths.get(symbol, 0), batch.made + lives[symbol])
        for symbol in batch.symbols
    ]


def _sweep(reference: weakref.ref[Memory]) -> None:
    memory = reference()
    if memory is not None:
        memory._timer = None  # noqa: SLF001 - a method would keep the memory alive
        memory.clean(age_clock())
        if memory.stats().batches:
            memory.clean_later()
