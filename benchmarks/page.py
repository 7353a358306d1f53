"""One page: what we take over what a peer takes, of the benchmarks that need seconds.

Every part is a program of its own in its own quick mode, one after the other, within five minutes.
What takes too long says so, as do peers that are not installed: `MARKETKIT_PEERS` (stores),
`MARKETKIT_PEERS2` (clients) and `MARKETKIT_PEERS3` (ccxt.pro) name their environments. A ratio is
ours over theirs, so less is better; bounds without a peer stand in the column of the aim.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
LIMIT = 285.0  # seconds of all together
LONGEST = 120.0  # seconds of one: the parts behind a slow one have a page, too
_GOODBYE = 5.0  # seconds in which an interrupted part may put its things away
Row = dict[str, Any]


class Part(NamedTuple):
    """A benchmark, the rows of its result, and the variable that names its peers' environment."""

    name: str
    rows: Callable[[Mapping[str, Any]], Iterable[Row]]
    peers: str | None = None


def measure(*, quick: bool) -> dict[str, Any]:
    """Run every part; without `quick` in full, and then it takes hours."""
    ends = time.monotonic() + LIMIT if quick else None
    return {"rows": [row for part in PARTS for row in _of(part, ends, quick=quick)], "ratios": {}}


def _of(part: Part, ends: float | None, *, quick: bool) -> list[Row]:
    if part.peers is not None and not Path(os.environ.get(part.peers, "?")).is_dir():
        return [_none(part, f"peers not installed ({part.peers})")]
    left = None if ends is None else min(LONGEST, ends - time.monotonic())
    if left is not None and left <= 0:
        return [_none(part, "no time left")]
    command = [sys.executable, "-m", "benchmarks", part.name, "--json"]
    said = _run([*command, "--quick"] if quick else command, left)
    if said is None:
        return [_none(part, f"failed, or took more than {left:.0f} s" if left else "failed")]
    return [{"benchmark": part.name, **row} for row in part.rows(json.loads(said))]


def _run(command: list[str], seconds: float | None) -> str | None:
    """Give the last line that a program prints, None for one that fails or takes too long."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # with all that it started it is ended
    ) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return None
    lines = said.splitlines()
    return lines[-1] if lines and process.returncode == 0 else None


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and all programs it started, if it does not end by itself when interrupted."""
    if os.name == "nt":
        process.kill()
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=_GOODBYE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _none(part: Part, why: str) -> Row:
    return {"benchmark": part.name, "what": why}


def against(what: str, ours: float, peer: str, theirs: float, aim: float | None) -> Row:
    """Give the row of a measure that a peer has, too; less is better."""
    ratio = ours / theirs
    row = {"what": what, "ours": _short(ours), "peer": f"{peer} {_short(theirs)}"}
    return row | {"ratio": f"x{ratio:.2f}"} | _judged(ratio, aim, "<= x")


def bound(what: str, ours: float, aim: float | None, *, least: bool = False) -> Row:
    """Give the row of a measure with a bound: the most, or the `least`."""
    row = {"what": what, "ours": _short(ours)}
    return row | (_judged(-ours, aim and -aim, ">= ") if least else _judged(ours, aim, "<= "))


def _judged(found: float, aim: float | None, sign: str) -> Row:
    if aim is None:
        return {}
    return {"aim": f"{sign}{_short(abs(aim))}", "met": "yes" if found <= aim else "no"}


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _lake(result: Mapping[str, Any]) -> Iterator[Row]:
    for row in result["rows"]:
        what = row["case"]
        if "ratio" in row:
            ideal = row["ideal"]
            yield against(
                f"{what}, from files, ms", row["lake"], "ideal file", ideal, row["target"]
            )
            if "tier warm" in row:
                copied = row["memcpy"]
                yield against(f"{what}, tier warm, ms", row["tier warm"], "memcpy", copied, None)
        elif "lake" in row:
            yield bound(what, row["lake"], row["target"])
        else:
            yield bound(what, row["tier warm"], row["target"])


# Ours over ArcticDB in whichever of its frames is faster.
_TIER_AIMS = {"1 market-year": 0.25, "market-years": 0.1, "one week": 0.4, "one month": 0.25}


