"""The state of a provider: deliveries, requests, budgets, as a value that prints well."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl

from marketkit.api.metrics import SHARES, SOURCES, Metrics, delivered, times
from marketkit.api.router import Router
from marketkit.cache.memory import Stats
from marketkit.cache.store import ResponseStore, StoreStats
from marketkit.data.fetch.gaps import GapFiller
from marketkit.data.jobs.rescue import LACKING, brief, lacking
from marketkit.data.lake.report.summary import LakeState, look
from marketkit.errors import LakeError
from marketkit.net.exchange_clock import APART
from marketkit.net.transport import GroupStats
from marketkit.notebook import words
from marketkit.notebook.card import Card, Shown
from marketkit.notebook.table import Table, table
from marketkit.schema import empty

if TYPE_CHECKING:
    from marketkit.realtime.health import StreamState

_log = logging.getLogger("marketkit.lake")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Status(Shown):
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
    the provider opened a stream. `lake` has for each timeframe what the lake has, until when, and
    how much of it is missing; `tz` is the zone of the times that are shown.
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
    lake: LakeState | None = None
    tz: str = "UTC"

    @property
    def symbols(self) -> int:
        """The number of symbols delivered, from all sources."""
        return sum(sum(row) for row in self.delivered.select(SOURCES).iter_rows())

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
            "lake": None if self.lake is None else self.lake.as_dict(),
            **{name: getattr(self, name).to_dicts() for name in frames},
        }

    def _card(self) -> Card:
        zone: tzinfo = UTC if self.tz == "UTC" else ZoneInfo(self.tz)
        lake = self.lake
        facts = {
            "lake": "not looked at" if lake is None else f"{lake.folder}: {lake.total()}",
            **({"newest": lake.newest(self.time)} if lake is not None and lake.holdings else {}),
            "delivered": self._deliveries(),
            **{row["what"]: _percentiles(row) for row in self.times.to_dicts()},
            "memory": _memory(self.memory),
            "store": _store(self.store),
            "lives": _lives(self.lives),
            "stream": "never opened" if self.stream is None else str(self.stream),
            "clock": self._clock(zone),
            **({"endings": brief(self.lacking)} if self.lacking.height else {}),
        }
        tables = [] if lake is None or not lake.holdings else [lake.table(zone)]
        return Card(f"Status of {self.endpoint}", facts, None, (*tables, _budgets(self.requests)))

    def _clock(self, zone: tzinfo) -> str:
        if self.machine_ahead is None:
            return "the exchange was not heard yet"
        told = f"{_iso(self.time, zone)} at the exchange"
        if abs(self.machine_ahead) * 1000 <= APART:
            return f"{told} and here"
        return f"{told}, {_iso(self.time + timedelta(seconds=self.machine_ahead), zone)} here"

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
    *,
    tz: str = "UTC",
) -> Status:
    """Take the status of a provider; `tz` is the zone of the times shown."""
    transport, recent = router.transport, metrics.recent()
    kinds = [kind for kind, _ in metrics.delivered() if kind != "market"]
    lives = router.activity.explain(transport.now(), list(dict.fromkeys(kinds)))
    left, ahead = await transport.left(), transport.clock.machine_ahead()
    limits = {group: transport.limit(group).requests for group in left}
    return Status(
        transport.endpoint,
        delivered(metrics),
        times(recent),
        _groups(transport.stats(), left, limits),
        lives,
        metrics.per_second(),
        router.memory.stats(),
        None if store is None else await asyncio.to_thread(store.stats),
        datetime.fromtimestamp(transport.now() / 1000, UTC),
        None if ahead is None else ahead / 1000,
        await _lacking(filler, router),
        stream,
        await asyncio.to_thread(look, filler.lake),
        tz,
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
    known = [f"{name} {row[name]:,.1f}" for name in SHARES if row[name] is not None]
    return f"{'  '.join(known)} ms" if known else "unknown"


def _iso(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")


def _memory(stats: Stats) -> str:
    return (
        f"{stats.entries:,} entries of {stats.batches:,} answers, "
        f"{words.size(stats.bytes)} of {words.size(stats.max_bytes)}"
    )


def _store(stats: StoreStats | None) -> str:
    if stats is None:
        return "none at this endpoint"
    return (
        f"{stats.entries:,} answers, {words.size(stats.bytes)}, {stats.hits:,} hits, "
        f"{stats.misses:,} misses, {stats.failures:,} failures"
    )


def _budgets(requests: pl.DataFrame) -> Table:
    """Show the rate groups in which something was sent, or of which the machine has used some."""
    used = requests.filter((pl.col("requests") > 0) | (pl.col("left") < pl.col("limit")))
    return table(used) if used.height else Table((), "no request sent, and all budgets are whole")


def _lives(lives: pl.DataFrame) -> str:
    if lives.is_empty():
        return "no market seen yet"
    shortest, longest = min(lives["ttl_ms"].to_list()), max(lives["ttl_ms"].to_list())
    states = lives["state"].cast(pl.String).value_counts(sort=True, name="count")
    counts = ", ".join(f"{count} {state}" for state, count in states.iter_rows())
    return f"{shortest:,} to {longest:,} ms ({counts})"
