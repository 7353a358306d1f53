"""Lanes bound what is under way; each refusal ends one and slows down the others."""

from __future__ import annotations

import asyncio
import time

import pytest

from marketkit.errors import InputError, Refused
from marketkit.net.archive.lanes import MOST, Lanes, LanesEnded, checked_lanes


async def refuse(lanes, turns):
    """Note when the turn came, which is before anybody waits because of the refusal."""
    async with lanes.turn():
        turns.append(time.monotonic())
        raise Refused("no", 403)


def test_no_more_are_under_way_than_there_are_lanes():
    async def main():
        lanes, busy, most = Lanes(3), 0, 0

        async def work():
            nonlocal busy, most
            async with lanes.turn():
                busy += 1
                most = max(most, busy)
                await asyncio.sleep(0)
                busy -= 1

        await asyncio.gather(*(work() for _ in range(20)))
        return most

    assert asyncio.run(main()) == 3


def test_a_hold_is_waited_for_and_a_shorter_one_changes_nothing():
    async def main():
        lanes = Lanes(1)
        began = time.monotonic()
        lanes.hold(0.2)
        lanes.hold(0.01)
        async with lanes.turn():
            return time.monotonic() - began

    assert asyncio.run(main()) >= 0.2


def test_each_refusal_ends_a_lane_and_doubles_the_pause():
    async def main():
        lanes, turns = Lanes(3, back_off=0.05), []
        for _ in range(3):
            with pytest.raises(Refused):
                await refuse(lanes, turns)
        assert lanes.left == 0
        with pytest.raises(LanesEnded, match="no"):
            async with lanes.turn():
                pass
        return turns

    first, second, third = asyncio.run(main())
    assert second - first >= 0.05
    assert third - second >= 0.1


def test_who_waits_for_a_lane_that_never_comes_is_told():
    async def main():
        lanes = Lanes(1, back_off=0.01)

        async def wait():
            async with lanes.turn():
                pass

        async with lanes.turn():
            waiting = [asyncio.create_task(wait()) for _ in range(5)]
            await asyncio.sleep(0)
            lanes.end("it is away")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(each) for each in results] == ["it is away"] * 5

    asyncio.run(main())


def test_the_end_is_told_to_who_waits_for_the_end_of_a_hold():
    async def main():
        lanes = Lanes(2)
        lanes.hold(3600)

        async def wait():
            async with lanes.turn():
                pass

        waiting = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0.01)
        lanes.end("over")
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(each) for each in results] == ["over"] * 3

    asyncio.run(main())


def test_a_failure_that_is_no_refusal_gives_the_lane_back():
    async def main():
        lanes = Lanes(1)
        for _ in range(3):
            with pytest.raises(ValueError, match="x"):
                async with lanes.turn():
                    raise ValueError("x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), lanes.turn():
                await asyncio.sleep(5)
        async with lanes.turn():
            return lanes.left

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize("many", [0, MOST + 1, True, None, "2", 1.5])
def test_a_number_that_is_none_or_strains_is_refused(many):
    with pytest.raises(InputError, match="connections="):
        checked_lanes(many)
    assert checked_lanes(MOST) == MOST
