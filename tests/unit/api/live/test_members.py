"""The series of a live handle: who goes on, who has ended, who is new."""

from __future__ import annotations

import asyncio

from marketkit.api.live.members import Members
from marketkit.api.live.slots import SlotTracker
from marketkit.coverage import Span, Spans
from marketkit.errors import LakeError
from marketkit.timeframe import MINUTE
from tests.unit.api.live.conftest import BTC, ETH, SETTLE, WIDTH, at, candle
from tests.unit.data.lake.conftest import make_candles


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


def test_what_came_late_of_slots_that_the_lake_alone_has_is_compared_there(lake):
    series = members(BTC)
    (tracker,) = series.trackers.values()
    rows = make_candles([at(2), at(3)], BTC, volume=1.0, value=100.0)
    lake.append(BTC, WIDTH, rows, Spans([(at(0), at(9))]), seen_at=at(9))
    tracker.said(candle(9, kind="SNAPSHOT"), at(9.5))
    tracker.answered([], Spans([(at(0), at(9))]), at(0), at(9.6), since=at(8))
    tracker.advance()
    known = lake.select([BTC], WIDTH).read(Span(at(2), at(3)))
    same = candle(2, 1.0)
    same.open, same.high, same.low, same.close, same.value = known.row(0)[2:6] + known.row(0)[7:8]
    for each in (same, candle(3, 7.0), candle(4, 2.0)):
        assert tracker.said(each, at(9.7)) == "none"
    changed = asyncio.run(series.compare(lake))
    assert changed == [(tracker, at(3)), (tracker, at(4))]
    assert [tracker.rows[time].volume for _, time in changed] == [7.0, 2.0]
    assert asyncio.run(series.compare(lake)) == []
    assert asyncio.run(series.write(lake, at(10)))
    kept = lake.select([BTC], WIDTH).read(Span(at(0), at(9)))
    assert kept["volume"].to_list() == [1.0, 7.0, 2.0]


def test_a_lake_that_cannot_be_read_is_asked_again(lake, monkeypatch):
    series = members(BTC)
    (tracker,) = series.trackers.values()
    tracker.answered([], Spans([(at(0), at(9))]), at(0), at(9.6), since=at(8))
    tracker.advance()
    tracker.said(candle(2), at(9.7))

    def refuse(*_):
        raise LakeError("cannot be read now")

    with monkeypatch.context() as broken:
        broken.setattr(lake, "select", refuse)
        assert asyncio.run(series.compare(lake)) == []
    assert asyncio.run(series.compare(lake)) == [(tracker, at(2))]
