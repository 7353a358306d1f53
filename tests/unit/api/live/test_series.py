"""A live series as its caller holds it: one frame of lake and stream, finals, and its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from marketkit import schema
from marketkit.api.live.series import Live
from marketkit.net.engine import engine
from marketkit.timeframe import HOUR
from tests.unit.api.live.conftest import BTC, START, Scene, at, candle
from tests.unit.realtime.conftest import until


class Stage:
    """A live series on the engine's loop, and the scene behind it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        engine().run(scene.begin())
        clock = scene.stitcher._client.clock
        self.live = Live(scene.stitcher, scene.past.lake, clock, HOUR, lambda frame: frame)

    def do(self, act: Callable[..., Any], *arguments: Any) -> None:
        """Do something where messages come."""

        async def there() -> None:
            act(*arguments)

        engine().run(there())

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        engine().run(until(condition))


@pytest.fixture
def stage(scene) -> Iterator[Stage]:
    """A series of ten minutes and one that forms."""
    made = Stage(scene)
    yield made
    made.live.close()


def minutes(frame: pl.DataFrame) -> list[int]:
    return ((frame["time"].dt.epoch("ms") - START) // 60_000).to_list()


def test_the_frame_has_every_minute_once_and_says_which_are_final(stage):
    frame = stage.live.frame
    assert dict(frame.schema) == dict(schema.CANDLE)
    assert minutes(frame) == list(range(11))
    assert frame["state"].to_list() == ["closed"] * 10 + ["forming"]
    assert stage.live.watermark == datetime.fromtimestamp(at(10) / 1000, UTC)


def test_the_frame_goes_no_further_back_than_its_history(scene):
    engine().run(scene.begin())
    clock = scene.stitcher._client.clock
    with Live(scene.stitcher, scene.past.lake, clock, 240_000, lambda frame: frame) as live:
        assert minutes(live.frame) == [6, 7, 8, 9, 10]


def test_iterating_gives_final_candles_the_last_word_on_each(stage):
    finals = iter(stage.live)
    stage.do(stage.scene.know, 10, 11)
    stage.do(stage.scene.say, candle(11), candle(12), candle(13))
    got = next(finals)
    while minutes(got)[-1] < 12:
        got = got.vstack(next(finals))
    assert minutes(got) == [10, 11, 12]
    assert got["state"].unique().to_list() == ["closed"]


def test_a_callback_gets_what_an_iteration_gets(stage):
    got: list[pl.DataFrame] = []
    assert stage.live.on(got.append) is stage.live
    stage.do(stage.scene.know, 10, 11)
    stage.do(stage.scene.say, candle(11), candle(12), candle(13))
    stage.wait(lambda: got and minutes(pl.concat(got))[-1:] == [12])
    assert minutes(pl.concat(got)) == [10, 11, 12]


def test_it_says_until_when_it_is_final_and_what_is_open(stage):
    assert repr(stage.live).startswith(f"<Live 1m of {BTC}: final until ")
    stage.do(stage.scene.told.break_off, "reset")
    assert repr(stage.live).endswith(" UTC, 1 interruptions open>")
    stage.live.close()
    assert repr(stage.live).startswith(f"<Live 1m of {BTC}: closed")


def test_incidents_is_the_older_name_of_interruptions(stage):
    stage.do(stage.scene.told.break_off, "reset")
    assert stage.live.incidents.equals(stage.live.interruptions)
    assert stage.live.interruptions["reason"].to_list() == ["reset"]