def _peers(result: Mapping[str, Any]) -> Iterator[Row]:
    stores = {row["store"]: row for row in result["rows"]}
    ours, floor = stores["marketkit, tier warm"], stores["a copy of as many bytes (the floor)"]
    arctic = [row for name, row in stores.items() if name.startswith("ArcticDB")]
    for case, took in ours.items():
        theirs = [row[case] for row in arctic if isinstance(row.get(case), float)]
        if not isinstance(took, float) or not theirs or case.startswith("merge"):
            continue
        first = "new process" in case
        aims = [aim for part, aim in _TIER_AIMS.items() if part in case]
        aim = (0.4 if case.startswith("1 ") else None) if first else next(iter(aims), None)
        yield against(f"{case}, tier warm", took, "ArcticDB", min(theirs), aim)
        if not first and isinstance(floor.get(case), float) and "last" not in case:
            many = None if "week" in case else 1.0  # of a few bytes a copy is no measure
            yield against(f"{case}, tier warm", took, "memcpy", floor[case], many)
    yield from _others(stores, ours)


def _others(stores: Mapping[str, Row], ours: Row) -> Iterator[Row]:
    year, merge = "1 market-year, ms", next(name for name in ours if name.startswith("merge"))
    pandas = stores["marketkit, pandas"][year], stores.get("ArcticDB, pandas", {}).get(year)
    if pandas[1] is not None:
        yield against(f'{year}, frame="pandas"', pandas[0], "ArcticDB", pandas[1], 1.5)
    for name, aim in (("ArcticDB, pandas", 0.9), ("DuckDB file", 1.1)):
        if isinstance(stores.get(name, {}).get(merge), float):
            yield against(f"{merge}, ours on disk", ours[merge], name, stores[name][merge], aim)
    for name, row in stores.items():
        if "failed" in row:
            yield {"what": year, "peer": f"{name}: {row['failed'][:60]}"}
        elif not name.startswith(("marketkit", "ArcticDB", "a copy")):
            said = row.get(year)
            if isinstance(said, float):
                yield against(f"{year}, tier warm", ours[year], name, said, None)
            else:
                yield {"what": year, "peer": f"{name}: {said}"}


def _clients(result: Mapping[str, Any]) -> Iterator[Row]:
    cases: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        if "client" in row and "same columns" in row:
            cases.setdefault(row["case"], {})[row["client"]] = row["ms"]
    for case, took in cases.items():
        ours = took.pop("marketkit")
        if took:
            name, theirs = min(took.items(), key=lambda each: each[1])
            aim = 0.5 if "tickers" in case else 1.0
            yield against(f"{case}, ms", ours, name, theirs, aim)


def _streams(result: Mapping[str, Any]) -> Iterator[Row]:
    cost = {row["case"]: row["us a frame"] for row in result["rows"]}
    for kind in ("tickers", "books"):
        kept = cost[f"{kind}, kept, `.frame` read ten times a second"]
        what = f"{kind} kept, us of the processor a frame"
        yield against(what, kept, "ccxt.pro", cost[f"{kind}, ccxt.pro"], 0.25)
        yield against(
            what, kept, "bare recv", cost[f"{kind}, a bare `recv`, nothing decoded"], None
        )


def _files(result: Mapping[str, Any]) -> Iterator[Row]:
    for row in result["rows"]:
        yield bound(f"{row['case']}, rows/s", row["rows/s"], row["target"], least=True)


def _bars(result: Mapping[str, Any]) -> Iterator[Row]:
    took = {row["case"]: row["ms"] for row in result["rows"]}
    bare, aim = took["polars, group_by_dynamic"], result["ratios"]["target"]
    yield against("bars of 1m, ms", took["bars, 1m"], "group_by_dynamic", bare, aim)


def _imports(result: Mapping[str, Any]) -> Iterator[Row]:
    yield bound(
        "import marketkit, ms over bare Python", result["ratios"]["ms over bare Python"], None
    )


def _calls(result: Mapping[str, Any]) -> Iterator[Row]:
    yield bound("Python calls of a ticker from memory", result["ratios"]["calls"], None)


PARTS = (
    Part("import", _imports),
    Part("calls", _calls),
    Part("lake", _lake),
    Part("peers", _peers, "MARKETKIT_PEERS"),
    Part("provider", _clients, "MARKETKIT_PEERS2"),
    Part("streams", _streams, "MARKETKIT_PEERS3"),
    Part("bars", _bars),
    Part("files", _files),
)
