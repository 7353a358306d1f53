"""The state of a provider: deliveries, requests, budgets, as a value that prints well."""

from __future__ import annotations

import asyncio
import html
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import polars as pl

from marketkit.api.query import Result, Source
from marketkit.api.router import Router
from marketkit.cache.memory import Stats
from marketkit.cache.store import ResponseStore, StoreStats
from marketkit.cache.ttl import Kind
from marketkit.clock import age_clock
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.rescue import LACKING, brief, lacking
from marketkit.errors import LakeError
from marketkit.net.exchange_clock import APART
from marketkit.net.transport import GroupStats
from marketkit.schema import empty

if TYPE_CHECKING:
    from marketkit.realtime.health import StreamState

_log = logging.getLogger("marketkit.lake")
_SOURCES: tuple[str, ...] = get_args(Source)


@dataclass(frozen=True, slots=True, eq=False)
class Status:
    """The state of a provider at one moment.

    `delivered` has the symbols by kind of data and source, and the share that needed no request;
    `times` the percentiles of ages at delivery and of calls, in ms; `requests` what became of those
    of each rate group and how many of `limit` the machine has left right now; `lives` how long an
    answer about each market may be given again, and why. `symbols_per_second` were delivered, with
    a known age, over the last minute. `time` is the exchange's, by which everything goes, and
    `machine_ahead` the seconds that this machine's clock is ahead of it: None before it was heard.
    `lacking` has the series that the lake lacks a part of although their market is announced to end
    or has ended (`jobs.rescue.LACKING`), by the market list that was seen last.
    `stream` is the state of the websocket: whether it is connected and, if not, why; None before
    the provider opened a stream.
    """

    endpoint: str
    delivered: pl.DataFrame
    times: pl.DataFrame
    requests: pl.DataFrame
    lives: pl.DataFrame
    symbols_per_second: float
    memory: Stats
    store: StoreStats | None
    time: datetime
    machine_ahead: float | None
    lacking: pl.DataFrame = field(default_factory=lambda: empty(LACKING))
    stream: StreamState | None = None

    @property
    def symbols(self) -> int:
        """The number of symbols delivered, from all sources."""
        return sum(sum(row) for row in self.delivered.select(_SOURCES).iter_rows())

    @property
    def hit_rate(self) -> float | None:
        """The share of symbols that needed no request; None before the first."""
        return 1 - sum(self.delivered["rest"].to_list()) / self.symbols if self.symbols else None

    def as_dict(self) -> dict[str, Any]:
        """Give the same as plain values, frames as lists of rows."""
        frames = ("delivered", "times", "requests", "lives", "lacking")
        return {
            "endpoint": self.endpoint,
            "hit_rate": self.hit_rate,
            "symbols_per_second": self.symbols_per_second,
            "memory": self.memory._asdict(),
            "store": None if self.store is None else self.store._asdict(),
            "time": self.time.isoformat(),
            "machine_ahead": self.machine_ahead,
            "stream": None if self.stream is None else self.stream.as_dict(),
            **{name: getattr(self, name).to_dicts() for name in frames},
        }

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"Status of {self.endpoint}",
                f"  delivered    {self._deliveries()}",
                *(f"  {row['what']:<11}  {_percentiles(row)}" for row in self.times.to_dicts()),
                f"  memory       {_memory(self.memory)}",
                f"  store        {_store(self.store)}",
                *(f"  {_requests(row)}" for row in self.requests.to_dicts()),
                f"  lives        {_lives(self.lives)}",
                f"  stream       {'never opened' if self.stream is None else self.stream}",
                f"  clock        {self._clock()}",
                *([f"  endings      {brief(self.lacking)}"] if self.lacking.height else []),
            ]
        )

    def _repr_html_(self) -> str:
        tables = [self.delivered, self.times, self.requests, self.lives, self.lacking]
        shown = "".join(table._repr_html_() for table in tables if table.height)
        return f"<pre>{html.escape(repr(self))}</pre>{shown}"

    def _clock(self) -> str:
        if self.machine_ahead is None:
            return "the exchange was not heard yet"
        told = f"{self.time:%Y-%m-%dT%H:%M:%SZ} at the exchange"
        if abs(self.machine_ahead) * 1000 <= APART:
            return f"{told} and here"
        here = self.time + timedelta(seconds=self.machine_ahead)
        return f"{told}, {here:%Y-%m-%dT%H:%M:%SZ} here"

    def _deliveries(self) -> str:
        if self.hit_rate is None:
            return "nothing yet"
        return (
            f"{self.symbols:,} symbols, {self.hit_rate:.1%} without a request, "
            f"{self.symbols_per_second:,.1f}/s over the last minute"
        )


