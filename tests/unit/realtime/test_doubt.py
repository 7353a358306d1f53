"""Doubts about the clock: the exchange is asked, a few times, and then not for a while."""

from __future__ import annotations

import asyncio

from marketkit.errors import Unreachable
from marketkit.realtime.doubt import Doubt
from marketkit.realtime.reader import AHEAD
from tests.unit.realtime.conftest import until


class Exchange:
    """An exchange whose answers set a clock, the last of them."""

    def __init__(self, *times: int) -> None:
        self.now = 0
        self.asked = 0
        self.settled = 0
        self._times = list(times)

    async def tell(self) -> None:
        """Tell the time."""
        self.asked += 1
        if not self._times:
            raise Unreachable("nobody")
        self.now = self._times.pop(0)

    def doubt(self) -> Doubt:
        """Make a doubt that asks here."""
        made = Doubt(lambda: self.now, self._settle)
        made.ask = self.tell
        return made

    def _settle(self) -> None:
        self.settled += 1


def after(exchange: Exchange, asked: int, settled: int) -> None:
    """Doubt ten times, and check how often the exchange was asked and found to be right."""

    async def main() -> None:
        doubt = exchange.doubt()
        for _ in range(10):
            doubt.about(AHEAD + 100)
            await asyncio.sleep(0)
        await until(lambda: exchange.asked >= asked)
        await asyncio.sleep(0.01)
        await doubt.close()

    asyncio.run(main())
    assert (exchange.asked, exchange.settled) == (asked, settled)


def test_where_our_clock_was_old_the_streams_are_told():
    after(Exchange(100, *[100] * 9), asked=10, settled=10)


def test_a_second_answer_counts_where_the_first_does_not_move_the_clock():
    exchange = Exchange(0, 100)

    async def main() -> None:
        doubt = exchange.doubt()
        doubt.about(AHEAD + 100)
        await until(lambda: exchange.settled)
        await doubt.close()

    asyncio.run(main())
    assert exchange.asked == 2


def test_where_the_message_is_wrong_the_exchange_is_asked_three_times_and_not_again():
    after(Exchange(*[1] * 50), asked=3, settled=0)


def test_an_exchange_that_does_not_answer_settles_nothing():
    after(Exchange(), asked=1, settled=0)


def test_who_cannot_ask_doubts_in_silence():
    async def main() -> None:
        Doubt(lambda: 0, lambda: None).about(AHEAD + 1)

    asyncio.run(main())
