"""What a folder says after a power cut, thing by thing, and whether it can be worked with again.

`LOOKS[kind]` gives for a world what it knows: a text for each thing, as the candles and the slots
of one chunk. What cannot be read says so: that is no false claim, and repair has to mend it.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.jobs.ledger import Ledger
from marketkit.data.jobs.ledger_db import NAME as JOBS
from marketkit.data.jobs.tasks import Work
from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import chunk_span, cut
from marketkit.data.lake.trades.days import stored
from marketkit.data.lake.trades.layout import day_span, days_of
from marketkit.errors import LakeError
from marketkit.net.archive import terms
from marketkit.net.budget.ban import Ban
from marketkit.recording import files, journal, mending
from marketkit.recording.reader import read_recording
from marketkit.recording.recovery import recover
from marketkit.recording.trades import recorded_spans
from marketkit.timeframe import TIMEFRAMES
from tests.crash.operations import FEBRUARY, page
from tests.power.beside import BREAKS, HEARD, TASKS, WANTED

UNREADABLE = "cannot be read: "
LOGGED = "logged "  # of things that are told before what they tell of changes
EMPTY = "nothing"

Said = dict[str, str]
Pair = tuple[str, str]


def _try(name: str, ask: Callable[[], Iterator[Pair]]) -> Iterator[Pair]:
    try:
        yield from list(ask())
    except LakeError as error:
        yield name, f"{UNREADABLE}{error}"


def look_at_lake(world: Path) -> Said:
    """Look at a lake, at those that are beside it, and at files that it wrote."""
    found: Said = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in ("lake", "thawed"):
            found |= {f"{place}: {name}": said for name, said in _of_lake(world / place)}
    for path in world.glob("*.csv"):
        found[path.name] = path.read_text()
    return found


def _of_lake(root: Path) -> Iterator[Pair]:
    if not root.is_dir():
        return
    lake = Lake(root)
    for series in lake.index.stored("upbit", TIMEFRAMES["1m"]):
        yield from _try(series.symbol, lambda at=series.symbol: _candles(lake, at))
    yield from _try("revisions", lambda: _revisions(lake))
    yield from _try("unsettled", lambda: _rows("unsettled", lake.unsettled(None, "1m")))
    yield from _try("trades", lambda: _trades(lake))
    yield from _try("sets", lambda: _sets(lake))
    yield from _try("lists", lambda: ((f"list {day}", "kept") for day in _lists(lake)))


def _candles(lake: Lake, symbol: str) -> Iterator[Pair]:
    width = TIMEFRAMES["1m"]
    covered, rows = lake.covered(symbol, width), lake.select(symbol, width)
    for chunk, slots in cut(width, covered).items():
        times = chunk_span(width, chunk)
        told = rows.read(times).select("time", "volume").rows()
        yield f"{symbol} {chunk}", f"{told} {slots!r}"
    if (moment := lake.nothing_before(symbol, width)) is not None:
        yield f"{symbol} begins", str(moment)
    for row in lake.provenance(symbol, "1m").rows():
        yield f"{symbol} from {row[4]}", str(row)


def _revisions(lake: Lake) -> Iterator[Pair]:
    for row in lake.revisions().rows():
        yield f"{LOGGED}{row}", "there"


def _rows(name: str, rows: pl.DataFrame) -> Iterator[Pair]:
    for row in rows.select("symbol", "time", "volume").rows():
        yield f"{name} {row[:2]}", str(row)


def _trades(lake: Lake) -> Iterator[Pair]:
    for symbol in [each.symbol for each in stored(lake.root, "upbit")]:
        covered = lake.trades.covered(symbol)
        for day, slots in days_of(covered):
            rows = lake.trades.read(symbol, *day_span(day)).select("time", "sequential_id")
            yield f"trades {symbol} {day}", f"{rows.rows()} {slots!r}"
        for row in lake.trades.revisions(symbol).rows():
            yield f"{LOGGED}{row}", "there"


def _sets(lake: Lake) -> Iterator[Pair]:
    for name, *_, digest in lake.frozen().rows():
        wrong = lake.verify(name).rows()
        yield f"set {name}", f"{digest} {wrong}"
        if (lake.root / "snapshots" / name / "candles" / "_delta_log").is_dir():
            yield f"set {name} as a table", _table(lake.root / "snapshots" / name / "candles")


def _table(folder: Path) -> str:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        files = DeltaTable(str(folder)).file_uris()
    except (DeltaError, OSError, ValueError) as error:
        return f"{UNREADABLE}{error}"
    return str(sorted(Path(each).name for each in files))


def _lists(lake: Lake) -> list[object]:
    days = lake.universe.days()
    return [day for day in days if lake.universe.at(day)[1] == day]


def look_at_jobs(world: Path) -> Said:
    """Look at the ledger: jobs and tasks."""
    root, found = world / "lake", dict[str, str]()
    if not (root / JOBS).exists():
        return found
    with Ledger(root) as ledger:
        ledger.knows("none")  # opens it, and begins anew where that is no ledger
    with closing(sqlite3.connect(root / JOBS)) as connection:
        for row in connection.execute("SELECT symbol, block, state, done FROM tasks"):
            found[f"task {row[:2]}"] = str(row)
        for (job,) in connection.execute("SELECT id FROM jobs"):
            found[f"job {job}"] = "there"
    return found


def look_at_recording(world: Path) -> Said:
    """Look at a recording: messages, notes, and the times in which it says to lack nothing."""
    root, found = world / "recording", dict[str, str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for channel in files.channels(root):
            for hour in files.hours(root, channel):
                for name in files.names(root, hour):
                    if fault := files._look(root, hour, name).fault:
                        found[f"{hour.folder}/{name}"] = f"{UNREADABLE}{fault}"
        for row in _messages(root):
            found[f"message {row[:2]}"] = str(row)
    for note in journal.read(root):
        if note.reason != "killed" and note.what != "damaged":  # which recovery writes
            found[f"note {note.what} at {note.at}"] = str(note)
    return found


def _messages(root: Path) -> list[tuple]:
    if "trade" not in files.channels(root):
        return []
    return read_recording(root, "trade").select("symbol", "sequential_id").rows()


def look_at_settings(world: Path) -> Said:
    """Look whether the terms are accepted."""
    return {"terms": str(terms._remembered())}


def look_at_bans(world: Path) -> Said:
    """Look at the ban that another process would hold."""
    return {"ban": f"{Ban(world / 'budget' / 'host.ban', host='host')._read().length:.0f}"}


LOOKS = {
    "lake": look_at_lake,
    "jobs": look_at_jobs,
    "recording": look_at_recording,
    "settings": look_at_settings,
    "bans": look_at_bans,
}


# -- afterwards -------------------------------------------------------------------


class Mended(NamedTuple):
    """How much there was to mend, litter apart, what is left of it, and whether anything changed."""

    count: int = 0
    left: Sequence[str] = ()
    changed: bool = False


def mend_nothing(_world: Path) -> Mended:
    return Mended()


def mend_lake(world: Path) -> Mended:
    """Audit and repair."""
    count, left, changed = 0, list[str](), False
    for root in filter(Path.is_dir, (world / "lake", world / "thawed")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            changed |= any(root.glob("journal/*/*/*"))  # an audit has it taken in
            found = Lake(root).audit()["finding"].to_list()
            changed |= _publish_again(Lake(root))
            if not found:
                continue
            changed = True
            count += sum(each not in {"litter", "index", "snapshot"} for each in found)
            Lake(root).repair()
            left += [f"not repaired: {row}" for row in Lake(root).audit().rows()]
    return Mended(count, left, changed)


def _publish_again(lake: Lake) -> bool:
    """Do what is to be done about the log of a table that cannot be read: publish it again."""
    logs = lake.root.glob("snapshots/*/candles/_delta_log")
    broken = [log.parent for log in logs if _table(log.parent).startswith(UNREADABLE)]
    for table in broken:
        lake.publish(table.parent.name)
    return bool(broken)


def mend_recording(world: Path) -> Mended:
    """Have the next recorder begin; say what it set aside, and what it says wrongly."""
    root = world / "recording"
    if not root.is_dir():
        return Mended()
    count = len(mending.look(root))
    recover(root)
    mending.mend(root)
    return Mended(count, [f"not repaired: {each}" for each in mending.look(root)], changed=True)


def go_on_in_lake(world: Path) -> list[str]:
    """Append, and read what was appended."""
    rows, covering = page("KRW-BTC", 60, 70, 9.0)
    lake = Lake(world / "lake")
    lake.append("KRW-BTC", "1m", rows, covering, seen_at=FEBRUARY)
    found = Lake(world / "lake").read("KRW-BTC", "1m", *covering.hull)
    told = Lake(world / "lake").covered("KRW-BTC", "1m") & Spans(covering)
    sound = found.select("time", "volume").equals(rows.select("time", "volume"))
    return [] if sound and told == covering else ["the next append is not there"]


def go_on_with_jobs(world: Path) -> list[str]:
    """Plan again, and finish all tasks that are left."""
    with Ledger(world / "lake") as ledger:
        ledger.open(WANTED, TASKS)
        me = ledger.register(WANTED.id)
        while (lease := ledger.lease(me)) is not None:
            ledger.finish(me, lease, Work(10, 1, 10))
        totals = ledger.totals(WANTED.id)
    return [] if totals.slots == totals.done else [f"left undone: {totals}"]


def false_claims(world: Path) -> list[str]:
    """Say which claims of a recording are false: over a break, or over messages that it lacks."""
    root, why = world / "recording", list[str]()
    if "trade" not in files.channels(root):
        return why
    there = {number for _, number in _messages(root)}
    for symbol, spans in recorded_spans(root, ["KRW-BTC", "KRW-ETH"]).items():
        if over := spans & BREAKS:
            why.append(f"{symbol} is said to have been heard in {over!r}")
        lost = [n for n, (of, at) in HEARD.items() if of == symbol and at in spans]
        if lost := [n for n in lost if n not in there]:
            why.append(f"{symbol} is said to be whole in {spans!r}, and lacks {lost}")
    return why