async def take_status(
    router: Router,
    metrics: Metrics,
    store: ResponseStore | None,
    filler: GapFiller,
    stream: StreamState | None,
) -> Status:
    """Take the status of a provider."""
    transport, recent = router.transport, metrics.recent()
    kinds = [kind for kind, _ in metrics.delivered() if kind != "market"]
    lives = router.activity.explain(transport.now(), list(dict.fromkeys(kinds)))
    left, ahead = await transport.left(), transport.clock.machine_ahead()
    limits = {group: transport.limit(group).requests for group in left}
    return Status(
        transport.endpoint,
        _delivered(metrics),
        _times(recent),
        _groups(transport.stats(), left, limits),
        lives,
        metrics.per_second(),
        router.memory.stats(),
        None if store is None else await asyncio.to_thread(store.stats),
        datetime.fromtimestamp(transport.now() / 1000, UTC),
        None if ahead is None else ahead / 1000,
        await _lacking(filler, router),
        stream,
    )


async def _lacking(filler: GapFiller, router: Router) -> pl.DataFrame:
    """List the incomplete series of ending markets; none of an unreadable lake."""
    try:
        told = await router.markets.chronicle()
        final = filler.transport.now() - filler.settle
        return await asyncio.to_thread(lacking, filler.lake, told, final)
    except LakeError as error:
        _log.warning("what the lake lacks of ending markets is not known: %s", error)
        return empty(LACKING)


def _delivered(metrics: Metrics) -> pl.DataFrame:
    delivered, failed = metrics.delivered(), metrics.failed()
    rows = [
        {
            "kind": kind,
            **{source: delivered.get((kind, source), 0) for source in get_args(Source)},
            "failed": failed.get(kind, 0),
        }
        for kind in sorted({kind for kind, _ in delivered} | set(failed))
    ]
    shape = {"kind": pl.String, **dict.fromkeys((*_SOURCES, "failed"), pl.Int64)}
    frame = pl.DataFrame(rows, schema=shape)
    rate = 1 - pl.col("rest") / pl.sum_horizontal(_SOURCES)
    return frame.with_columns(hit_rate=rate.fill_nan(None))


def _times(recent: Sequence[Delivery]) -> pl.DataFrame:
    ages = [age for each in recent for age in each.ages]
    rows = [
        {"what": "age", **_weighted([(float(age), count) for age, count in ages])},
        {"what": "latency", **_weighted([(each.seconds * 1000, 1) for each in recent])},
    ]
    return pl.DataFrame(rows, schema={"what": pl.String, **dict.fromkeys(_SHARES, pl.Float64)})


_SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def _weighted(values: Sequence[tuple[float, int]]) -> dict[str, float | None]:
    """Give the least values that so many of the weights do not exceed."""
    if not values:
        return dict.fromkeys(_SHARES)
    frame = pl.DataFrame(values, schema=["value", "weight"], orient="row").sort("value")
    reached = frame["weight"].cum_sum() / frame["weight"].sum()
    return {name: frame["value"][int((reached < share).sum())] for name, share in _SHARES.items()}


