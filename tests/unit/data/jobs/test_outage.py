"""An exchange that is away is told from a request that fails, and waited for as long as asked."""

from __future__ import annotations

import asyncio
import itertools
import math
import time

import pytest

from marketkit.data.jobs import outage as module
from marketkit.data.jobs.outage import Outage, patiently
from marketkit.errors import BadResponse, Banned, ServerFailed, TimedOut, UnknownSymbol
from marketkit.net.handle import Interruption

NOW = 1_704_067_200_000


def outage_of(patience, say=lambda _: None, waits=None):
    """An outage of an exchange whose clock stands still."""
    return Outage(patience, say, lambda: NOW, [] if waits is None else waits)


@pytest.fixture
def ticking(with_own):
    """A machine on which only sleeping takes time, and where whoever likes may set the clock."""
    now = [1_000.0]

    async def sleep(seconds):
        now[0] += seconds

    with_own(module, time, monotonic=lambda: now[0])
    with_own(module, asyncio, sleep=sleep)
    return now


@pytest.mark.parametrize("failure", [ServerFailed("503"), TimedOut("late")])
def test_nothing_for_a_while_is_an_outage_and_a_moment_ago_is_none(ticking, failure):
    outage = outage_of(60)
    assert outage.is_one(failure, -math.inf)
    assert outage.is_one(failure, ticking[0] - 3)
    assert not outage.is_one(failure, ticking[0] - 1)


def test_a_ban_is_an_outage_from_its_first_moment(ticking):
    assert outage_of(60).is_one(Banned("418"), ticking[0])


@pytest.mark.parametrize("failure", [BadResponse("cut"), UnknownSymbol("KRW-X")])
def test_an_answer_of_whatever_kind_is_no_outage(ticking, failure):
    assert not outage_of(60).is_one(failure, -math.inf)


def test_a_page_in_place_of_an_answer_may_be_an_outage(ticking):
    outage = outage_of(60)
    assert outage.may_be_one(BadResponse("<html>"), ticking[0] - 3)
    assert not outage.may_be_one(BadResponse("<html>"), ticking[0] - 1)
    assert not outage.may_be_one(UnknownSymbol("KRW-X"), -math.inf)


def test_it_says_what_it_waits_for_and_when_that_is_over(ticking):
    said, waits = [], []
    outage = outage_of(600, said.append, waits)
    asyncio.run(outage.wait(ServerFailed("maintenance")))
    assert said[0].startswith("waiting for the exchange since ")
    assert said[0].endswith("maintenance")
    outage.over(ticking[0] - 100)  # an older answer ends nothing
    assert len(said) == 1
    outage.over(ticking[0] + 1)
    assert said[1:] == [""]
    assert waits == [Interruption(NOW, NOW, "maintenance", NOW, "rest")]


def test_it_waits_ever_longer_and_no_longer_than_patience(ticking):
    failure = ServerFailed("maintenance")
    waits = []

    async def away():
        waits.append(ticking[0])
        raise failure

    with pytest.raises(ServerFailed):
        asyncio.run(patiently(away, outage_of(600)))
    steps = [later - before for before, later in itertools.pairwise(waits)]
    assert steps[:6] == [1, 2, 4, 8, 16, 30]
    assert max(steps) == 30
    assert waits[-1] - waits[0] == 600


def test_a_clock_set_back_does_not_make_it_wait_for_ever(ticking, with_own):
    back = {"time": lambda: 1_000_000_000 - ticking[0] * 1000, "monotonic": lambda: ticking[0]}
    with_own(module, time, **back)
    test_it_waits_ever_longer_and_no_longer_than_patience(ticking)
