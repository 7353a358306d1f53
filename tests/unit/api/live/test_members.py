"""The series of a live handle: who goes on, who has ended, who is new."""

from __future__ import annotations

import asyncio

from marketkit.api.live.members import Members
from marketkit.api.live.slots import SlotTracker
from marketkit.coverage import Spans
from marketkit.timeframe import MINUTE
from tests.unit.api.live.conftest import BTC, ETH, SETTLE, WIDTH, at, candle


def members(*symbols: str) -> Members:
    return Members(
        lambda symbol, start: SlotTracker(symbol, WIDTH, start, SETTLE),
        dict.fromkeys(symbols, at(0)),
    )


def test_a_new_series_begins_at_the_watermark_which_so_does_not_go_back():
    series = members(BTC)
    series.trackers[BTC].watermark = at(7)
    series.join([ETH])
    assert series.symbols == (BTC, ETH)
    assert series.trackers[ETH].start == at(7)
    assert series.watermark == at(7)


def test_a_series_that_has_ended_holds_up_nobody_and_is_put_into_the_lake(lake):
    series = members(BTC, ETH)
    ended = series.trackers[ETH]
    series.trackers[BTC].watermark = at(9)
    ended.said(candle(0, symbol=ETH, kind="SNAPSHOT"), at(0.5))
    for minute in (1, 2, 3):
        ended.said(candle(minute, symbol=ETH), at(minute + 0.5))
    unknown = ended.ends()
    assert unknown == Spans([(at(0), at(1))])
    series.leave(ETH)
    assert (series.symbols, series.watermark) == ((BTC,), at(9))
    assert series.worth_a_write
    assert asyncio.run(series.write(lake, at(10)))
    assert lake.covered(ETH, WIDTH) == Spans([(at(1), at(4))])
    assert not series.worth_a_write
    assert not asyncio.run(series.write(lake, at(10)))


def test_the_watermark_stands_still_when_nobody_is_left():
    series = members(BTC)
    series.trackers[BTC].watermark = at(5)
    assert series.watermark == at(5)
    series.leave(BTC)
    assert series.watermark == at(5)


def test_twenty_proved_slots_are_worth_a_write():
    series = members(BTC)
    series.trackers[BTC].proved = Spans([(at(0), at(19))])
    assert not series.worth_a_write
    series.trackers[BTC].proved = Spans([(at(0), at(19) + MINUTE)])
    assert series.worth_a_write
