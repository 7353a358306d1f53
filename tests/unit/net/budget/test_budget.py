"""The budget: slots that come in turn and are always given back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from marketkit.errors import Banned, EngineClosed
from marketkit.exchange.dialect import RateLimit
from marketkit.net.budget import shared
from marketkit.net.budget.budget import Budget
from marketkit.net.budget.state import INF, State
from tests.waiting import PATIENCE

LIMIT = RateLimit(10, 1.0)
QUICK = RateLimit(10, 0.1)
# A busy machine makes callbacks slow, which -X dev would report; errors are still reported.
QUIET = "import logging; logging.getLogger('asyncio').setLevel(logging.ERROR)\n"


@asynccontextmanager
async def opened(directory: Path, limit: RateLimit = LIMIT, **options) -> AsyncIterator[Budget]:
    budget = Budget("api.upbit.com-candles", limit, directory, **options)
    try:
        yield budget
    finally:
        budget.close()
        await asyncio.sleep(0)


def look(budget: Budget) -> State:
    return budget.update(lambda state, _now: state)


def in_flight(budget: Budget) -> int:
    return sum(lane.until == INF for lane in look(budget).lanes)


@pytest.fixture
def with_budget(virtual, tmp_path) -> Callable:
    """Run a coroutine function with a budget in virtual time."""

    def run(main, **options):
        async def inside(clock):
            async with opened(tmp_path, clock=clock, **options) as budget:
                return await main(budget)

        return virtual(inside)

    return run


def test_the_first_slot_comes_after_one_silent_period(with_budget):
    async def main(budget):
        began = budget.clock()
        slot = await budget.acquire()
        slot.done(200)
        return slot.sent - began

    assert with_budget(main) == pytest.approx(1.002, abs=0.002)


def test_a_budget_that_is_begun_early_is_silent_from_then_on_and_for_one_period(with_budget):
    async def main(budget):
        began = budget.clock()
        budget.begin()
        await asyncio.sleep(0.6)
        budget.begin()
        slot = await budget.acquire()
        slot.done(200)
        return slot.sent - began

    assert with_budget(main) == pytest.approx(1.002, abs=0.002)


def test_beginning_a_budget_that_is_known_changes_nothing(with_budget):
    async def main(budget):
        (await budget.acquire()).done(200)
        before = budget._path.read_bytes()
        budget.begin()
        return before == budget._path.read_bytes()

    assert with_budget(main)


def test_a_slot_is_fresh_for_a_quarter_of_a_second_and_held_while_its_lease_is_renewed(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        seen = [(slot.fresh(), slot.held())]
        for pause in (0.3, 20.0):
            await asyncio.sleep(pause)
            seen.append((slot.fresh(), slot.held()))
        slot.done(200)
        return seen

    assert with_budget(main) == [(True, True), (False, True), (False, True)]


def test_a_process_that_was_stopped_does_not_hold_its_slot(virtual, tmp_path):
    async def main(clock):
        async with opened(tmp_path, clock=clock) as budget:
            slot = await budget.acquire()
            asyncio.get_running_loop().selector.now += 10.0  # nothing ran in these seconds
            assert not slot.fresh()
            assert not slot.held()
            slot.unsent()

    virtual(main)


def test_an_answer_frees_the_lane_a_period_later_and_an_unsent_request_at_once(with_budget):
    async def main(budget):
        first, second = await budget.acquire(), await budget.acquire()
        first.unsent()
        second.done(200)
        state = look(budget)
        assert state.lanes[first.lane].until == 0.0
        assert state.lanes[second.lane].until == pytest.approx(budget.clock() + 1.002)
        assert in_flight(budget) == 0

    with_budget(main)


def test_ending_a_slot_twice_changes_nothing(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        slot.done(200)
        before = look(budget)
        slot.lost()
        slot.unsent()
        assert look(budget) == before

    with_budget(main)


def test_a_lost_request_keeps_its_lane_for_a_period_and_a_second(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        slot.lost()
        assert look(budget).lanes[slot.lane].until == pytest.approx(budget.clock() + 2.0)

    with_budget(main)


def test_a_rejection_silences_the_group_for_all(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        slot.done(429, 9, retry_after=7.0)
        rejected = budget.clock()
        later = await budget.acquire("critical")
        later.done(200)
        return later.sent - rejected

    assert with_budget(main) == pytest.approx(7.002, abs=0.002)


@pytest.mark.parametrize("asked", [61.0, 86_400.0, 1e308, float("inf")])
def test_a_429_that_asks_for_more_than_a_minute_is_raised_to_all_who_ask_and_to_who_waits(
    with_budget, tmp_path, asked
):
    async def main(budget):
        slot = await budget.acquire()
        calls = [asyncio.create_task(budget.acquire()) for _ in range(20)]
        await asyncio.sleep(0)
        slot.done(429, retry_after=asked)
        failures = await asyncio.gather(*calls, return_exceptions=True)
        failures = [each for each in failures if isinstance(each, Banned)]
        assert failures
        began = budget.clock()
        async with opened(tmp_path, clock=budget.clock) as other:
            with pytest.raises(Banned, match=r"candles asks for silence \(429.*nothing is sent"):
                await other.acquire()
        assert budget.clock() - began < 1.0
        assert await budget.left() == 0

    with_budget(main)


def test_a_429_that_asks_for_half_a_minute_is_waited_for(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        slot.done(429, retry_after=30.0)
        rejected = budget.clock()
        return (await budget.acquire()).sent - rejected

    assert with_budget(main) == pytest.approx(30.0, abs=0.1)


def test_cancelling_at_any_moment_leaks_no_lane(with_budget):
    async def main(budget):
        for i in range(200):
            call = asyncio.create_task(budget.acquire("high"))
            await asyncio.sleep(0.0101 * (i % 30))
            call.cancel()
            await asyncio.wait((call,))
            if not call.cancelled():
                call.result().unsent()
        await asyncio.sleep(0.5)
        assert in_flight(budget) == 0
        assert budget._waiting.head(budget.clock()) is None

    with_budget(main)


def test_a_cancelled_call_gives_a_slot_back_that_was_already_its_own(with_budget):
    async def main(budget):
        (await budget.acquire()).unsent()
        call = asyncio.create_task(budget.acquire())
        for _ in range(100):
            if budget._flying:  # the slot is given, the call has not run yet
                break
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait((call,))
        assert call.cancelled()
        await asyncio.sleep(0.1)
        assert in_flight(budget) == 0

    with_budget(main)


def test_a_broken_pump_fails_the_waiting_instead_of_hanging_them(with_budget):
    async def main(budget):
        def fail(_state, _now):
            raise ZeroDivisionError

        budget._step = fail
        with pytest.raises(ZeroDivisionError):
            await budget.acquire()
        del budget._step
        (await budget.acquire()).done(200)

    with_budget(main)


def test_nothing_runs_when_nobody_waits_and_nothing_is_in_flight(with_budget):
    async def main(budget):
        (await budget.acquire()).done(200)
        await asyncio.sleep(5)
        return len(asyncio.all_tasks())

    assert with_budget(main) == 1


def test_closing_fails_the_waiting_and_a_later_call_opens_again(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        waiting = [asyncio.create_task(budget.acquire()) for _ in range(20)]
        await asyncio.sleep(0.05)
        budget.close()
        slot.done(200)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        given = [each for each in ended if not isinstance(each, EngineClosed)]
        assert len(given) < len(waiting)
        for each in given:
            each.unsent()
        (await budget.acquire()).done(200)

    with_budget(main)


def test_a_ban_is_raised_at_once_and_to_those_who_wait(with_budget):
    async def main(budget):
        slot = await budget.acquire()
        others = [asyncio.create_task(budget.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        slot.done(418, retry_after=600.0)
        await asyncio.wait(others)
        assert all(isinstance(call.exception(), Banned) for call in others)
        with pytest.raises(Banned, match="nothing is sent"):
            await budget.acquire("critical")

    with_budget(main)


def test_limits_other_than_the_default_have_files_of_their_own(tmp_path):
    paths = {
        limit: Budget("x", limit, tmp_path)._path.name.removesuffix(".bin").rsplit("-", 1)[0]
        for limit in (LIMIT, RateLimit(100, 1.0), RateLimit(10, 0.02), RateLimit(1, 10.0))
    }
    assert list(paths.values()) == ["x", "x-100per1s", "x-10per0.02s", "x-1per10s"]


def test_without_a_folder_it_paces_alone_at_half_and_says_so_once(virtual, tmp_path):
    (tmp_path / "file").write_text("no folder")

    async def main(clock):
        async with opened(tmp_path / "file" / "nowhere", clock=clock) as budget:
            sent = []
            for _ in range(25):
                slot = await budget.acquire()
                sent.append(slot.sent)
                slot.done(200)
            return sent

    with pytest.warns(UserWarning, match="paces itself alone, at half") as said:
        sent = virtual(main)
    assert min(b - a for a, b in zip(sent, sent[5:], strict=False)) > 1.0
    assert len(said) == 1


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_read_only_folder_is_like_none(virtual, tmp_path):
    tmp_path.chmod(0o500)

    async def main(clock):
        async with opened(tmp_path, clock=clock) as budget:
            (await budget.acquire()).done(200)

    with pytest.warns(UserWarning, match="paces itself alone"):
        virtual(main)


def test_a_file_removed_while_in_use_costs_one_silent_period(with_budget):
    async def main(budget):
        (await budget.acquire()).done(200)
        budget._path.unlink()
        removed = budget.clock()
        slot = await budget.acquire()
        slot.done(200)
        assert budget._path.exists()
        return slot.sent - removed

    assert with_budget(main) == pytest.approx(1.002, abs=0.01)


def test_a_process_stopped_inside_the_lock_blocks_no_loop_and_is_left_behind(
    tmp_path, caplog, monkeypatch
):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(shared, "LOCK_STUCK", 0.01)
    caplog.set_level(logging.WARNING)

    async def main():
        async with opened(tmp_path, QUICK) as budget:
            (await budget.acquire()).done(200)
            with budget._path.open("rb") as stopped:
                fcntl.flock(stopped, fcntl.LOCK_EX)
                call = asyncio.create_task(budget.acquire())
                for _ in range(10_000):
                    await asyncio.sleep(0.001)  # the loop goes on
                    if "has held" in caplog.text:
                        break
                assert "has held" in caplog.text
                (await call).done(200)

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def child(body: str) -> subprocess.Popen[str]:
    """Start another process on the same machine."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", QUIET + textwrap.dedent(body)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_lanes_of_a_killed_process_stay_busy_for_its_lease_and_then_come_back(tmp_path):
    with child(f"""
        import asyncio, pathlib, sys
        from marketkit.exchange.dialect import RateLimit
        from marketkit.net.budget import pacing
        from marketkit.net.budget.budget import Budget

        pacing.LEASE = 1.0

        async def main():
            budget = Budget("x", RateLimit(10, 0.1), pathlib.Path({str(tmp_path)!r}))
            slots = [await budget.acquire() for _ in range(6)]
            print("in flight", flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """) as killed:
        assert killed.stdout.readline() == "in flight\n"
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    async def main():
        budget = Budget("x", QUICK, tmp_path)
        leases = [lane.lease for lane in look(budget).lanes if lane.until == INF]
        ours = [await budget.acquire() for _ in range(5)]
        for slot in ours:
            slot.lost()
        budget.close()
        return leases, [slot.sent for slot in ours]

    leases, sent = asyncio.run(asyncio.wait_for(main(), 60))
    assert len(leases) == 6
    # Four lanes were free; the fifth request had to wait for the first lease to end.
    assert sent[4] > min(leases)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_a_process_of_its_own_and_leaves_the_parents_slots_alone(tmp_path):
    with child(f"""
        import asyncio, os, pathlib
        from marketkit.exchange.dialect import RateLimit
        from marketkit.net.budget.budget import Budget
        from marketkit.net.budget.state import INF

        budget = Budget("x", RateLimit(10, 0.1), pathlib.Path({str(tmp_path)!r}))

        def in_flight():
            return budget.update(lambda state, now: [l.owner for l in state.lanes if l.until == INF])

        async def parent():
            slot = await budget.acquire()
            if (pid := os.fork()) == 0:
                return slot
            os.waitpid(pid, 0)
            assert in_flight() == [budget._owner], (in_flight(), budget._owner)
            slot.done(200)
            await asyncio.sleep(0)
            assert in_flight() == []
            print("parent", flush=True)

        async def own():
            mine = await budget.acquire()
            assert len(set(in_flight())) == 2
            mine.done(200)

        mine = os.getpid()
        inherited = asyncio.run(parent())
        if os.getpid() != mine:
            inherited.done(200)
            asyncio.run(own())
            print("child", flush=True)
        budget.close()
    """) as forked:
        out, err = forked.communicate(timeout=PATIENCE)
    assert (out, forked.returncode) == ("child\nparent\n", 0)
    # From 3.14 on asyncio itself complains of a loop that goes on in a child.
    assert not err or sys.version_info >= (3, 14)
