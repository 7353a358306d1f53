"""A look at the foundations of all data: settings, lake, exchange, clock, budget, jobs, endings."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import polars as pl

from marketkit.api.markets import MarketList
from marketkit.api.status import Status
from marketkit.data.jobs.catalog import jobs
from marketkit.data.jobs.rescue import sentence
from marketkit.data.lake.format import marker
from marketkit.data.lake.lake import Lake
from marketkit.errors import LakeError, MarketkitError, Offline
from marketkit.net.exchange_clock import APART
from marketkit.schema import Schema
from marketkit.timeframe import SECOND

State = Literal["good", "note", "look", "bad"]
FINDINGS: Schema = {
    "state": pl.Enum(["good", "note", "look", "bad"]),
    "check": pl.String(),
    "detail": pl.String(),
}

_YOUNG = 60_000  # ms; of what ended within the hour an older list would say nothing
_VARIABLES = ("ENDPOINT", "LAKE", "CACHE", "BUDGET_DIR", "OFFLINE")
_STUCK = ("interrupted", "failed", "incomplete")


class Finding(NamedTuple):
    """One thing looked at: `good`, to be known (`note`), to be looked at (`look`), or `bad`."""

    state: State
    check: str
    detail: str


async def examine(
    settings: Mapping[str, object],
    lake: Lake,
    markets: MarketList,
    status: Callable[[], Awaitable[Status]],
) -> pl.DataFrame:
    """Look at everything once: `FINDINGS`, one row for each thing."""
    found = [*_settings(settings), *await asyncio.to_thread(lambda: list(_lake(lake)))]
    found.append(await _exchange(markets))
    taken = await status()
    found += [_clock(taken), *_budget(taken), *_endings(taken.lacking)]
    return pl.DataFrame(found, schema=dict(FINDINGS), orient="row")


def _settings(settings: Mapping[str, object]) -> Iterator[Finding]:
    for name, value in settings.items():
        yield Finding("good", "settings", f"{name}: {value}")
    said = [f"MARKETKIT_{name}" for name in _VARIABLES if os.environ.get(f"MARKETKIT_{name}")]
    if said:
        yield Finding("good", "settings", f"from the environment: {', '.join(said)}")


def _lake(lake: Lake) -> Iterator[Finding]:
    """Look at the lake, the market lists and the jobs; an unreadable lake is `bad`."""
    try:
        if not marker.check(lake.root):
            yield Finding("good", "lake", f"none at {lake.root} yet")
            return
        yield Finding("good", "lake", repr(lake))
        lake.require_writable()
        days = lake.universe.days()
        newest = f", the newest of {days[-1]}" if days else ""
        yield Finding("good", "lists", f"market lists of {len(days)} days{newest}")
        for job in jobs(lake.root).iter_rows(named=True):
            if job["state"] in _STUCK:
                said = f"{job['job']} ({job['what']}) is {job['state']}"
                yield Finding("look", "jobs", f"{said}: marketkit jobs resume {job['job']}")
    except LakeError as failure:
        yield Finding("bad", "lake", str(failure))


async def _exchange(markets: MarketList) -> Finding:
    """Ask for the market list anew."""
    try:
        listed = await markets.frame("normal", life=_YOUNG)
    except Offline as failure:
        return Finding("note", "exchange", str(failure))
    except MarketkitError as failure:
        return Finding("bad", "exchange", str(failure))
    return Finding("good", "exchange", f"{listed.height} markets are listed")


def _clock(status: Status) -> Finding:
    ahead = status.machine_ahead
    if ahead is None:
        return Finding("note", "clock", "the exchange was not heard, nobody knows the difference")
    apart = abs(ahead) * SECOND > APART
    way = "ahead of" if ahead > 0 else "behind"
    return Finding(
        "look" if apart else "good",
        "clock",
        f"this machine is {abs(ahead):.1f} seconds {way} the exchange",
    )


def _budget(status: Status) -> Iterator[Finding]:
    spent = status.requests.filter(pl.col("left") < 1)["group"].to_list()
    if spent:
        yield Finding("look", "budget", f"nothing is left right now for {', '.join(spent)}")
    else:
        yield Finding("good", "budget", f"requests are left in all {status.requests.height} groups")


def _endings(lacking: pl.DataFrame) -> Iterator[Finding]:
    """Name the incomplete series of ending markets; only of the announced ones can more be had."""
    if lacking.is_empty():
        yield Finding("good", "endings", "the lake lacks nothing of markets that end")
    for row in lacking.drop_nulls("timeframe").iter_rows(named=True):
        state: State = "look" if row["reason"] == "warned" else "note"
        yield Finding(state, "endings", sentence(row))
    nothing = lacking.filter(pl.col("timeframe").is_null())["symbol"].to_list()
    if nothing:
        said = f"{len(nothing)} markets are announced to end of which the lake has no series"
        yield Finding("note", "endings", f"{said}: {' '.join(nothing)}")
