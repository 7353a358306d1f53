"""The young end of a series: what is seen, proved and final."""

from __future__ import annotations

import pytest

from marketkit.api.live.slots import AHEAD, KEPT, PATIENCE, Row, SlotTracker
from marketkit.coverage import Spans
from marketkit.exchange.upbit.messages import Candle
from marketkit.timeframe import DAY, MINUTE, TIMEFRAMES, iso

START = 1_800_000_000_000 // DAY * DAY
SETTLE = 60_000
EVER = START + DAY


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


def span(first: float, end: float) -> Spans:
    return Spans([(at(first), at(end))])


def candle(minute: int, volume: float = 1.0, sent: float | None = None, kind: str = "REALTIME"):
    opened = iso(at(minute)).removesuffix("Z")
    moment = at(minute + 0.5 if sent is None else sent)
    return Candle("KRW-BTC", opened, 2.0, 9.0, 1.0, 2.0, volume, 1.0, moment, kind)


def row(volume: float) -> Row:
    return Row(2.0, 9.0, 1.0, 2.0, volume, 1.0)


@pytest.fixture
def tracker() -> SlotTracker:
    """A series from minute 0 on, of which nothing is known."""
    return SlotTracker("KRW-BTC", TIMEFRAMES["1m"], START, SETTLE)


@pytest.fixture
def going(tracker: SlotTracker) -> SlotTracker:
    """One that was joined in minute 10, when all before was asked for."""
    tracker.said(candle(10, kind="SNAPSHOT"), at(10.5))
    tracker.answered([(at(10), row(1.0))], span(0, 9), START, at(10.6))
    return tracker


def test_nothing_is_known_before_anything_came(tracker):
    assert tracker.until == START
    assert tracker.unconfirmed(at(5)) == span(0, 4)
    assert not tracker.unseen()


def test_an_answer_that_meets_the_stream_leaves_no_hole(going):
    assert going.until > EVER
    assert not going.unseen()
    assert list(going.rows) == [at(10)]


def test_an_answer_from_before_the_stream_leaves_the_slots_between_open(tracker):
    tracker.answered([], span(0, 9), START, at(10.6))
    assert tracker.until == at(10)
    tracker.said(candle(12, kind="SNAPSHOT"), at(12.5))
    assert tracker.unseen() == span(10, 13)
    assert tracker.until == at(10)


def test_a_later_candle_makes_the_ones_before_final(going):
    going.advance()
    assert going.watermark == at(9)
    going.keep(span(9, 11))
    going.said(candle(11), at(11.5))
    assert going.advance().end == at(11)
    going.said(candle(14), at(14.5))
    assert tuple(going.advance()) == (at(11), at(14))


def test_what_is_final_is_proved_when_the_stream_went_on_for_the_settle_delay(going):
    going.said(candle(11), at(11.5))
    going.said(candle(14), at(14.5))
    going.prove(at(15.4))
    assert not going.proved.clip(at(12), EVER)
    going.prove(at(15.5))
    assert going.proved == span(11, 14)


def test_silence_proves_nothing_and_is_asked_about_after_a_while(going):
    going.keep(span(9, 11))
    going.prove(at(30))
    assert not going.proved
    waited = SETTLE + PATIENCE
    assert not going.unconfirmed(at(12) + waited - 1)
    assert going.unconfirmed(at(12) + waited).hull.start == at(11)


def test_the_slot_in_which_a_stream_was_joined_is_not_proved_by_it(going):
    going.said(candle(11), at(11.5))
    going.said(candle(12), at(12.5))
    going.prove(at(20))
    assert going.unconfirmed(at(15)) == span(9, 11)


def test_a_stream_joined_at_the_end_of_a_slot_does_not_prove_the_next_one(tracker):
    """Our idea of the exchange's clock may be some seconds old."""
    tracker.said(candle(10, kind="SNAPSHOT"), at(10.95))
    tracker.said(candle(11), at(11.5))
    tracker.said(candle(12), at(12.5))
    tracker.said(candle(13), at(13.5))
    tracker.prove(at(20))
    assert tracker.proved == span(12, 13)


