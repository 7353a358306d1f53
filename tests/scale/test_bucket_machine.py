"""The lake's state machine in a bucket: several machines, bad networks, deaths at any request."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from marketkit.data.lake import Lake
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.places import patience
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.mirror import Mirror
from marketkit.timeframe import TIMEFRAMES
from tests.scale.proxy import PASS, by_chance
from tests.stateful.test_lake_machine import (
    MIDDLE,
    MINUTE,
    QUICK,
    Chunk,
    Killed,
    LakeMachine,
    chunk_of,
    chunks,
    rows_of,
    slots,
    slots_of,
    spans_of,
    symbols,
    windows,
)

REQUESTS = ("list", "read", "tail", "put", "copy", "delete")


class Mortal(Bucket):
    """A bucket whose client dies before or after a request, and at each from then on."""

    left: int | None = None
    after = False

    def reach(self, name: str, given: tuple) -> object:
        """Do a request, unless the end has come."""
        if self.left is not None:
            self.left -= 1
        ends = self.left is not None and self.left < 0
        if ends and not self.after:
            raise Killed
        result = getattr(Bucket, name)(self, *given)
        result = list(result) if name == "list" else result
        if ends:
            raise Killed
        return result


for _name in REQUESTS:
    setattr(Mortal, _name, lambda self, *given, name=_name: self.reach(name, given))


class BucketMachine(LakeMachine):
    """The same with the lake in a bucket, and a mirror for each of two machines."""

    url = "memory://bucket/lake"
    store = None  # of the library, in this process
    made = itertools.count()

    # What a bucket has not: files that are half written, frozen sets beside, the journal.
    crash = crash_compacting = tear = litter = freeze = crash_freezing = None
    look_back = delete_a_frozen_set = damage_and_repair = None

    def __init__(self) -> None:
        number = next(self.made)
        self.address = f"{self.url}-{number}"
        self.memory = self.store and self.store()
        self.machines = itertools.cycle(["one", "two", "three"])
        super().__init__()

    def opened(self, machine: str = "") -> Lake:
        """Open the lake on the next machine, whose mirror may be old."""
        bucket = Mortal(self.address, self.memory)
        mirror = self.folder / (machine or next(self.machines))
        return Lake(Mirror(mirror, self.address, bucket))

    @rule()
    def audit(self):
        """Find nothing at all, whatever was done: no writer leaves litter."""
        assert self.lake.audit().is_empty()
        assert self.lake.repair().is_empty()

    @rule(
        symbol=symbols,
        windows=windows,
        silent=st.sets(slots),
        step=st.integers(0, 9),
        after=st.booleans(),
    )
    def die_at_a_request(self, symbol, windows, silent, step, after):
        """Die before or after a request of an append: a chunk has all of the page, or nothing."""
        volumes, taken = self.page(windows, silent)
        bucket = self.lake.objects
        bucket.left, bucket.after = step, after
        try:
            self.lake.append(symbol, "1m", rows_of(symbol, volumes), spans_of(taken))
        except Killed:
            self.lake = self.opened()
        bucket.left = None
        rows, covered = self.lake.read(symbol, "1m"), slots_of(self.lake.covered(symbol, "1m"))
        times = ((rows["time"].cast(pl.Int64) - MIDDLE) // MINUTE).to_list()
        found = dict(zip(times, rows["volume"], strict=True))
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

    @rule(symbol=symbols, windows=windows, silent=st.sets(slots))
    def two_write_at_once(self, symbol, windows, silent):
        """Have another machine write between the look and the put: both pages are there."""
        first, slots_of_first = self.page(windows, silent)
        second, slots_of_second = self.page(windows[:1], silent)
        bucket, real, done = self.lake.objects, Mortal.put, []

        def put(*given):
            if not done and str(given[0]).startswith("candles/"):
                done.append(given)
                other = self.opened("four")  # none at whose locks a writer is
                other.append(symbol, "1m", rows_of(symbol, second), spans_of(slots_of_second))
                for name, chunk in self.merged(symbol, second, slots_of_second).items():
                    self.keep(symbol, name, chunk)
            return real(bucket, *given)

        bucket.put = put
        self.lake.append(symbol, "1m", rows_of(symbol, first), spans_of(slots_of_first))
        del bucket.put
        for name, chunk in self.merged(symbol, first, slots_of_first).items():
            self.keep(symbol, name, chunk)

    @rule(symbol=symbols, name=chunks)
    def rot(self, symbol, name):
        """Break an object, which must be found; once repaired its slots are unknown."""
        key = Series("upbit", symbol, TIMEFRAMES["1m"]).path(name)
        found = dict(self.lake.objects.list(key))
        if key not in found:
            return
        self.lake.objects.put(key, b"rot", found[key])
        self.chunks[symbol][name] = Chunk()
        assert set(self.lake.audit()["path"]) == {key}
        self.lake.repair()
        assert self.lake.audit().is_empty()

    @rule(symbol=symbols)
    def drop(self, symbol):
        """Remove a series: it is gone on every machine."""
        self.lake.drop(symbol, "1m")
        self.chunks[symbol] = {"2024-01": Chunk(), "2024-02": Chunk()}
        self.revised = {key: told for key, told in self.revised.items() if key[0] != symbol}
        assert self.opened().read(symbol, "1m").is_empty()


class FaultyMachine(BucketMachine):
    """The same in a real store behind a network that loses answers, refuses and waits."""

    proxy = None

    @rule(seed=st.integers(0, 999))
    def spoil(self, seed):
        """Spoil one request in three from now on, but no removals.

        While nobody knows what came of one, its key takes nothing for minutes: see `Bucket.delete`.
        """
        chance = by_chance(seed, 0.3)
        self.proxy.script = lambda asked: PASS if asked.method == "DELETE" else chance(asked)

    @rule()
    def heal(self):
        """Let all requests pass."""
        self.proxy.script = lambda _: PASS


def test_a_bucket_and_a_dictionary_agree(tmp_path):
    store = pytest.importorskip("obstore.store").MemoryStore
    machine = type("Machine", (BucketMachine,), {"store": store})
    run_state_machine_as_test(
        machine, settings=settings(QUICK, max_examples=5, stateful_step_count=12)
    )


def on(moto, faulty, monkeypatch, examples, steps):
    monkeypatch.setattr(patience, "_FIRST", 0.001)
    proxy, url = faulty(moto), f"s3://{moto.bucket()}/lake"
    machine = type("Machine", (FaultyMachine,), {"url": url, "proxy": proxy})
    chosen = settings(QUICK, max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(machine, settings=chosen)
    return proxy


def test_a_store_behind_a_bad_network_and_a_dictionary_agree(moto, faulty, monkeypatch):
    assert on(moto, faulty, monkeypatch, 1, 10).asked


@pytest.mark.slow
def test_a_store_behind_a_bad_network_and_a_dictionary_agree_for_long(moto, faulty, monkeypatch):
    assert on(moto, faulty, monkeypatch, 12, 20).asked
