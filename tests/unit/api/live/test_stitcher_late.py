"""Corrections of a series: each that changes what was final is told once, nothing else is."""

from __future__ import annotations

import asyncio

from marketkit.api.live.rows import rows_of
from marketkit.coverage import Span, Spans
from marketkit.schema import ROW, empty
from tests.unit.api.live.conftest import BTC, WIDTH, Scene, at, candle
from tests.unit.realtime.conftest import until


def corrections(scene: Scene) -> list[int]:
    """Give the minutes of the corrections on record."""
    late = [each for each in scene.stitcher.interruptions if "late candle" in each.reason]
    return [(each.start - at(0)) // 60_000 for each in late]


def test_a_quiet_market_whose_numbers_an_answer_had_first_has_nothing_to_correct(scene):
    """The stream broke, so the next minute of trades was asked for before the late candle came."""

    async def main():
        await scene.begin()
        await scene.told_finals(10)
        scene.know(10, 11)
        scene.told.now = at(11.2)
        scene.told.break_off("reset")
        scene.say(candle(13, 1.0, sent=13.1), candle(14, 0.5, sent=14.2))
        scene.know(11, 15)  # with what the stream keeps for later: the volume of 14 is 1.0
        scene.told.now = at(15.1)
        scene.say(candle(14, 0.6, sent=14.3))
        await until(lambda: scene.kept()[-1] == 14)
        scene.say(candle(16, sent=16.1), candle(14, 1.0, sent=14.9))
        finals = await scene.told_finals(5)
        assert finals[-1] == (14, 1.0)
        assert [minute for minute, _ in finals].count(14) == 1
        assert corrections(scene) == []
        await scene.stitcher.close()

    asyncio.run(main())


def test_a_minute_of_which_nothing_else_came_is_corrected_when_the_candle_comes(scene):
    async def main():
        await scene.begin()
        scene.know(10, 11)
        scene.say(candle(11), candle(13))
        await scene.told_finals(11)
        scene.say(candle(12, 2.0, sent=13.8))
        assert (12, 2.0) in await scene.told_finals(1)
        assert corrections(scene) == [12]
        await scene.stitcher.close()

    asyncio.run(main())


def test_a_candle_newer_than_all_before_is_a_correction_of_what_an_answer_made_final(scene):
    async def main():
        await scene.begin()
        empty_minutes = Spans([(at(10), at(20))])
        scene.exchange.append(BTC, WIDTH, empty(ROW), empty_minutes, seen_at=at(20))
        scene.told.now = at(20)
        (tracker,) = scene.stitcher.trackers.values()
        await until(lambda: tracker.watermark >= at(19))
        await scene.told_finals(10)
        scene.told.now = at(20.5)
        scene.say(candle(15, 2.0, sent=15.5))
        assert await scene.told_finals(1) == [(15, 2.0)]
        assert corrections(scene) == [15]
        await scene.stitcher.close()
        assert 15 in scene.kept()

    asyncio.run(main())


def test_a_late_candle_of_long_ago_is_told_only_if_the_lake_has_other_numbers(lake):
    scene = Scene(lake, start=-200)
    scene.know(-200, 10)

    async def main():
        await scene.begin()
        await scene.told_finals(50)
        (tracker,) = scene.stitcher.trackers.values()
        assert at(-150) not in tracker.rows
        (stored,) = rows_of(scene.past.lake.select([BTC], WIDTH).read(Span(at(-150), at(-149))))
        same = candle(-150, 1.0)
        same.open, same.high, same.low, same.close = stored[1][:4]
        scene.say(same, candle(-149, 9.0, sent=10.4))
        await until(lambda: corrections(scene) == [-149])
        assert not tracker.doubted
        scene.say(same, candle(-149, 9.0, sent=10.4))
        await scene.stitcher.close()
        assert corrections(scene) == [-149]

    asyncio.run(main())


def test_a_late_candle_that_begins_a_new_connection_is_told_and_no_answer_repeats_that(scene):
    async def main():
        await scene.begin()
        scene.know(10, 11)
        scene.say(candle(11), candle(12, 0.5), candle(13, 0.5, sent=13.2))
        await scene.told_finals(13)
        scene.told.break_off("reset")
        scene.say(candle(12, 1.0, sent=13.4))
        assert await scene.told_finals(1) == [(12, 1.0)]
        scene.know(11, 14)
        scene.told.now = at(14.5)
        scene.say(candle(14, sent=14.5), candle(15, sent=15.1))
        await until(lambda: scene.kept()[-1] >= 13)
        assert corrections(scene) == [12]
        await scene.stitcher.close()
        assert corrections(scene) == [12]

    asyncio.run(main())
