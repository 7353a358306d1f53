"""Holes of a recording: from the beginning on, until messages come."""

from __future__ import annotations

import pytest

from marketkit.net.handle import Interruption
from marketkit.realtime.subscriptions import Stream
from marketkit.recording import holes
from marketkit.recording.holes import UNHEARD, UNSURE, Holes, opening
from marketkit.recording.journal import Note
from marketkit.recording.reader import interruptions

STREAMS = [Stream("trade", "KRW-BTC"), Stream("trade", "KRW-ETH")]


class Tape:
    """The holes of a recording that began at 100, and the journal."""

    def __init__(self) -> None:
        self.notes = [Note("began", 100), opening(100)]
        self.holes = Holes(self.notes.append, lambda: STREAMS)
        self.holes.begin(100)

    @property
    def told(self) -> list[tuple[int, int | None, str]]:
        """The holes by the journal."""
        return interruptions(self.notes)


@pytest.fixture
def tape() -> Tape:
    """A recording to which nothing has come."""
    return Tape()


def heard(tape: Tape, now: int, *symbols: str) -> None:
    """Have trades come, by default of all markets."""
    for stream in STREAMS:
        if not symbols or stream.symbol in symbols:
            tape.holes.heard(stream, now)


def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the opening have begun long ago."""
    later = holes.age_clock() + holes.SWIFT + 1
    monkeypatch.setattr(holes, "age_clock", lambda: later)


def test_an_opening_is_a_hole_on_disk_from_the_very_beginning(tape):
    assert tape.told == [(100, None, UNHEARD)]
    heard(tape, 130)
    assert tape.told == [(100, 130, UNHEARD)]
    assert tape.holes.known == []  # no opening takes less


def test_a_slow_opening_is_an_interruption(tape, monkeypatch):
    slow(monkeypatch)
    assert tape.holes.known == [Interruption(100, None, UNHEARD)]
    heard(tape, 130)
    assert tape.holes.known == [Interruption(100, 130 + UNSURE, UNHEARD)]


def test_a_failed_opening_has_its_reason_and_the_same_beginning(tape):
    tape.holes.broke(115, "HTTP 429", 120)
    tape.holes.broke(125, "reset", 126)
    assert tape.told == [(100, None, "HTTP 429")]
    heard(tape, 130)
    assert tape.holes.known == [Interruption(100, 130 + UNSURE, "HTTP 429")]
    assert tape.told == [(100, 130, "HTTP 429")]


def test_a_recording_that_ends_before_anything_came_was_a_hole(tape):
    tape.holes.end(140)
    assert tape.holes.known == [Interruption(100, None, UNHEARD)]
    assert tape.told == [(100, 140, UNHEARD)]


def test_an_interruption_that_lasts_at_the_end_ends_there_and_nobody_records_then(tape):
    heard(tape, 101)
    tape.holes.broke(110, "reset", 112)
    tape.holes.end(120)
    tape.notes += [Note("began", 200), opening(200), Note("resumed", 205)]
    assert tape.told[1:] == [(110, 120, "reset"), (120, 205, "nobody recorded")]


def test_what_one_symbol_lacks_is_noted_when_its_next_message_comes(tape):
    heard(tape, 101)
    tape.holes.tore("KRW-ETH", 110, "odd")
    heard(tape, 115, "KRW-BTC")
    assert tape.holes.known == []
    heard(tape, 120, "KRW-ETH")
    assert tape.holes.known == [Interruption(110, 120 + UNSURE, "odd")]
    assert tape.notes[-2].streams == {"trade": ["KRW-ETH"]}


def test_lost_messages_do_not_end_an_interruption_that_lasts(tape):
    heard(tape, 101)
    tape.holes.broke(110, "reset", 112)
    tape.holes.lost((102, 115), "5 messages lost")
    assert tape.told[-1] == (115, None, "reset")
    assert tape.told[1:-1] == [(110, 115, "reset")]
    assert tape.holes.known[0].failure == "they were never written"


def test_an_interruption_lasts_until_each_stream_has_come_back(tape):
    heard(tape, 101)
    tape.holes.broke(110, "reset", 112)
    heard(tape, 115, "KRW-BTC")
    assert tape.told[-1] == (110, None, "reset")
    heard(tape, 118, "KRW-BTC")
    heard(tape, 119, "KRW-ETH")
    heard(tape, 125)
    assert tape.holes.known == [Interruption(110, 119 + UNSURE, "reset")]
    assert tape.told[-1] == (110, 119, "reset")


def test_a_stream_that_says_nothing_for_long_has_nothing_to_say(tape):
    heard(tape, 101)
    tape.holes.broke(110, "reset", 112)
    heard(tape, 115, "KRW-BTC")
    heard(tape, 115 + holes._FIRST, "KRW-BTC")
    assert tape.holes.known == [Interruption(110, 115 + UNSURE, "reset")]


def test_a_break_before_all_streams_came_back_has_them_awaited_again(tape):
    heard(tape, 101)
    tape.holes.broke(110, "reset", 112)
    heard(tape, 115, "KRW-BTC")
    tape.holes.broke(116, "reset", 117)
    heard(tape, 120, "KRW-ETH")
    assert tape.told[1:] == [(110, 115, "reset"), (116, None, "reset")]
    heard(tape, 121, "KRW-BTC")
    assert tape.told[1:] == [(110, 115, "reset"), (116, 121, "reset")]


def test_a_recording_that_ends_meanwhile_was_whole_from_the_last_stream_on(tape):
    heard(tape, 105, "KRW-BTC")
    tape.holes.end(140)
    assert tape.holes.known == []
    assert tape.told == [(100, 105, UNHEARD)]
