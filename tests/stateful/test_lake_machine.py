"""The lake against a dictionary: whatever happens in whatever order, both say the same."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from marketkit import disk
from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.chunk import Footer, read_chunk, write_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store import pages
from marketkit.schema import ROW, TIME
from marketkit.timeframe import TIMEFRAMES

MINUTE = 60_000
MIDDLE = (
    1_706_745_600_000  # 2024-02-01T00:00Z: slots below 0 lie in one chunk, the others in the next
)
FIRST, LAST = -12, 12  # the slots of the game, in minutes from the middle
SYMBOLS = ("KRW-BTC", "KRW-ETH")

slots = st.integers(FIRST, LAST - 1)
edges = st.integers(FIRST, LAST)
symbols = st.sampled_from(SYMBOLS)
chunks = st.sampled_from(["2024-01", "2024-02"])
windows = st.lists(st.tuples(edges, edges).map(sorted), min_size=1, max_size=2)


class Killed(BaseException):
    """Stands for a process that ends here."""


def time_of(slot: int) -> int:
    return MIDDLE + slot * MINUTE


def spans_of(taken: set[int]) -> Spans:
    return Spans((time_of(slot), time_of(slot + 1)) for slot in taken)


def slots_of(spans: Spans) -> set[int]:
    return {(at - MIDDLE) // MINUTE for span in spans for at in range(*span, MINUTE)}


def rows_of(symbol: str, volumes: dict[int, float]) -> pl.DataFrame:
    """Make candles that differ in nothing but their volume."""
    taken = sorted(volumes)
    prices = {name: [100.0] * len(taken) for name in ("open", "high", "low", "close")}
    columns = {
        "symbol": [symbol] * len(taken),
        "time": [time_of(slot) for slot in taken],
        **prices,
        "volume": [volumes[slot] for slot in taken],
        "value": [None] * len(taken),
    }
    schema = {name: pl.Int64() if kind == TIME else kind for name, kind in ROW.items()}
    return pl.DataFrame(columns, schema=schema).with_columns(pl.col("time").cast(TIME))


def dying_at(step: int, real: Callable[..., object], *, after: bool) -> Callable[..., object]:
    """Give a function that dies before or after its `step`-th call, and at each from then on."""
    calls = iter(range(step))

    def dying(*given: object, **named: object) -> object:
        lives = next(calls, None) is not None
        if not lives and not after:
            raise Killed
        result = real(*given, **named)
        if not lives:
            raise Killed
        return result

    return dying


def chunk_of(slot: int) -> str:
    return "2024-01" if slot < 0 else "2024-02"


def subsequence(part: Iterable[object], whole: Iterable[object]) -> bool:
    """Say whether all of `part` comes in `whole`, in this order, whatever lies between."""
    rest = iter(whole)
    return all(each in rest for each in part)


def without_repeats(said: Iterable[object]) -> list[object]:
    """Drop what is said twice in a row."""
    kept: list[object] = []
    for each in said:
        if not kept or kept[-1] != each:
            kept.append(each)
    return kept


@dataclass
class Chunk:
    """What a chunk holds: the volume of each slot that traded, and the slots that are covered."""

    rows: dict[int, float] = field(default_factory=dict)
    covered: set[int] = field(default_factory=set)
    nothing_before: int | None = None

    def with_page(self, volumes: dict[int, float], taken: set[int]) -> Chunk:
        """Do what an append does: within what is taken the page's word counts, and no other."""
        kept = {slot: volume for slot, volume in self.rows.items() if slot not in taken}
        return Chunk(kept | volumes, self.covered | taken, self.nothing_before)

    def revised_to(self, new: Chunk) -> dict[int, tuple[float | None, float | None]]:
        """Give the slots that were known and say something else now: old and new volume."""
        return {
            slot: (self.rows.get(slot), new.rows.get(slot))
            for slot in sorted(self.covered)
            if self.rows.get(slot) != new.rows.get(slot)
        }


