"""The week of a market is learnt from the lake, once, beside the call that asks."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.lake_activity import LakeActivity
from marketkit.cache.activity import WEEK_HOURS, MarketActivity
from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
from marketkit.errors import LakeError
from marketkit.timeframe import HOUR, MINUTE, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-11-16")
NOW = START + 10 * HOUR


class Watched(Lake):
    """A lake that counts how often it is looked into."""

    looked = 0
    broken = False

    def select(self, *args, **kwargs):
        """Find series, or fail."""
        self.looked += 1
        if self.broken:
            raise LakeError("a disk is gone")
        return super().select(*args, **kwargs)


@pytest.fixture
def lake(tmp_path):
    """Ten hours of minutes of one market, traded every tenth."""
    lake = Watched(tmp_path / "lake")
    times = range(START, NOW, 10 * MINUTE)
    lake.append("KRW-BTC", "1m", make_candles(times), Spans([(START, NOW)]))
    lake.looked = 0
    return lake


def learn(lake, *symbols):
    activity = MarketActivity()
    learning = LakeActivity(lake, activity)

    async def run():
        for symbol in symbols:
            learning.learn([symbol], NOW)
            await asyncio.gather(*learning._learning)

    asyncio.run(run())
    return activity, learning


def test_a_market_of_the_lake_follows_its_week(lake):
    activity, _ = learn(lake, "KRW-BTC")
    week = activity._markets["KRW-BTC"]._week
    assert len(week) == WEEK_HOURS
    assert week[0] == pytest.approx(1 / (10 * MINUTE), rel=0.2)


def test_a_market_that_the_lake_does_not_know_is_left_as_it_is(lake):
    activity, _ = learn(lake, "KRW-ETH")
    assert not activity._markets


def test_each_market_is_looked_up_once(lake):
    learn(lake, "KRW-BTC", "KRW-BTC", "KRW-ETH", "KRW-ETH")
    assert lake.looked == 2


def test_a_lake_that_cannot_be_read_is_no_loss_to_the_call(lake, caplog):
    lake.broken = True
    with caplog.at_level("INFO", "marketkit.cache"):
        activity, learning = learn(lake, "KRW-BTC")
    assert not activity._markets
    assert not learning._learning
    assert "a disk is gone" in caplog.text
