"""One request for all who want the same at the same time."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.cache.single_flight import SingleFlight
from marketkit.errors import ServerFailed


class Wire:
    """Sends when it is told to, and remembers what it was asked for."""

    def __init__(self):
        self.asked = []
        self.gate = asyncio.Event()
        self.ended = []

    async def send(self, names):
        """Answer with the number of the request."""
        self.asked.append(names)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.append(names)
            raise
        return {name: len(self.asked) for name in names}


def together(story):
    async def run():
        await story(SingleFlight(), Wire())

    asyncio.run(run())


async def started():
    for _ in range(3):
        await asyncio.sleep(0)


def test_fifty_equal_questions_are_one_request():
    async def story(flights, wire):
        calls = [
            asyncio.create_task(flights.join("t", ["A", "B"], 2, wire.send)) for _ in range(50)
        ]
        await started()
        wire.gate.set()
        answers = await asyncio.gather(*calls)
        assert wire.asked == [["A", "B"]]
        assert all(each == [(["A", "B"], {"A": 1, "B": 1})] for each in answers)

    together(story)


def test_only_what_is_not_on_its_way_is_asked_for():
    async def story(flights, wire):
        first = asyncio.create_task(flights.join("t", ["A", "B"], 2, wire.send))
        await started()
        second = asyncio.create_task(flights.join("t", ["B", "C"], 2, wire.send))
        other = asyncio.create_task(flights.join("u", ["B"], 2, wire.send))
        await started()
        wire.gate.set()
        await asyncio.gather(first, other)
        assert dict.fromkeys(name for names, _ in await second for name in names) == {
            "B": None,
            "C": None,
        }
        assert wire.asked == [["A", "B"], ["C"], ["B"]]

    together(story)


def test_what_has_landed_is_asked_for_anew():
    async def story(flights, wire):
        wire.gate.set()
        await flights.join("t", ["A"], 2, wire.send)
        await flights.join("t", ["A"], 2, wire.send)
        assert wire.asked == [["A"], ["A"]]

    together(story)


def test_cancelling_one_caller_leaves_the_request_to_the_others():
    async def story(flights, wire):
        one, two = (asyncio.create_task(flights.join("t", ["A"], 2, wire.send)) for _ in range(2))
        await started()
        one.cancel()
        await started()
        assert wire.ended == []
        wire.gate.set()
        assert await two == [(["A"], {"A": 1})]
        assert one.cancelled()

    together(story)


def test_cancelling_the_last_caller_ends_the_request_and_nobody_joins_it_any_more():
    async def story(flights, wire):
        calls = [asyncio.create_task(flights.join("t", ["A"], 2, wire.send)) for _ in range(2)]
        await started()
        for call in calls:
            call.cancel()
        await started()
        assert wire.ended == [["A"]]
        wire.gate.set()
        assert await flights.join("t", ["A"], 2, wire.send) == [(["A"], {"A": 2})]

    together(story)


def test_an_error_reaches_all_who_wait_and_is_not_kept():
    async def story(flights, wire):
        failure = ServerFailed("down")

        async def fail(_):
            await wire.gate.wait()
            raise failure

        calls = [asyncio.create_task(flights.join("t", ["A"], 2, fail)) for _ in range(3)]
        await started()
        wire.gate.set()
        assert await asyncio.gather(*calls) == [[(["A"], failure)]] * 3
        assert await flights.join("t", ["A"], 2, wire.send) == [(["A"], {"A": 1})]

    together(story)


def test_an_error_that_is_not_ours_is_raised():
    async def story(flights, _):
        async def break_(_):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await flights.join("t", ["A"], 2, break_)

    together(story)


def test_a_more_urgent_caller_does_not_wait_behind_a_patient_one():
    async def story(flights, wire):
        low = asyncio.create_task(flights.join("t", ["A"], 3, wire.send))
        await started()
        critical = asyncio.create_task(flights.join("t", ["A"], 0, wire.send))
        await started()
        later = asyncio.create_task(flights.join("t", ["A"], 2, wire.send))
        await started()
        assert wire.asked == [["A"], ["A"]]
        wire.gate.set()
        await asyncio.gather(low, critical, later)

    together(story)


def test_a_request_of_another_loop_is_not_waited_for():
    """It is that of the process before a fork, and never lands here."""
    flights = SingleFlight()

    async def leave():
        wire = Wire()
        flights._start("t", ["A"], 2, wire.send)
        await started()

    async def arrive():
        wire = Wire()
        wire.gate.set()
        return await flights.join("t", ["A"], 2, wire.send)

    before = asyncio.new_event_loop()
    before.run_until_complete(leave())
    assert asyncio.run(arrive()) == [(["A"], {"A": 1})]
    for task in asyncio.all_tasks(before):
        task.cancel()
    before.run_until_complete(asyncio.sleep(0))
    before.close()
