"""Counts of the calls that a provider answered, and the latest ones."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

import msgspec
import polars as pl

from marketkit.api.query import Result, Source
from marketkit.cache.ttl import Kind
from marketkit.clock import age_clock

SOURCES: tuple[str, ...] = get_args(Source)
SHARES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

_RECENT = 10_000  # calls that percentiles are taken over
_MINUTE = 60_000


class Delivery(NamedTuple):
    """One call: moment of the answer, symbols delivered, seconds taken, `(age, symbols)`."""

    at: int
    symbols: int
    seconds: float
    ages: Sequence[tuple[int, int]]


_pack, _unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Delivery).decode


class Metrics:
    """Counts since the start, and the latest calls; safe in any thread."""

    def __init__(self, clock: Callable[[], int] = age_clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._delivered: Counter[tuple[Kind, Source]] = Counter()
        self._failed: Counter[Kind] = Counter()
        self._recent: deque[bytes] = deque(maxlen=_RECENT)  # packed: 74 bytes instead of 365

    def count(self, kind: Kind, result: Result, seconds: float) -> None:
        """Count one call that was answered."""
        now, delivered, ages = self._clock(), 0, []
        for (_, made), symbols in result.sources.items():
            delivered += len(symbols)
            ages.append((now - made, len(symbols)))
        delivery = _pack(Delivery(now, delivered, seconds, ages))
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
            recent = list(self._recent)
        return [_unpack(each) for each in recent]

    def per_second(self) -> float:
        """Give the symbols delivered a second, over the last minute."""
        since = self._clock() - _MINUTE
        return sum(each.symbols for each in self.recent() if each.at > since) / _MINUTE * 1000


def delivered(metrics: Metrics) -> pl.DataFrame:
    """Lay the symbols delivered out by kind and source, with the share that needed no request."""
    told, failed = metrics.delivered(), metrics.failed()
    rows = [
        {
            "kind": kind,
            **{source: told.get((kind, source), 0) for source in get_args(Source)},
            "failed": failed.get(kind, 0),
        }
        for kind in sorted({kind for kind, _ in told} | set(failed))
    ]
    shape = {"kind": pl.String, **dict.fromkeys((*SOURCES, "failed"), pl.Int64)}
    frame = pl.DataFrame(rows, schema=shape)
    rate = 1 - pl.col("rest") / pl.sum_horizontal(SOURCES)
    return frame.with_columns(hit_rate=rate.fill_nan(None))


def times(recent: Sequence[Delivery]) -> pl.DataFrame:
    """Lay out the percentiles, in ms, of ages at delivery and of calls."""
    ages = [age for each in recent for age in each.ages]
    rows = [
        {"what": "age", **_weighted([(float(age), count) for age, count in ages])},
        {"what": "latency", **_weighted([(each.seconds * 1000, 1) for each in recent])},
    ]
    return pl.DataFrame(rows, schema={"what": pl.String, **dict.fromkeys(SHARES, pl.Float64)})


def _weighted(values: Sequence[tuple[float, int]]) -> dict[str, float | None]:
    """Give the least values that so many of the weights do not exceed."""
    if not values:
        return dict.fromkeys(SHARES)
    frame = pl.DataFrame(values, schema=["value", "weight"], orient="row").sort("value")
    reached = frame["weight"].cum_sum() / frame["weight"].sum()
    return {name: frame["value"][int((reached < share).sum())] for name, share in SHARES.items()}
