"""The record of interruptions: one lasts until every slot it touched is final."""

from __future__ import annotations

from dataclasses import replace

from marketkit.api.live.interruptions import InterruptionLog
from marketkit.api.live.slots import SlotTracker
from marketkit.coverage import Spans
from marketkit.net.handle import Interruption
from tests.unit.api.live.conftest import BTC, ETH, SETTLE, WIDTH, Scene, at


def tracker(symbol, *known):
    """A series of which some minutes are in the lake."""
    made = SlotTracker(symbol, WIDTH, at(0), SETTLE)
    made.keep(Spans((at(first), at(end)) for first, end in known))
    return made


def back(minute):
    """The interruption of a stream that was reset after five minutes and came back."""
    return Interruption(at(5.5), at(minute), "reset")


def test_it_is_closed_when_every_series_knows_every_slot_it_touched():
    log = InterruptionLog(WIDTH)
    log.began(at(5.5), "reset")
    log.settle([tracker(BTC, (0, 9)), tracker(ETH, (0, 7))], [back(7.5)], at(20))
    (lasting,) = log
    assert (lasting.end, lasting.closed, lasting.how) == (at(7.5), None, None)
    log.settle([tracker(BTC, (0, 9)), tracker(ETH, (0, 8))], [back(99)], at(21))
    (closed,) = log
    assert (closed.end, closed.closed, closed.how) == (at(7.5), at(21), "rest")


def test_while_messages_have_not_come_again_it_lasts():
    log = InterruptionLog(WIDTH)
    log.began(at(5), "reset")
    log.settle([tracker(BTC, (0, 60))], [], at(20))
    (lasting,) = log
    assert lasting.end is lasting.closed is None


def test_slots_before_a_series_began_are_not_its_business():
    log = InterruptionLog(WIDTH)
    log.began(at(-30), "nobody listened before", at(2))
    log.settle([tracker(BTC, (0, 3))], [], at(20))
    assert [each.closed for each in log] == [at(20)]


def test_a_correction_is_closed_as_it_is_noted():
    log = InterruptionLog(WIDTH)
    log.corrected(BTC, at(3), at(5), "stream")
    (late,) = log
    assert (late.start, late.end, late.closed, late.how) == (at(3), at(4), at(5), "stream")


def test_what_touches_one_series_waits_for_no_other():
    log = InterruptionLog(WIDTH)
    log.began(at(5.5), "odd", symbol=BTC)
    log.settle([tracker(BTC, (0, 9)), tracker(ETH)], [replace(back(7.5), reason="odd")], at(20))
    assert [each.closed for each in log] == [at(20)]


def test_the_end_of_a_market_is_on_record_with_what_is_missing_for_ever():
    log = InterruptionLog(WIDTH)
    log.ended(BTC, at(5), "it has ended", Spans())
    log.ended(ETH, at(5), "it has ended", Spans([(at(2), at(3))]))
    log.settle([], [], at(20))
    whole, torn = log
    assert (whole.closed, whole.failure) == (at(5), None)
    assert torn.closed is None
    assert "were not known yet" in torn.failure


def test_the_time_since_the_lake_was_filled_is_on_record(lake):
    Scene(lake).know(0, 3)
    log = InterruptionLog(WIDTH)
    log.restarted(lake, [tracker(BTC)], at(10))
    (found,) = log
    assert (found.start, found.end, found.reason) == (at(3), at(10), "nobody listened before")
