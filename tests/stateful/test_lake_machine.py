"""The lake against a dictionary: whatever happens in whatever order, both say the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
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

from marketkit.coverage import Spans
from marketkit.lake import Lake
from marketkit.schema import ROW, TIME

MINUTE = 60_000
MIDDLE = (
    1_706_745_600_000  # 2024-02-01T00:00Z: slots below 0 lie in one chunk, the others in the next
)
FIRST, LAST = -12, 12  # the slots of the game, in minutes from the middle
SYMBOLS = ("KRW-BTC", "KRW-ETH")

slots = st.integers(FIRST, LAST - 1)
edges = st.integers(FIRST, LAST)
symbols = st.sampled_from(SYMBOLS)
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


class LakeMachine(RuleBasedStateMachine):
    """Appends, crashes, deletions and readers, in any order."""

    scans = Bundle("scans")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="marketkit-machine-"))
        self.lake = Lake(self.root)
        self.version = 0.0
        self.rows: dict[str, dict[int, float]] = {symbol: {} for symbol in SYMBOLS}
        self.covered: dict[str, set[int]] = {symbol: set() for symbol in SYMBOLS}
        self.nothing_before: dict[str, int | None] = dict.fromkeys(SYMBOLS)

    def teardown(self) -> None:
        """Leave nothing behind."""
        del self.lake
        shutil.rmtree(self.root)

    def page(self, windows, silent) -> tuple[dict[int, float], set[int]]:
        """Give the volumes of a page and the slots it covers; each page trades other volumes."""
        self.version += 1
        taken = {slot for start, end in windows for slot in range(start, end)}
        return dict.fromkeys(taken - silent, self.version), taken

    def keep(self, symbol, volumes, taken) -> None:
        """Do to the dictionary what an append does to the lake."""
        self.rows[symbol].update(volumes)
        self.covered[symbol] |= taken

    @rule(symbol=symbols, windows=windows, silent=st.sets(slots))
    def append(self, symbol, windows, silent):
        """Append a page that overlaps whatever is there; every row of it is new."""
        volumes, taken = self.page(windows, silent)
        rows = rows_of(symbol, volumes)
        assert self.lake.append(symbol, "1m", rows, spans_of(taken)) == len(volumes)
        self.keep(symbol, volumes, taken)

    @rule(symbol=symbols, windows=windows)
    def append_again(self, symbol, windows):
        """Append what is there already, over a window that may be wider: no row is new."""
        taken = {slot for start, end in windows for slot in range(start, end)}
        volumes = {slot: volume for slot, volume in self.rows[symbol].items() if slot in taken}
        assert self.lake.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken)) == 0
        self.keep(symbol, volumes, taken)

    @rule(symbol=symbols, moment=edges)
    def reach_the_listing(self, symbol, moment):
        """Learn that the exchange has nothing before a moment."""
        self.lake.append(symbol, "1m", rows_of(symbol, {}), Spans(), nothing_before=time_of(moment))
        known = self.nothing_before[symbol]
        self.nothing_before[symbol] = moment if known is None else max(known, moment)

    @rule(
        symbol=symbols,
        windows=windows,
        silent=st.sets(slots),
        death=st.tuples(st.sampled_from(["replace", "fsync"]), st.integers(0, 9), st.booleans()),
    )
    def crash(self, symbol, windows, silent, death):
        """Die at some step of an append: each chunk has all of the page or nothing of it."""
        volumes, taken = self.page(windows, silent)
        rows, spans = rows_of(symbol, volumes), spans_of(taken)
        function, step, after = death
        dying = dying_at(step, getattr(os, function), after=after)
        try:
            with patch.object(os, function, dying):
                self.lake.append(symbol, "1m", rows, spans)
        except Killed:
            self.lake = Lake(self.root)
        for chunk in (set(range(FIRST, 0)), set(range(LAST))):
            self.settle(symbol, volumes, taken, chunk)

    def settle(self, symbol, volumes, taken, chunk) -> None:
        """Learn whether a chunk has the page; it must not have half of it."""
        window = (time_of(min(chunk)), time_of(max(chunk) + 1))
        found = self.lake.read(symbol, "1m", *window)
        mine = {slot: volume for slot, volume in volumes.items() if slot in chunk}
        if self.version in found["volume"] or (
            not mine and taken & chunk <= slots_of(self.lake.covered(symbol, "1m"))
        ):
            self.keep(symbol, mine, taken & chunk)

    @rule()
    def reopen(self):
        """Forget what this process knows."""
        self.lake = Lake(self.root)

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
            rows_of(symbol, {s: v for s, v in taken.items() if start <= s < start + length})
            for symbol, taken in sorted(self.rows.items())
        )
        window = (time_of(start), time_of(start + length))
        return self.lake.scan(None, "1m", *window), expected

    @rule(scan=consumes(scans))
    def collect(self, scan):
        """Collect a frame made earlier: it shows the lake as it was."""
        frame, expected = scan
        assert frame.collect().equals(expected)

    @invariant()
    def everything_is_there(self):
        """Compare all rows."""
        everything = [rows_of(symbol, self.rows[symbol]) for symbol in SYMBOLS]
        assert self.lake.read(None, "1m").equals(pl.concat(everything))

    @invariant()
    def claims_are_exact(self):
        """Compare what is said to be known, and what is said to be missing."""
        for symbol in SYMBOLS:
            moment = self.nothing_before[symbol]
            assert slots_of(self.lake.covered(symbol, "1m")) == self.covered[symbol]
            found = self.lake.nothing_before(symbol, "1m")
            assert found == (None if moment is None else time_of(moment))
            absent = set() if moment is None else set(range(FIRST, moment))
            missing = set(range(FIRST, LAST)) - self.covered[symbol] - absent
            window = (time_of(FIRST), time_of(LAST))
            assert slots_of(self.lake.missing(symbol, "1m", *window)) == missing

    @invariant()
    def every_slot_has_one_state(self):
        """Count the slots of each state."""
        frame = self.lake.coverage(SYMBOLS, "1m", time_of(FIRST), time_of(LAST))
        totals = dict(frame.group_by("state").agg(pl.col("slots").sum()).rows())
        assert sum(totals.values()) == len(SYMBOLS) * (LAST - FIRST)
        assert totals.get("traded", 0) == sum(map(len, self.rows.values()))


QUICK = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_lake_and_a_dictionary_agree():
    run_state_machine_as_test(LakeMachine, settings=QUICK)


@pytest.mark.slow
def test_the_lake_and_a_dictionary_agree_for_long():
    run_state_machine_as_test(
        LakeMachine, settings=settings(QUICK, max_examples=100, stateful_step_count=40)
    )
