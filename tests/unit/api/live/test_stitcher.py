"""History and stream joined, without a socket: what is told, asked for, kept and corrected."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import LakeError, MarketkitError, NotCovered
from marketkit.realtime.consumers import Queue
from marketkit.realtime.subscriptions import Stream
from tests.unit.api.live.conftest import BTC, ETH, WIDTH, Scene, at, candle
from tests.unit.realtime.conftest import until


def test_it_begins_with_history_and_the_forming_candle(scene):
    async def main():
        await scene.begin()
        (tracker,) = scene.stitcher.trackers.values()
        assert tracker.watermark == at(10)
        assert tracker.until > at(10)
        assert tracker.rows[at(10)].volume == 0.5
        assert scene.kept() == list(range(10))
        assert [minute for minute, _ in await scene.told_finals(10)] == list(range(10))
        await scene.stitcher.close()

    asyncio.run(main())


def test_final_candles_are_told_once_in_order_and_put_into_the_lake_at_the_end(scene):
    async def main():
        await scene.begin()
        await scene.told_finals(10)
        scene.know(10, 11)  # its beginning was before the stream was joined
        scene.say(candle(10, 2.0), candle(11), candle(12), candle(13), candle(14, sent=14.6))
        finals = await scene.told_finals(4)
        assert [minute for minute, _ in finals] == [10, 11, 12, 13]
        scene.told.now = at(15)
        await scene.stitcher.close()
        assert set(range(13)) <= set(scene.kept())
        assert await scene.finals.take() is None
        assert not scene.told._subscriptions.in_use()

    asyncio.run(main())


def test_an_interruption_is_asked_for_and_closed_when_all_is_final(scene):
    async def main():
        await scene.begin()
        await scene.told_finals(10)
        scene.say(candle(11), candle(12))
        scene.told.now = at(13)
        scene.told.break_off("reset")
        (lasting,) = scene.stitcher.interruptions
        assert (lasting.end, lasting.closed, lasting.reason) == (None, None, "reset")
        scene.told.now = at(20)
        scene.know(10, 20)
        scene.say(candle(20, kind="SNAPSHOT"))
        await until(lambda: scene.kept()[-1] == 19)
        scene.know(20, 21)
        scene.say(candle(21), candle(22))
        await until(lambda: all(each.closed for each in scene.stitcher.interruptions))
        (closed,) = scene.stitcher.interruptions
        assert closed.how == "rest"
        assert closed.end >= at(20)
        assert [minute for minute, _ in await scene.told_finals(11)][:11] == list(range(10, 21))
        await scene.stitcher.close()

    asyncio.run(main())


def test_a_late_candle_corrects_what_was_final_and_is_on_record(scene):
    async def main():
        await scene.begin()
        scene.know(10, 12)
        scene.say(candle(11), candle(12), candle(13))
        await scene.told_finals(13)
        scene.say(candle(12, 7.0, sent=13.9))
        assert await scene.told_finals(1) == [(12, 7.0)]
        late = list(scene.stitcher.interruptions)[-1]
        assert late.reason == f"a late candle of {BTC}"
        assert late.how == "stream"
        await scene.stitcher.close()

    asyncio.run(main())


def test_the_time_in_which_nobody_listened_is_on_record(scene, lake):
    async def main():
        first = Scene(lake)
        await first.begin()
        await first.stitcher.close()
        again = Scene(lake)
        again.past.lake = first.past.lake
        again.told.now = at(60.5)
        scene.know(10, 60)
        await again.begin()
        (away,) = again.stitcher.interruptions
        assert away.reason == "nobody listened before"
        assert (away.start, away.end) == (at(10), at(60.5))
        await again.stitcher.close()

    asyncio.run(main())


def test_what_fails_for_every_symbol_is_raised_and_lets_go(lake):
    async def main():
        scene = Scene(lake)

        async def fail(plan, run):
            run.failures |= {walk.symbol: NotCovered("of no use") for walk in plan}

        scene.past.fill = fail
        opening = scene.begin()
        with pytest.raises(NotCovered, match="of no use"):
            await opening
        assert not scene.told._subscriptions.in_use()

    asyncio.run(main())


def test_what_fails_for_one_symbol_keeps_no_other(lake):
    async def main():
        scene = Scene(lake, [BTC, ETH])
        scene.know(0, 10)
        answer = scene.past.fill

        async def fill(plan, run):
            run.failures[ETH] = NotCovered("of no use")
            await answer([walk for walk in plan if walk.symbol != ETH], run)

        scene.past.fill = fill
        await scene.begin()
        assert list(scene.stitcher.failures) == [ETH]
        assert scene.stitcher.trackers[BTC].watermark == at(10)
        assert scene.stitcher.trackers[ETH].watermark == at(0)
        await scene.stitcher.close()

    asyncio.run(main())


def test_a_lake_that_takes_nothing_at_the_end_is_raised_and_kept_as_the_failure(scene, monkeypatch):
    async def main():
        await scene.begin()
        scene.say(candle(11), candle(12), candle(13))

        def refuse(*_, **__):
            raise LakeError("the disk is full")

        monkeypatch.setattr(scene.past.lake, "append", refuse)
        with pytest.raises(LakeError, match="full"):
            await scene.stitcher.close()
        assert isinstance(scene.stitcher.failure, MarketkitError)
        assert not scene.told._subscriptions.in_use()

    asyncio.run(main())


def test_a_mistake_of_ours_ends_the_series_for_every_consumer(scene, monkeypatch):
    async def main():
        await scene.begin()
        await scene.told_finals(10)

        def stumble():
            raise ZeroDivisionError("of no use")

        monkeypatch.setattr(scene.stitcher, "_prove", stumble)
        with pytest.raises(ZeroDivisionError):
            await scene.finals.take()
        with pytest.raises(ZeroDivisionError):
            await scene.stitcher.broadcast.open(Queue()).take()
        assert isinstance(scene.stitcher.failure, ZeroDivisionError)

    asyncio.run(main())


def test_the_end_of_a_tape_does_what_is_due_and_tells_consumers(scene):
    async def main():
        await scene.begin()
        scene.know(10, 12)
        scene.say(candle(11), candle(12), candle(13))
        await scene.stitcher.finish(None)
        told = []
        while (events := await scene.finals.take()) is not None:
            told += events
        assert told[-1].time == at(12)
        assert scene.stitcher.failure is None
        await scene.stitcher.close()

    asyncio.run(main())


def test_what_harms_one_symbol_asks_for_that_one_and_leaves_the_others_final(lake):
    scene = Scene(lake, [BTC, ETH])
    for symbol in (BTC, ETH):
        scene.know(0, 10, symbol)

    async def main():
        await scene.begin()
        scene.told.now = at(11.2)
        scene.told.harm("odd", Stream("candle.1m", ETH))
        trackers = scene.stitcher.trackers
        assert [trackers[each].joined for each in (BTC, ETH)] == [True, False]
        scene.say(candle(11, symbol=BTC), candle(11, symbol=ETH), candle(12, symbol=BTC))
        assert [trackers[each].joined for each in (BTC, ETH)] == [True, True]
        (found,) = scene.stitcher.interruptions
        assert found.reason == "odd"
        for symbol in (BTC, ETH):
            scene.know(10, 13, symbol)
        scene.told.now = at(14)
        scene.say(candle(13, symbol=BTC), candle(13, symbol=ETH))
        await until(lambda: [each.closed for each in scene.stitcher.interruptions] != [None])
        await scene.stitcher.close()

    asyncio.run(main())


def test_a_symbol_that_fails_makes_itself_wait_and_no_other(lake):
    scene = Scene(lake, [BTC, ETH])
    scene.know(0, 10)
    scene.know(0, 10, ETH)
    answer, asked = scene.past.fill, []

    async def fill(plan, run):
        asked.append([walk.symbol for walk in plan])
        if len(asked) > 1:
            run.failures[ETH] = NotCovered("of no use")
        await answer([walk for walk in plan if walk.symbol != ETH], run)

    async def main():
        await scene.begin()
        scene.past.fill = fill
        for minute in (30, 60, 90):
            scene.know(10, minute)
            scene.told.now = at(minute)
            count = len(asked)
            await until(lambda count=count: len(asked) > count)
        assert sum(ETH in each for each in asked) < len(asked)
        await scene.stitcher.close()

    asyncio.run(main())


def test_members_join_and_leave_while_the_series_goes_on(lake):
    scene = Scene(lake, [BTC, ETH])
    for symbol in (BTC, ETH):
        scene.know(0, 10, symbol)

    async def main():
        await scene.begin()
        scene.say(candle(11, symbol=ETH), candle(11))
        scene.stitcher.leave(ETH, "KRW-ETH has ended")
        scene.stitcher.join(["KRW-NEW"])
        assert scene.stitcher.symbols == (BTC, "KRW-NEW")
        assert scene.told._listeners.keys() >= {("candle.1m", "KRW-NEW")}
        scene.say(candle(12), candle(12, symbol="KRW-NEW", kind="SNAPSHOT"), candle(13))
        await until(lambda: scene.past.lake.covered(ETH, WIDTH).hull.end == at(12))
        assert [each.reason for each in scene.stitcher.interruptions] == ["KRW-ETH has ended"]
        await scene.stitcher.end(MarketkitError("no market is left"))
        assert "no market" in str(scene.stitcher.failure)
        await scene.stitcher.close()

    asyncio.run(main())
