"""Candles of a feed that time closes."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.realtime.closing import CandleCloser
from marketkit.realtime.consumers import Queue
from marketkit.realtime.subscriptions import Stream
from tests.unit.api.live.conftest import BTC, ETH, at, candle
from tests.unit.realtime.conftest import Told, until

CHANNEL = "candle.1m"


class Scene:
    """A feed of candles with a wait of five seconds."""

    def __init__(self) -> None:
        self.told = Told(at(10.5))
        self.closer = CandleCloser(self.told, CHANNEL, 5_000)
        self.queue = self.closer.broadcast.open(Queue())
        self.told.subscribe(self.closer, [Stream(CHANNEL, each) for each in (BTC, ETH)])

    async def states(self, count: int) -> list[tuple[str, str]]:
        """Wait for so many events: symbol and state of each as of now."""
        await until(lambda: len(self.queue) >= count)
        events = await self.queue.take() or []
        frame = self.closer.lay(self.told.channel(CHANNEL), events)
        return list(frame.select("symbol", "state").iter_rows())


def test_a_candle_that_no_later_one_follows_comes_again_as_closed():
    async def main():
        scene = Scene()
        scene.told.say(candle(10), candle(10, symbol=ETH))
        assert await scene.states(2) == [(BTC, "forming"), (ETH, "forming")]
        scene.told.now = at(11) + 4_999
        scene.told.say(candle(11))
        assert await scene.states(1) == [(BTC, "forming")]
        scene.told.now = at(11) + 5_000
        assert await scene.states(1) == [(ETH, "closed")]
        scene.told.say(candle(10, 2.0, ETH, sent=11.2))
        assert await scene.states(1) == [(ETH, "closed")]
        await scene.closer.finish(None)

    asyncio.run(main())


def test_what_may_have_been_missed_closes_nothing():
    async def main():
        scene = Scene()
        scene.told.say(candle(10))
        await scene.states(1)
        scene.told.break_off("reset")
        scene.told.now = at(12)
        await asyncio.sleep(5 * scene.told.timing.look)
        assert not len(scene.queue)
        scene.told.say(candle(10, 2.0, sent=11.9, kind="SNAPSHOT"))
        assert await scene.states(1) == [(BTC, "closed")]
        await scene.closer.finish(None)

    asyncio.run(main())


@pytest.mark.parametrize("said", [0, 1])
def test_it_ends_with_the_feed(said):
    async def main():
        scene = Scene()
        scene.told.say(*[candle(10)] * said)
        await scene.closer.finish(None)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
