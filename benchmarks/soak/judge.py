"""The verdict on a soak: one row for each limit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.soak import candles, incidents, recorded, resources

if TYPE_CHECKING:
    from benchmarks.soak import Soak

CALLS = 100  # a minute, of all other processes together
_ASKED = 0.5  # of the calls that were meant: who waits for an answer does not ask


class Check(NamedTuple):
    """A limit, and whether a run kept to it."""

    metric: str
    limit: str
    measured: str
    ok: bool


class Told(NamedTuple):
    """What the process under test wrote of itself."""

    handles: dict[str, Any]
    log: list[dict[str, str]]
    looks: list[dict[str, float]]


def judged(soak: Soak) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give the rows of the table, and what else is worth a line."""
    folder = soak.folder
    handles = json.loads((folder / "told.json").read_text())
    lines = [(folder / name).read_text().splitlines() for name in ("log.jsonl", "samples.jsonl")]
    told = Told(handles, *([json.loads(line) for line in each] for each in lines))
    checks: list[Callable[[Soak, Told], Iterator[tuple[Any, ...]]]] = [
        candles.checks, recorded.checks, _losses, incidents.checks, _requests, _calls,
        resources.checks,
    ]  # fmt: skip
    found = [Check(*one) for check in checks for one in check(soak, told)]
    rows = [each._asdict() | {"ok": "yes" if each.ok else "NO"} for each in found]
    return rows, resources.said(soak, told)


def _losses(_: Soak, told: Told) -> Iterator[tuple[Any, ...]]:
    lost = sum(told.handles["lost"].values())
    yield "messages lost by feeds and recording", "0", str(lost), not lost
    failed = sum(map(len, told.handles["errors"].values()))
    yield "callbacks and writes that failed", "0", str(failed), not failed


def _requests(soak: Soak, _: Told) -> Iterator[tuple[Any, ...]]:
    groups = soak.stats["groups"]
    rejected = sum(each["rejected"] for each in groups.values())
    yield "requests rejected, 429 and 418", "0", str(rejected), not rejected
    broken = sum(each["violations"] for each in soak.stats["connections"])
    yield "messages over a websocket's limits", "0", str(broken), not broken


def _calls(soak: Soak, _: Told) -> Iterator[tuple[Any, ...]]:
    made = sum(each["calls"] for each in soak.callers)
    least = round(_ASKED * CALLS * soak.minutes)
    yield "calls of three other processes", f">= {least:,}", f"{made:,}", made >= least
    shut = incidents.closures(soak)
    told = [failure for each in soak.callers for failure in each["failures"]]
    failures = [why for at, why in told if not any(start <= at <= end for start, end in shut)]
    words = "".join(f"; {why[:60]}: {count}" for why, count in Counter(failures).most_common(2))
    said = f"{len(failures)}{words}"
    yield "of these, failed while the exchange was there", "0", said, not failures
