"""Times of listening follow from the notes: who was listened to, and when something may be missing."""

from __future__ import annotations

from marketkit.coverage import Spans
from marketkit.recording.journal import Note
from marketkit.recording.listening import listened, recorded_symbols
from marketkit.recording.reader import interruptions

BTC = {"trade": ["KRW-BTC"], "ticker": ["KRW-ETH"]}
BEGAN = [Note("began", 100, streams=BTC), Note("interrupted", 100, 100, "nothing had come yet")]


def heard(notes, symbol="KRW-BTC", channel="trade", end=1_000):
    return listened(notes, interruptions, channel, symbol, end)


def test_a_recording_at_work_is_heard_from_the_first_message_to_the_newest():
    notes = [*BEGAN, Note("resumed", 110)]
    assert heard(notes) == Spans([(110, 1_000)])
    assert not heard(notes, "KRW-ETH")
    assert heard(notes, "KRW-ETH", "ticker") == Spans([(110, 1_000)])
    assert not heard(BEGAN)


def test_interruptions_and_pauses_are_not_heard():
    notes = [
        *BEGAN,
        Note("resumed", 110),
        Note("interrupted", 250, 200, "lost"),
        Note("resumed", 300),
        Note("ended", 400),
        Note("began", 600, streams=BTC),
        Note("interrupted", 600, 600, "nothing had come yet"),
        Note("resumed", 610),
        Note("ended", 700),
    ]
    assert heard(notes) == Spans([(110, 200), (300, 400), (610, 700)])


def test_another_run_that_recorded_other_markets_heard_nothing_of_this_one():
    other = [Note("began", 600, streams={"trade": ["KRW-XRP"]}), Note("ended", 700)]
    notes = [*BEGAN, Note("resumed", 110), Note("ended", 400), *other]
    assert heard(notes) == Spans([(110, 400)])
    assert recorded_symbols(notes, "trade") == ["KRW-BTC", "KRW-XRP"]


def test_markets_join_and_leave():
    notes = [
        *BEGAN,
        Note("resumed", 110),
        Note("joined", 200, streams={"trade": ["KRW-NEW"]}),
        Note("left", 300, streams={"trade": ["KRW-BTC"]}),
        Note("ended", 400),
    ]
    assert heard(notes) == Spans([(110, 300)])
    assert heard(notes, "KRW-NEW") == Spans([(200, 400)])


def test_an_interruption_of_one_market_is_none_of_another():
    torn = {"trade": ["KRW-XRP"]}
    both = [Note("began", 100, streams={"trade": ["KRW-BTC", "KRW-XRP"]})]
    notes = [
        *both,
        Note("interrupted", 250, 200, "lost", torn),
        Note("resumed", 250),
        Note("interrupted", 350, 300, "lost"),
        Note("resumed", 380),
        Note("ended", 400),
    ]
    assert heard(notes) == Spans([(100, 300), (380, 400)])
    assert heard(notes, "KRW-XRP") == Spans([(100, 200), (250, 300), (380, 400)])