class LakeMachine(RuleBasedStateMachine):
    """Appends, crashes, deletions, damage, frozen sets and readers, in any order."""

    scans = Bundle("scans")
    sets = Bundle("sets")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="marketkit-machine-"))
        self.root = self.folder / "lake"
        self.root.mkdir()
        self.lake = self.opened()
        self.version = 0.0
        self.chunks = {symbol: {"2024-01": Chunk(), "2024-02": Chunk()} for symbol in SYMBOLS}
        self.revised: dict[tuple[str, int], list[tuple[float | None, float | None]]] = {}
        self.frozen = 0

    def opened(self) -> Lake:
        """Open the lake as another process would."""
        return Lake(self.root)

    def teardown(self) -> None:
        """Leave nothing behind."""
        del self.lake
        shutil.rmtree(self.folder)

    def rows(self, symbol: str) -> dict[int, float]:
        """Give the volume of every slot that traded."""
        return {s: v for chunk in self.chunks[symbol].values() for s, v in chunk.rows.items()}

    def covered(self, symbol: str) -> set[int]:
        """Give the slots that were asked and answered."""
        return {slot for chunk in self.chunks[symbol].values() for slot in chunk.covered}

    def nothing_before(self, symbol: str) -> int | None:
        """Give the latest moment before which there is nothing."""
        moments = [chunk.nothing_before for chunk in self.chunks[symbol].values()]
        return max((moment for moment in moments if moment is not None), default=None)

    def page(self, windows, silent) -> tuple[dict[int, float], set[int]]:
        """Give the volumes of a page and the slots it covers; each page trades other volumes."""
        self.version += 1
        taken = {slot for start, end in windows for slot in range(start, end)}
        return dict.fromkeys(taken - silent, self.version), taken

    def merged(self, symbol, volumes, taken) -> dict[str, Chunk]:
        """Give the chunks of a symbol as a page leaves them."""
        return {
            name: chunk.with_page(
                {slot: volume for slot, volume in volumes.items() if chunk_of(slot) == name},
                {slot for slot in taken if chunk_of(slot) == name},
            )
            for name, chunk in self.chunks[symbol].items()
        }

    def keep(self, symbol, name, chunk) -> int:
        """Do to the dictionary what was done to a chunk; give how many numbers that revised."""
        changes = self.chunks[symbol][name].revised_to(chunk)
        for slot, change in changes.items():
            self.revised.setdefault((symbol, slot), []).append(change)
        self.chunks[symbol][name] = chunk
        return sum(5 if None in change else 1 for change in changes.values())

    @rule(symbol=symbols, windows=windows, silent=st.sets(slots))
    def append(self, symbol, windows, silent):
        """Append a page that overlaps whatever is there; every row of it is new."""
        volumes, taken = self.page(windows, silent)
        written = self.lake.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken))
        merged = self.merged(symbol, volumes, taken)
        revisions = sum(self.keep(symbol, name, chunk) for name, chunk in merged.items())
        assert written == (len(volumes), revisions)

    @rule(symbol=symbols, windows=windows)
    def append_again(self, symbol, windows):
        """Append what is there already, over a window that may be wider: no row is new."""
        taken = {slot for start, end in windows for slot in range(start, end)}
        volumes = {slot: volume for slot, volume in self.rows(symbol).items() if slot in taken}
        written = self.lake.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken))
        assert written == (0, 0)
        self.chunks[symbol] = self.merged(symbol, volumes, taken)

    @rule(symbol=symbols, windows=windows, silent=st.sets(slots))
    def append_while_somebody_reads(self, symbol, windows, silent):
        """Read from another thread all the while: each chunk is seen old or new, never else."""
        volumes, taken = self.page(windows, silent)
        merged, seen, done = self.merged(symbol, volumes, taken), [], threading.Event()

        def read() -> None:
            lake = self.opened()
            while not done.is_set():
                seen.append(lake.read(symbol, "1m"))
            seen.append(lake.read(symbol, "1m"))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            self.lake.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken))
        finally:
            done.set()
            reader.join()
        wanted = {
            name: [rows_of(symbol, each.rows) for each in (self.chunks[symbol][name], chunk)]
            for name, chunk in merged.items()
        }
        for frame in seen:
            for name, either in wanted.items():
                start, end = (FIRST, 0) if name == "2024-01" else (0, LAST)
                part = frame.filter(
                    pl.col("time").cast(pl.Int64).is_between(time_of(start), time_of(end), "left")
                )
                assert any(part.equals(each) for each in either)
        assert seen[-1].equals(pl.concat(either[1] for either in wanted.values()))
        for name, chunk in merged.items():
            self.keep(symbol, name, chunk)

    @rule(symbol=symbols, moment=edges)
    def reach_the_listing(self, symbol, moment):
        """Learn that the exchange has nothing before a moment."""
        self.lake.append(symbol, "1m", rows_of(symbol, {}), Spans(), nothing_before=time_of(moment))
        known = self.nothing_before(symbol)
        if known is None or moment > known:
            self.chunks[symbol][chunk_of(moment)].nothing_before = moment

    @rule(
        symbol=symbols,
        windows=windows,
        silent=st.sets(slots),
        death=st.tuples(
            st.sampled_from(["replace", "fsync", "_sync_data", "unlink"]),
            st.integers(0, 9),
            st.booleans(),
        ),
    )
    def crash(self, symbol, windows, silent, death):
        """Die at some step of an append: each chunk has all of the page or nothing of it."""
        volumes, taken = self.page(windows, silent)
        rows, spans = rows_of(symbol, volumes), spans_of(taken)
        self.die(death, lambda: self.lake.append(symbol, "1m", rows, spans))
        rows, covered = self.lake.read(symbol, "1m"), slots_of(self.lake.covered(symbol, "1m"))
        found = {
            (at - MIDDLE) // MINUTE: volume
            for at, volume in zip(rows["time"].cast(pl.Int64), rows["volume"], strict=True)
        }
        for name, chunk in self.merged(symbol, volumes, taken).items():
            state = (
                {slot: volume for slot, volume in found.items() if chunk_of(slot) == name},
                {slot for slot in covered if chunk_of(slot) == name},
            )
            if state == (chunk.rows, chunk.covered):
                self.keep(symbol, name, chunk)
            else:
                old = self.chunks[symbol][name]
                assert state == (old.rows, old.covered)

    def die(self, death, work) -> None:
        """Do something, and die at some step on the way."""
        function, step, after = death
        holder = {"_sync_data": disk, "unlink": Path}.get(function, os)
        dying = dying_at(step, getattr(holder, function), after=after)
        try:
            with patch.object(holder, function, dying):
                work()
        except Killed:
            self.lake = self.opened()

    @rule(
        death=st.tuples(
            st.sampled_from(["replace", "fsync", "unlink"]), st.integers(0, 6), st.booleans()
        )
    )
    def crash_compacting(self, death):
        """Die while pages of the journal go into chunks: nobody sees any of it."""
        self.die(death, self.lake.compact)

    @rule()
    def compact(self):
        """Put the pages of the journal into chunks."""
        self.lake.compact()
        assert not list(self.root.glob("journal/*/*/*.log"))

    @rule(symbol=symbols, half=st.integers(1, 200))
    def tear(self, symbol, half):
        """Leave the beginning of a record, as of a writer that died."""
        for path in self.root.glob(f"journal/*/timeframe=1min/{symbol}.log"):
            record = path.read_bytes()[16:]
            path.write_bytes(path.read_bytes() + record[: min(half, len(record) - 1)])

    @rule(symbol=symbols, windows=windows, silent=st.sets(slots))
    def another_process_appends(self, symbol, windows, silent):
        """Append through an object that has met nothing of it yet."""
        volumes, taken = self.page(windows, silent)
        other = self.opened()
        written = other.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken))
        merged = self.merged(symbol, volumes, taken)
        revisions = sum(self.keep(symbol, name, chunk) for name, chunk in merged.items())
        assert written == (len(volumes), revisions)

    @rule()
    def catalog(self):
        """Compare the counts of rows and slots, and the first and the last row."""
        found = {row["symbol"]: row for row in self.lake.catalog().rows(named=True)}
        for symbol in SYMBOLS:
            rows, said = sorted(self.rows(symbol)), found.get(symbol)
            if said is None:
                assert not rows
                continue
            assert (said["rows"], said["slots"]) == (len(rows), len(self.covered(symbol)))
            ends = [
                at and (int(at.timestamp() * 1000) - MIDDLE) // MINUTE
                for at in (said["first"], said["last"])
            ]
            assert ends == ([rows[0], rows[-1]] if rows else [None, None])

    @rule(
        symbol=symbols,
        name=chunks,
        how=st.sampled_from(["rot", "shuffle", "contradict"]),
        pick=slots,
    )
    def damage_and_repair(self, symbol, name, how, pick):
        """Break a chunk, which must be found; repair it; what cannot be trusted is unknown."""
        series = Series("upbit", symbol, TIMEFRAMES["1m"])
        self.lake.compact()
        path = self.root / series.path(name)
        if not path.exists():
            return
        rows, footer = read_chunk(path, series)
        if how == "rot":
            path.unlink()
            path.write_bytes(b"rot")
            self.chunks[symbol][name] = Chunk()
        elif rows.height < 2:
            return
        elif how == "shuffle":
            write_chunk(path, rows.reverse(), footer, series)
        else:
            row = rows[pick % rows.height]
            both = pl.concat([rows, row.with_columns(volume=pl.lit(-1.0).abs() / 3)]).sort("time")
            write_chunk(
                path,
                both,
                Footer(
                    footer.covered, footer.nothing_before, both.height, footer.first, footer.last
                ),
                series,
            )
            slot = (row["time"].cast(pl.Int64)[0] - MIDDLE) // MINUTE
            self.chunks[symbol][name].rows.pop(slot)
            self.chunks[symbol][name].covered.discard(slot)
        found = self.lake.audit().filter(pl.col("finding") != "litter")
        assert set(found["path"]) == {series.path(name)}
        self.lake.repair()
        assert self.lake.audit().is_empty()

    @rule()
    def audit(self):
        """Find nothing but litter, whatever was done; and nothing at all once that is swept."""
        assert set(self.lake.audit()["finding"]) <= {"litter", "index"}
        self.lake.repair()
        assert self.lake.audit().is_empty()

    @rule(target=sets)
    def freeze(self):
        """Keep what there is under a name."""
        if not any(self.root.glob("candles/*/*/*/*.parquet")):
            return None
        self.frozen += 1
        name = f"set-{self.frozen}"
        assert self.lake.freeze(name).rows == sum(len(self.rows(symbol)) for symbol in SYMBOLS)
        return name, deepcopy(self.chunks)

    @rule(step=st.integers(0, 9), after=st.booleans())
    def crash_freezing(self, step, after):
        """Die while freezing: the set is there and whole, or it is not there."""
        if not any(self.root.glob("candles/*/*/*/*.parquet")):
            return
        self.frozen += 1
        name = f"set-{self.frozen}"
        try:
            with patch.object(os, "fsync", dying_at(step, os.fsync, after=after)):
                self.lake.freeze(name)
        except Killed:
            self.lake = self.opened()
        if name in self.lake.frozen()["name"]:
            assert self.lake.verify(name).is_empty()
            self.lake.delete(name)

    @rule(kept=sets)
    def look_back(self, kept):
        """Read a frozen set: it is the lake as it was."""
        if kept is None or kept[0] not in self.lake.frozen()["name"]:
            return
        name, chunks = kept
        past = self.lake.as_of(name)
        everything = [
            rows_of(
                symbol, {s: v for chunk in chunks[symbol].values() for s, v in chunk.rows.items()}
            )
            for symbol in SYMBOLS
        ]
        assert past.read(None, "1m").equals(pl.concat(everything))
        for symbol in SYMBOLS:
            covered = {slot for chunk in chunks[symbol].values() for slot in chunk.covered}
            assert slots_of(past.covered(symbol, "1m")) == covered
        assert self.lake.verify(name).is_empty()

    @rule(kept=consumes(sets))
    def delete_a_frozen_set(self, kept):
        """Take a frozen set away; nothing else changes."""
        if kept is not None:
            self.lake.delete(kept[0])
            assert kept[0] not in self.lake.frozen()["name"]

    @rule()
    def reopen(self):
        """Forget what this process knows."""
        self.lake = self.opened()

    @rule()
    def warm(self):
        """Have every file read as memory from now on."""
        self.lake.warm(None, "1m")

    @rule(names=st.sets(st.sampled_from(["", "-wal", "-shm"]), min_size=1))
    def delete_the_index(self, names):
        """Delete what is there of the index, in whole or in part, while it is open."""
        for name in {"", *names}:
            (self.root / f"index.sqlite{name}").unlink(missing_ok=True)

    @rule(symbol=symbols)
    def litter(self, symbol):
        """Leave the temporary file of a dead writer."""
        for folder in self.root.glob(f"candles/*/timeframe=1min/series={symbol}"):
            (folder / "2024-01.parquet.999999.beef.tmp").write_bytes(b"half a file")

    @rule(target=scans, start=edges, length=st.integers(0, 24))
    def scan(self, start, length):
        """Make a frame now that is collected at some later time."""
        expected = pl.concat(
            rows_of(
                symbol, {s: v for s, v in self.rows(symbol).items() if start <= s < start + length}
            )
            for symbol in SYMBOLS
        )
        window = (time_of(start), time_of(start + length))
        return self.lake.scan(None, "1m", *window), expected

    @rule(scan=consumes(scans))
    def collect(self, scan):
        """Collect a frame made earlier: it shows the lake as it was."""
        frame, expected = scan
        assert frame.collect().equals(expected)

    @rule(count=st.integers(1, 30))
    def latest(self, count):
        """Ask for the newest candles of all."""
        newest = [rows_of(symbol, self.rows(symbol)).tail(count) for symbol in SYMBOLS]
        assert self.lake.latest(count=count).equals(pl.concat(newest))

    @rule()
    def every_change_is_in_the_log(self):
        """Compare the revisions; a writer that died may have logged what it did not do."""
        logged: dict[tuple[str, int], list[tuple[float | None, float | None]]] = {}
        for row in self.lake.revisions().filter(pl.col("column") == "volume").rows(named=True):
            slot = (int(row["time"].timestamp() * 1000) - MIDDLE) // MINUTE
            logged.setdefault((row["symbol"], slot), []).append((row["old"], row["new"]))
        for key, changes in self.revised.items():
            assert subsequence(without_repeats(changes), logged.get(key, []))

    @invariant()
    def everything_is_there(self):
        """Compare all rows."""
        everything = [rows_of(symbol, self.rows(symbol)) for symbol in SYMBOLS]
        assert self.lake.read(None, "1m").equals(pl.concat(everything))

    @invariant()
    def claims_are_exact(self):
        """Compare what is said to be known, and what is said to be missing."""
        for symbol in SYMBOLS:
            moment = self.nothing_before(symbol)
            assert slots_of(self.lake.covered(symbol, "1m")) == self.covered(symbol)
            found = self.lake.nothing_before(symbol, "1m")
            assert found == (None if moment is None else time_of(moment))
            absent = set() if moment is None else set(range(FIRST, moment))
            missing = set(range(FIRST, LAST)) - self.covered(symbol) - absent
            window = (time_of(FIRST), time_of(LAST))
            assert slots_of(self.lake.missing(symbol, "1m", *window)) == missing

    @invariant()
    def every_slot_has_one_state(self):
        """Count the slots of each state."""
        frame = self.lake.coverage(SYMBOLS, "1m", time_of(FIRST), time_of(LAST))
        totals = dict(frame.group_by("state").agg(pl.col("slots").sum()).rows())
        assert sum(totals.values()) == len(SYMBOLS) * (LAST - FIRST)
        assert totals.get("traded", 0) == sum(len(self.rows(symbol)) for symbol in SYMBOLS)


QUICK = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class JournalMachine(LakeMachine):
    """The same with every page in the journal that can be there."""

    def __init__(self) -> None:
        self.patches = [patch.object(pages, "_LARGE", 0), patch.object(pages, "_AT_MOST", 4)]
        for each in self.patches:
            each.start()
        super().__init__()

    def teardown(self) -> None:
        """Leave nothing behind."""
        super().teardown()
        for each in self.patches:
            each.stop()


MACHINES = pytest.mark.parametrize("machine", [LakeMachine, JournalMachine])


@MACHINES
def test_the_lake_and_a_dictionary_agree(machine):
    run_state_machine_as_test(machine, settings=QUICK)


@pytest.mark.slow
@MACHINES
def test_the_lake_and_a_dictionary_agree_for_long(machine):
    run_state_machine_as_test(
        machine, settings=settings(QUICK, max_examples=60, stateful_step_count=40)
    )