def _groups(
    stats: dict[str, GroupStats], left: dict[str, int], limits: dict[str, int]
) -> pl.DataFrame:
    rows = []
    for group in sorted(left):
        did = stats.get(group, GroupStats())
        counts = (did.requests, did.rejected, did.retried, did.failed)
        rows.append((group, *counts, left[group], limits[group]))
    columns = ("requests", "rejected", "retried", "failed", "left", "limit")
    shape = {"group": pl.String, **dict.fromkeys(columns, pl.Int64)}
    return pl.DataFrame(rows, schema=shape, orient="row")


def _percentiles(row: dict[str, Any]) -> str:
    known = [f"{name} {row[name]:,.1f}" for name in _SHARES if row[name] is not None]
    return f"{'  '.join(known)} ms" if known else "unknown"


def _memory(stats: Stats) -> str:
    return (
        f"{stats.entries:,} entries of {stats.batches:,} answers, "
        f"{stats.bytes / 1e6:.1f} of {stats.max_bytes / 1e6:.0f} MB"
    )


def _store(stats: StoreStats | None) -> str:
    if stats is None:
        return "none at this endpoint"
    return (
        f"{stats.entries:,} answers, {stats.bytes / 1e6:.1f} MB, {stats.hits} hits, "
        f"{stats.misses} misses, {stats.failures} failures"
    )


def _requests(row: dict[str, Any]) -> str:
    return (
        f"{row['group']:<11}  {row['requests']:,} requests, {row['rejected']} rejected, "
        f"{row['left']} of {row['limit']} left"
    )


def _lives(lives: pl.DataFrame) -> str:
    if lives.is_empty():
        return "no market seen yet"
    shortest, longest = min(lives["ttl_ms"].to_list()), max(lives["ttl_ms"].to_list())
    states = lives["state"].cast(pl.String).value_counts(sort=True, name="count")
    counts = ", ".join(f"{count} {state}" for state, count in states.iter_rows())
    return f"{shortest:,} to {longest:,} ms ({counts})"


_RECENT = 10_000  # calls that percentiles are taken over


_MINUTE = 60_000


class Delivery(NamedTuple):
    """One call: moment of the answer, symbols delivered, seconds taken, `(age, symbols)`."""

    at: int
    symbols: int
    seconds: float
    ages: Sequence[tuple[int, int]]


class Metrics:
    """Counts since the start, and the latest calls; safe in any thread."""

    def __init__(self, clock: Callable[[], int] = age_clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._delivered: Counter[tuple[Kind, Source]] = Counter()
        self._failed: Counter[Kind] = Counter()
        self._recent: deque[Delivery] = deque(maxlen=_RECENT)

    def count(self, kind: Kind, result: Result, seconds: float) -> None:
        """Count one call that was answered."""
        now, delivered, ages = self._clock(), 0, []
        for (_, made), symbols in result.sources.items():
            delivered += len(symbols)
            ages.append((now - made, len(symbols)))
        delivery = Delivery(now, delivered, seconds, ages)
        with self._lock:
            for (source, _), symbols in result.sources.items():
                self._delivered[kind, source] += len(symbols)
            self._failed[kind] += len(result.failures)
            self._recent.append(delivery)

    def delivered(self) -> dict[tuple[Kind, Source], int]:
        """Give the symbols delivered, by kind of data and source."""
        with self._lock:
            return dict(self._delivered)

    def failed(self) -> dict[Kind, int]:
        """Give the symbols that were asked for and not delivered."""
        with self._lock:
            return dict(+self._failed)

    def recent(self) -> list[Delivery]:
        """Give the latest calls, oldest first."""
        with self._lock:
            return list(self._recent)

    def per_second(self) -> float:
        """Give the symbols delivered a second, over the last minute."""
        since = self._clock() - _MINUTE
        return sum(each.symbols for each in self.recent() if each.at > since) / _MINUTE * 1000
