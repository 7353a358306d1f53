"""A look at the foundations of all data: settings, lake, exchange, clock, budget, jobs, endings."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import polars as pl

from marketkit.api.findings import FINDINGS, Finding, State
from marketkit.api.machine import look_at_machine
from marketkit.api.markets import MarketList
from marketkit.api.status import Status
from marketkit.data.jobs.catalog import jobs
from marketkit.data.jobs.rescue import sentence
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.report.coverage import catalog
from marketkit.data.lake.store.left_out import brief, survey
from marketkit.errors import (
    LakeError,
    MarketkitError,
    NewerFormat,
    NotWritable,
    Offline,
    nearest,
    plain,
)
from marketkit.net.exchange_clock import APART
from marketkit.net.transport import Transport
from marketkit.notebook import words
from marketkit.timeframe import MINUTE, SECOND

_YOUNG = 60_000  # ms; of what ended within the hour an older list would say nothing
_PREFIX = "MARKETKIT_"
_VARIABLES = (
    *("ENDPOINT", "LAKE", "CACHE", "BUDGET_DIR", "OFFLINE", "LARGEST_ANSWER"),
    *("ARCHIVE", "ARCHIVE_TERMS", "SETTINGS"),
    "TRACEBACK",  # `full`, for notebooks: `errors` reads it
)
_REPAIR = "`marketkit lake audit` names all that is broken, `marketkit lake repair` mends it"
_STUCK = ("interrupted", "failed", "incomplete")


async def examine(
    settings: Mapping[str, object],
    lake: Lake,
    markets: MarketList,
    status: Callable[[], Awaitable[Status]],
    budget: Path,
) -> list[Finding]:
    """Look at everything of this machine once, and ask the exchange for a market list."""
    found = [*_settings(settings), *await asyncio.to_thread(_here, lake, budget)]
    found.append(await _exchange(markets))
    taken = await status()
    return [*found, _clock(taken), *_budget(taken), *_endings(taken.lacking)]


async def examine_live(transport: Transport) -> list[Finding]:
    """Look at the exchange itself: see `contract`."""
    from marketkit.api.contract import look_at_exchange  # noqa: PLC0415 - nobody else needs it

    return await look_at_exchange(transport)


def as_frame(found: list[Finding]) -> pl.DataFrame:
    """Give the findings as `FINDINGS`, one row for each, in letters that can be shown."""
    rows = [[" ".join(map(plain, text.split("\n"))) for text in each] for each in found]
    return pl.DataFrame(rows, schema=dict(FINDINGS), orient="row")


def _here(lake: Lake, budget: Path) -> list[Finding]:
    return [*look_at_machine(lake.root, budget), *_lake(lake)]


def _settings(settings: Mapping[str, object]) -> Iterator[Finding]:
    for name, value in settings.items():
        yield Finding("good", "settings", f"{name}: {value}")
    said = [f"{_PREFIX}{name}" for name in _VARIABLES if os.environ.get(f"{_PREFIX}{name}")]
    if said:
        yield Finding("good", "settings", f"from the environment: {', '.join(said)}")
    if os.environ.get(f"{_PREFIX}TRACEBACK", "full").strip().lower() not in {"", "full"}:
        do = f"{_PREFIX}TRACEBACK=full shows whole tracebacks in notebooks; unset it for two lines"
        yield Finding("look", "settings", f"{_PREFIX}TRACEBACK is not full", do)
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and (hint := _slip(name.removeprefix(_PREFIX))):
            yield Finding("look", "settings", f"{name} is no setting{hint}", f"unset {name}")


def _slip(name: str) -> str:
    """Say which variable is meant by a name that is none; nothing for others' own."""
    hint = "" if name in _VARIABLES else nearest(name, _VARIABLES)
    return re.sub("'(.+?)'", rf"'{_PREFIX}\1'", hint)


