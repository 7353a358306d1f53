"""A lease has one holder, ends by the store's own clock alone, and gives way to nobody before."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from obstore.store import MemoryStore

from marketkit.data.fleet.leases import RUNS, Leases, kept, key_of
from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.places.disk import Disk
from marketkit.errors import InputError, LakeError
from marketkit.timeframe import TIMEFRAMES
from tests.waiting import PATIENCE

KEY = key_of("upbit", TIMEFRAMES["1m"], "KRW-BTC", 29_000_000)


class Store:
    """A place of objects in which time can pass, and which may lose an answer."""

    def __init__(self, place) -> None:
        self.place = place
        self.ages = {}
        self.lost_answers = 0
        self.away = False

    def pass_time(self, seconds, key=KEY):
        """Let so many seconds pass for what is there."""
        version = self.place.written_at(key)[0]
        self.ages[version] = self.ages.get(version, 0) + 1000 * seconds

    def written_at(self, key):
        """Tell an object's age, with the time that has passed."""
        version, moment = self.place.written_at(key)
        return version, moment - self.ages.get(version, 0)

    def put(self, *arguments):
        """Put an object, of which the caller may not hear."""
        if self.away:
            raise LakeError("the store is away")
        version = self.place.put(*arguments)
        if self.lost_answers:
            self.lost_answers -= 1
            raise Conflict("nobody knows whether that came through")
        return version

    def delete(self, *arguments):
        """Delete an object, if the store is there."""
        if self.away:
            raise LakeError("the store is away")
        self.place.delete(*arguments)

    def __getattr__(self, name):
        return getattr(self.place, name)


@pytest.fixture(params=["disk", "bucket"])
def store(request, tmp_path):
    place = Disk(tmp_path) if request.param == "disk" else Bucket("memory://a/b", MemoryStore())
    return Store(place)


def together(store):
    """Let eight take the lease at once, and give those who have it."""
    start = threading.Barrier(8)

    def take(_):
        start.wait(PATIENCE)
        return Leases(store).take(KEY)

    with ThreadPoolExecutor(8) as pool:
        return [lease for lease in pool.map(take, range(8)) if lease is not None]


def test_one_of_many_takes_a_lease_and_whoever_comes_after_its_release_takes_it_again(store):
    (lease,) = together(store)
    lease.release()
    lease.release()  # once more is no failure
    assert Leases(store).take(KEY) is not None


def test_a_lease_is_taken_over_when_its_time_is_over_by_the_clock_of_the_store(store):
    dead = Leases(store, lasts=60).take(KEY)
    store.pass_time(30)
    assert Leases(store, lasts=1).take(KEY) is None  # the holder's word counts
    store.pass_time(32)
    mine = Leases(store, lasts=60).take(KEY)
    assert mine is not None
    assert not dead.renew()
    dead.release()  # it is no longer its own
    assert Leases(store).take(KEY) is None  # a new one lasts as long again
    assert mine.renew()


def test_a_lease_that_is_renewed_is_not_over(store):
    lease = Leases(store, lasts=60).take(KEY)
    before = store.written_at(KEY)[0]
    store.pass_time(3600)  # a stall; nobody came
    assert lease.renew()
    assert store.written_at(KEY)[0] != before
    assert Leases(store).take(KEY) is None


def test_of_those_who_find_a_lease_over_one_takes_it(store):
    Leases(store).take(KEY)
    store.pass_time(61)
    assert len(together(store)) == 1


def test_an_answer_that_was_lost_is_looked_for(store):
    store.lost_answers = 1
    lease = Leases(store).take(KEY)
    assert lease is not None
    store.lost_answers = 1
    assert lease.renew()
    lease.release()
    assert not list(store.list(".leases/"))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"lasts": "x"}', b"\xff", b'{"lasts": 1e400}'])
def test_a_lease_of_nonsense_lasts_no_longer_than_an_hour(store, content):
    store.put(KEY, content, None)
    assert Leases(store).take(KEY) is None
    store.pass_time(3602)
    assert Leases(store).take(KEY) is not None


def test_a_store_that_is_away_at_the_end_leaves_the_lease_to_end_by_itself(store):
    lease = Leases(store).take(KEY)
    store.away = True
    lease.release()
    assert json.loads(store.read(KEY)[0])["lasts"] == 60


def test_a_lease_is_renewed_while_a_block_goes_on_and_let_go_after_it(store):
    async def main():
        lease = Leases(store, lasts=0.04).take(KEY)
        first, lost = store.written_at(KEY)[0], asyncio.Event()
        async with kept(lease, lost.set):
            async with asyncio.timeout(PATIENCE):
                while store.written_at(KEY)[0] == first:  # noqa: ASYNC110 - the store tells nobody
                    await asyncio.sleep(0.01)
            with lease._writing:  # somebody found it over, as after a stall of this machine
                store.put(KEY, b"another's", store.written_at(KEY)[0])
            await asyncio.wait_for(lost.wait(), PATIENCE)
        return store.read(KEY)[0]

    assert asyncio.run(main()) == b"another's"


WEEK = 7 * 86_400


def test_leases_of_runs_that_nobody_wrote_for_a_week_are_swept(store):
    old, young, other = f"{RUNS}old.json", f"{RUNS}young.json", KEY
    for key in (old, young, other):
        Leases(store).take(key)
        store.pass_time(WEEK - (30 if key == young else -30), key)
    Leases(store).sweep(RUNS)
    assert {key for key, _ in store.list(".leases/")} == {young, other}


def test_a_lease_that_is_renewed_while_it_is_swept_stays(store, monkeypatch):
    key = f"{RUNS}asleep.json"
    lease = Leases(store).take(key)
    store.pass_time(WEEK, key)
    real = store.delete

    def delete(*given):
        assert lease.renew()
        real(*given)

    monkeypatch.setattr(store, "delete", delete, raising=False)
    Leases(store).sweep(RUNS)
    assert [key for key, _ in store.list(".leases/")] == [key]


def test_what_cannot_be_swept_costs_nothing(store):
    Leases(store).take(f"{RUNS}old.json")
    store.pass_time(WEEK, f"{RUNS}old.json")
    store.away = True
    Leases(store).sweep(RUNS)
    store.away = False
    Leases(store).sweep(RUNS)
    assert not list(store.list(".leases/"))


def test_the_lease_of_a_piece_of_history_has_one_name_in_all_jobs():
    assert KEY == ".leases/upbit/1min/KRW-BTC/29000000.json"
    assert key_of("upbit", TIMEFRAMES["1m"], "KRW-a/../b", 0).count("/") == 4
    with pytest.raises(InputError):
        key_of("../x", TIMEFRAMES["1m"], "KRW-BTC", 0)
