"""The queues of one process."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import Banned
from marketkit.net.budget.pacing import Head
from marketkit.net.budget.queue import Waiting


class Given:
    """A slot as far as the queue is concerned."""

    def __init__(self, sent: float) -> None:
        self.sent = sent


def run(main):
    asyncio.run(main(Waiting(1.0)))


def test_the_most_urgent_class_goes_first_and_the_oldest_call_within_it():
    async def main(waiting: Waiting) -> None:
        low, first, second = waiting.add(3, 1.0), waiting.add(1, 2.0), waiting.add(1, 3.0)
        for sent, expected in ((3.1, first), (3.2, second), (3.3, low)):
            waiting.serve(waiting.head(sent), Given(sent))
            assert expected.result().sent == sent
        assert waiting.head(4.0) is None

    run(main)


@pytest.mark.parametrize(("priority", "after"), [(1, 1.5), (2, 3.0), (3, 5.0)])
def test_a_class_goes_to_the_front_once_after_its_time(priority, after):
    async def main(waiting: Waiting) -> None:
        for _ in range(3):
            waiting.add(priority, 10.0)
        assert waiting.head(10.0 + after - 0.01) == Head(priority, 10.0, priority)
        aged = waiting.head(10.0 + after + 0.01)
        assert aged == Head(0, 10.0, priority)
        waiting.serve(aged, Given(10.0 + after + 0.01))
        assert waiting.head(10.0 + after + 0.02).urgency == priority

    run(main)


def test_a_cancelled_call_is_skipped():
    async def main(waiting: Waiting) -> None:
        gone, there = waiting.add(0, 1.0), waiting.add(0, 2.0)
        gone.cancel()
        waiting.serve(waiting.head(3.0), Given(3.0))
        assert there.done()

    run(main)


def test_a_ban_fails_every_call():
    async def main(waiting: Waiting) -> None:
        calls = [waiting.add(i, 1.0) for i in range(4)]
        waiting.refuse(Banned("until noon"))
        for call in calls:
            with pytest.raises(Banned, match="until noon"):
                await call
        assert waiting.head(2.0) is None

    run(main)