def _lake(lake: Lake) -> Iterator[Finding]:
    """Look at the lake, the market lists and the jobs; an unreadable lake is `bad`."""
    try:
        if not lake.is_there():
            yield Finding("good", "lake", f"none at {lake.where} yet")
            return
        found, failures = survey(lake.index, [lake.source])  # reads every footer that changed
        held = catalog(found.items())
        rows, size = int(held["rows"].sum()), words.size(int(held["bytes"].sum()))
        yield Finding("good", "lake", f"{held.height} series, {rows:,} candles, {size}")
        for name, failure in failures.items():
            yield Finding("bad", "lake", f"{name} is left out: {brief(failure)[0]}", _REPAIR)
        yield from _kept(lake)
        lake.require_writable()
    except NotWritable as failure:
        do = "mend the rights of that folder, or give another with --lake; reading goes on"
        yield Finding("bad", "lake", str(failure), do)
    except NewerFormat as failure:
        yield Finding("bad", "lake", str(failure), "pip install --upgrade marketkit-upbit")
    except LakeError as failure:
        yield Finding("bad", "lake", str(failure), _REPAIR)


def _kept(lake: Lake) -> Iterator[Finding]:
    """Look at market lists, jobs and files that a repair set aside."""
    if (lake.root / "corrupt").exists():
        do = "look into corrupt/ in the lake, and delete it when nothing there is wanted"
        yield Finding("note", "lake", "a repair has set files aside", do)
    days = lake.universe.days()
    newest = f", the newest of {days[-1]}" if days else ""
    yield Finding("good", "lists", f"market lists of {len(days)} days{newest}")
    for job in jobs(lake.root).iter_rows(named=True):
        if job["state"] in _STUCK:
            said = f"{job['job']} ({job['what']}) is {job['state']}"
            yield Finding("look", "jobs", said, f"marketkit jobs resume {job['job']}")


async def _exchange(markets: MarketList) -> Finding:
    """Ask for the market list anew."""
    try:
        listed = await markets.frame("normal", life=_YOUNG)
    except Offline as failure:
        do = "MARKETKIT_OFFLINE=0, or offline=False, lets requests out"
        return Finding("note", "exchange", str(failure), do)
    except MarketkitError as failure:
        do = "check network, proxy and --endpoint; in a maintenance wait, and try again"
        return Finding("bad", "exchange", str(failure), do)
    return Finding("good", "exchange", f"{listed.height} markets are listed")


def _clock(status: Status) -> Finding:
    ahead = status.machine_ahead
    if ahead is None:
        do = "it is compared as soon as the exchange answers"
        said = "the exchange was not heard, nobody knows the difference"
        return Finding("note", "clock", said, do)
    apart = abs(ahead) * SECOND > APART
    way = "ahead of" if ahead > 0 else "behind"
    far = f"{abs(ahead):.1f}s" if abs(ahead) < MINUTE / SECOND else words.age(abs(ahead))
    return Finding(
        "look" if apart else "good",
        "clock",
        f"this machine is {far} {way} the exchange",
        "set the clock of this machine; marketkit goes by the exchange's" if apart else "",
    )


def _budget(status: Status) -> Iterator[Finding]:
    spent = status.requests.filter(pl.col("left") < 1)["group"].to_list()
    if spent:
        do = "wait a second; if it stays so, other programs ask from this machine"
        yield Finding("look", "budget", f"nothing is left right now for {', '.join(spent)}", do)
    else:
        yield Finding("good", "budget", f"requests are left in all {status.requests.height} groups")


def _endings(lacking: pl.DataFrame) -> Iterator[Finding]:
    """Name the incomplete series of ending markets; only of the announced ones can more be had."""
    if lacking.is_empty():
        yield Finding("good", "endings", "the lake lacks nothing of markets that end")
    for row in lacking.drop_nulls("timeframe").iter_rows(named=True):
        state: State = "look" if row["reason"] == "warned" else "note"
        yield Finding(state, "endings", sentence(row), _rescue(row))
    nothing = lacking.filter(pl.col("timeframe").is_null())["symbol"].to_list()
    if nothing:
        said = f"{len(nothing)} markets are announced to end of which the lake has no series"
        do = "`marketkit backfill SYMBOL --start 2017-01-01` keeps one before it is gone"
        yield Finding("note", "endings", f"{said}: {' '.join(nothing)}", do)


def _rescue(row: Mapping[str, object]) -> str:
    if row["reason"] != "warned":
        return "nothing can be done: the exchange gives it no more"
    asked = f"{row['symbol']} --timeframe {row['timeframe']} --start 2017-01-01"
    return f"marketkit backfill {asked}"