def test_an_interruption_leaves_open_what_the_stream_had_not_told_to_its_end(going):
    going.keep(span(9, 11))
    going.said(candle(11), at(11.5))
    going.said(candle(12), at(12.5))
    going.interrupted(at(12.8))
    assert not going.joined
    assert going.until == at(12)
    assert going.unconfirmed(at(14)) == span(11, 13)
    going.said(candle(15, kind="SNAPSHOT"), at(15.5))
    assert going.unseen() == span(12, 16)


def test_an_answer_given_before_an_interruption_does_not_stand_for_the_open_slot(tracker):
    tracker.answered([(at(10), row(1.0))], span(0, 9), START, at(10.6))
    tracker.interrupted(at(10.7))
    assert tracker.until == at(10)


def test_the_watermark_never_goes_back(going):
    going.keep(span(9, 11))
    going.said(candle(11), at(11.5))
    going.said(candle(12), at(12.5))
    going.advance()
    going.interrupted(at(12.6))
    assert tuple(going.advance()) == (at(12), at(12))


def test_a_snapshot_of_a_later_slot_in_the_middle_of_a_stream_begins_it_anew(going):
    """Between two subscriptions something may have been lost; the same slot tells all of itself."""
    going.keep(span(9, 11))
    going.said(candle(11), at(11.5))
    going.said(candle(11, 2.0, kind="SNAPSHOT"), at(11.6))
    assert not going.unseen()
    going.said(candle(13, kind="SNAPSHOT"), at(13.5))
    assert going.unseen() == span(13, 14)
    going.prove(at(30))
    assert going.unconfirmed(at(16)) == span(11, 14)


def test_a_late_candle_of_a_slot_in_the_lake_is_to_be_written_again(going):
    going.said(candle(11, 1.0), at(11.5))
    going.said(candle(12), at(12.5))
    going.prove(at(14))
    going.keep(going.proved)
    assert going.said(candle(11, 3.0, sent=11.9), at(14.5)) == "late"
    assert going.proved == span(11, 12)
    assert going.rows[at(11)].volume == 3.0


def test_an_answer_does_not_undo_a_late_candle_that_waits_to_be_written(going):
    going.said(candle(11, 1.0), at(11.5))
    going.said(candle(12), at(12.5))
    going.prove(at(14))
    going.keep(going.proved)
    going.said(candle(11, 3.0, sent=11.9), at(14.5))
    going.answered([(at(11), row(1.0))], span(0, 13), START, at(15))
    assert going.rows[at(11)].volume == 3.0
    assert at(11) in going.proved


def test_messages_that_were_overtaken_and_repetitions_change_nothing(going):
    going.said(candle(11, 5.0, sent=11.5), at(11.5))
    assert going.said(candle(11, 4.0, sent=11.4), at(11.6)) == "none"
    assert going.said(candle(11, 5.0, sent=11.5), at(11.7)) == "none"
    assert going.rows[at(11)].volume == 5.0


def test_an_answer_does_not_take_back_trades_that_the_stream_told_meanwhile(going):
    going.said(candle(11, 5.0), at(11.5))
    going.answered([(at(11), row(4.0))], span(0, 10), START, at(11.4))
    assert going.rows[at(11)].volume == 5.0
    going.answered([(at(11), row(6.0))], span(0, 10), START, at(11.6))
    assert going.rows[at(11)].volume == 6.0
    assert going.said(candle(11, 5.5), at(11.7)) == "none"


def test_a_candle_far_ahead_of_the_clock_is_a_mistake(going):
    assert going.said(candle(30), at(30) - AHEAD - 1) == "none"
    assert at(30) not in going.rows


def test_a_slot_whose_candle_was_not_believed_is_neither_final_nor_proved_without_it(going):
    """The candle was right and our clock behind: then it catches up, and later candles are taken."""
    going.keep(span(9, 11))
    assert going.said(candle(30), at(30) - AHEAD - 1) == "none"
    going.said(candle(31), at(31.5))
    going.said(candle(33), at(33.5))
    going.prove(at(40))
    assert going.advance().end <= at(30)
    assert at(30) not in going.proved
    assert going.unseen() == span(24, 32)
    going.answered([(at(30), row(2.0))], span(11, 33), at(11), at(40))
    going.advance()
    assert going.watermark >= at(33)
    assert going.rows[at(30)].volume == 2.0


