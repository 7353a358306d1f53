"""A unit looks, leases, looks again, fills and lets go; whoever does it again asks nobody."""

from __future__ import annotations

import asyncio
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.fleet.leases import Leases, key_of
from marketkit.data.fleet.unit import Filled, Terms, Unit, _Filling, fill, mark_of
from marketkit.data.jobs.tasks import Task, Work
from marketkit.data.lake import Lake
from marketkit.data.lake.format.objects import Conflict
from marketkit.errors import InputError, LakeError, UnknownSymbol
from marketkit.timeframe import TIMEFRAMES, parse_time
from tests.waiting import PATIENCE

MINUTES = TIMEFRAMES["1m"]
START, END = parse_time("2026-03-08T00:00Z"), parse_time("2026-03-08T20:00Z")
SLOTS = MINUTES.count(START, END)
NOTHING, MARK = Span(0, 0), mark_of("run")
TERMS = Terms("1m", NOTHING, recheck=False, priority="normal", mark=MARK)
UNIT = Unit(TERMS, Task("KRW-BTC", 7, START, END, SLOTS), Spans())
KEY = key_of("upbit", MINUTES, "KRW-BTC", 7)


def marked(filler):
    """Mark the run in the lake, as its sender does."""
    filler.lake.objects.put(MARK, b"{}", None)
    return filler


def asked(exchange):
    return exchange.stats()["groups"].get("candles", {}).get("requests", 0)


def test_a_unit_fills_what_is_missing_counts_and_lets_go(fetch, exchange):
    async def main(filler, _):
        filled = await _Filling(marked(filler), UNIT).do()
        return filled, filler.lake.missing("KRW-BTC", "1m", START, END), filler.lake.objects

    filled, missing, objects = fetch(main)
    assert not missing
    assert filled.failure is None
    assert not filled.busy
    assert filled.work == Work(SLOTS, asked(exchange), filled.work.rows)
    assert filled.work.rows > 1000
    assert filled.at > END
    assert [key for key, _ in objects.list(".leases/")] == [MARK]


def test_the_same_unit_asks_nobody_again(fetch, exchange):
    async def main(filler, _):
        await _Filling(marked(filler), UNIT).do()
        before = asked(exchange)
        return before, await _Filling(filler, UNIT).do()

    before, filled = fetch(main)
    assert filled == Filled(seconds=filled.seconds)
    assert asked(exchange) == before


def test_a_task_that_another_holds_is_left_alone(fetch, exchange):
    async def main(filler, _):
        lease = Leases(marked(filler).lake.objects).take(KEY)
        busy = await _Filling(filler, UNIT).do()
        lease.release()
        return busy, asked(exchange), await _Filling(filler, UNIT).do()

    busy, requests, filled = fetch(main)
    assert busy.busy
    assert requests == 0
    assert filled.work.slots == SLOTS


def test_slots_that_others_bring_are_left_out(fetch):
    middle = parse_time("2026-03-08T10:00Z")

    async def main(filler, _):
        unit = replace(UNIT, skip=Spans([(START, middle)]))
        await _Filling(marked(filler), unit).do()
        return filler.lake.missing("KRW-BTC", "1m", START, END)

    assert fetch(main) == Spans([(START, middle)])


def test_what_came_in_while_the_lease_was_taken_is_not_asked_for(fetch, exchange, monkeypatch):
    """The first look and the lease are two moments, and somebody may fill in between."""
    taking = Leases.take

    async def main(filler, _):
        marked(filler)

        def take(self, key):
            monkeypatch.setattr(Leases, "take", taking)
            # The other is done, and has let go, before this one takes the lease.
            with ThreadPoolExecutor(1) as other:
                done = asyncio.run_coroutine_threadsafe(_Filling(filler, UNIT).do(), loop)
                other.submit(done.result, PATIENCE).result(PATIENCE)
            return taking(self, key)

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(Leases, "take", take)
        return await _Filling(filler, UNIT).do(), asked(exchange)

    filled, requests = fetch(main)
    assert filled.work == Work()
    assert requests == SLOTS // 200


def test_whoever_loses_the_lease_stops_and_says_that_another_is_at_it(fetch, exchange, monkeypatch):
    """As after a stall for longer than a lease lasts."""
    look = _Filling._walks

    async def main(filler, _):
        filling = _Filling(marked(filler), replace(UNIT, terms=replace(TERMS, lasts=0.04)))
        objects = filler.lake.objects

        def stalled(self):
            with suppress(FileNotFoundError):  # the first look is before the lease
                while not self.lost:  # a renewal may come between the two
                    with suppress(Conflict):
                        objects.put(KEY, b"another's", objects.written_at(KEY)[0])
                        time.sleep(0.005)
            return look(self)

        monkeypatch.setattr(_Filling, "_walks", stalled)
        filled = await filling.do()
        return filled, objects.read(KEY)[0]

    filled, left = fetch(main)
    assert (filled.busy, filled.work) == (True, Work())
    assert left == b"another's"
    assert asked(exchange) == 0


def test_a_failure_of_the_symbol_is_told_and_the_lease_let_go(fetch):
    async def main(filler, _):
        unit = replace(UNIT, task=UNIT.task._replace(symbol="KRW-NOSUCH"))
        filled = await _Filling(marked(filler), unit).do()
        return filled, list(filler.lake.objects.list(".leases/upbit/"))

    filled, left = fetch(main)
    assert isinstance(filled.failure, UnknownSymbol)
    assert left == []
    assert pickle.loads(pickle.dumps(filled)).failure.symbol == "KRW-NOSUCH"  # noqa: S301 - ours


def test_a_worker_with_another_lake_writes_and_asks_nothing(fetch, exchange):
    async def main(filler, _):
        with pytest.raises(LakeError, match=r"finds no run .*\n.*share one, or take a bucket"):
            await _Filling(filler, UNIT).do()
        return filler.lake

    lake = fetch(main)
    assert asked(exchange) == 0
    assert not (lake.root / "candles").exists()


def test_a_worker_that_knows_other_lakes_refuses_first(tmp_path):
    class Site:
        def __call__(self):
            raise AssertionError("nothing is opened")

    unit = replace(UNIT, terms=replace(TERMS, format=3))
    with pytest.raises(InputError, match="knows lakes of format 2, and the work is for format 3"):
        fill(Site(), unit)
    assert Lake(tmp_path).objects.now() > 0