def test_a_candle_ahead_of_its_time_proves_no_slot_that_has_yet_to_come(going):
    going.keep(span(9, 11))
    going.said(candle(15), at(11.5))
    going.prove(at(13))
    assert not going.proved
    going.prove(at(16))
    assert going.proved == span(11, 15)


def test_a_candle_that_says_to_be_of_later_holds_up_none_of_its_slot(going):
    going.said(candle(11, 5.0, sent=14), at(11.1))
    assert going.said(candle(11, 6.0, sent=11.3), at(11.3)) == "changed"
    assert going.rows[at(11)].volume == 6.0


def test_of_candles_in_the_lake_the_newest_fifty_stay(going):
    for minute in range(11, 100):
        going.said(candle(minute), at(minute + 0.5))
    going.prove(at(101))
    going.keep(span(0, 12))
    going.advance()
    going.keep(going.proved)
    assert sum(time in going.kept for time in going.rows) == 50


def test_candles_that_the_watermark_has_yet_to_pass_stay_until_they_were_told(going):
    for minute in range(11, 100):
        going.said(candle(minute), at(minute + 0.5))
    going.prove(at(101))
    going.keep(going.proved)
    going.keep(span(0, 12))
    told = going.inside(going.advance())
    assert {time for time, _ in told} >= {at(minute) for minute in range(11, 99)}


@pytest.fixture
def quiet() -> SlotTracker:
    """A series that waits for ten seconds, known until minute 10, with a trade in minute 11."""
    made = SlotTracker("KRW-BTC", TIMEFRAMES["1m"], START, SETTLE, bound=10_000)
    made.said(candle(10, kind="SNAPSHOT"), at(10.5))
    made.answered([(at(10), row(1.0))], span(0, 9), START, at(10.6))
    made.answered([(at(10), row(1.0))], span(9, 11), at(9), at(12.1))
    made.said(candle(11), at(11.5))
    made.advance()
    return made


def test_a_slot_that_no_later_trade_follows_is_asked_about_when_the_bound_has_passed(quiet):
    assert quiet.watermark == at(11)
    assert quiet.opens(at(12) + 9_999) == Spans()
    assert quiet.opens(at(12) + 10_000) == span(11, 12)


def test_what_an_answer_says_after_the_bound_is_final_and_comes_again_if_it_changes(quiet):
    quiet.answered([(at(11), row(1.0))], Spans(), at(11), at(12) + 10_000)
    assert tuple(quiet.advance()) == (at(11), at(12))
    assert not quiet.opens(at(12) + 10_000)
    assert quiet.proved == Spans()
    assert quiet.said(candle(11, volume=2.0, sent=12.3), at(12.3)) == "changed"
    assert at(11) < quiet.watermark


def test_a_changed_candle_that_the_lake_has_already_is_put_there_again(quiet):
    quiet.answered([(at(11), row(1.0))], span(11, 12), at(11), at(13.5))
    assert at(11) in quiet.kept
    quiet.said(candle(11, volume=2.0, sent=13.6), at(13.6))
    assert quiet.proved == span(11, 12)


def test_of_a_market_that_has_ended_the_newest_slot_is_the_last(quiet):
    assert quiet.ends() == Spans()
    assert quiet.proved == span(11, 12)
    quiet.advance()
    assert quiet.watermark == at(12)


def test_what_was_missed_before_the_end_of_a_market_is_never_known(going):
    going.interrupted(at(11.5))
    assert going.ends() == span(9, 11)


def test_a_correction_is_told_of_a_row_that_is_kept_no_more(tracker):
    """The clock leapt: other numbers of a final slot come with more slots than are kept."""
    minutes = 3 * KEPT
    tracker.answered([(at(0), row(1.0))], span(0, 1), START, at(1.5))
    tracker.advance()
    late = [(at(minute), row(2.0)) for minute in range(minutes)]
    assert tracker.answered(late, span(0, minutes), START, at(minutes + 5)) == [late[0]]
    tracker.advance()
    tracker.keep(span(0, minutes))
    assert at(0) not in tracker.rows
