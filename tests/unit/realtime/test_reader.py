"""Frames as they come: messages are told, and faults are charged to whom they name."""

from __future__ import annotations

import pytest

from marketkit.errors import BadResponse, Refused
from marketkit.realtime.reader import AHEAD, FrameReader
from tests.unit.realtime.conftest import ticker

ODD = b'{"ty":"ticker","cd":"KRW-BTC","tms":1,"tp":null}'


class Desk:
    """A reader, and all that it said."""

    def __init__(self, silence: float = 60.0) -> None:
        self.told: list[str] = []
        self.harmed: list[tuple[str | None, str | None]] = []
        self.spoke = 0
        self.now = 0
        self.doubted: list[int] = []
        self.reader = FrameReader(
            "a test",
            silence=silence,
            tell=self._tell,
            harm=self._harm,
            speaks=self._speaks,
            clock=lambda: self.now,
            doubts=self.doubted.append,
        )

    def _tell(self, message):
        self.told.append(message.symbol)

    def _harm(self, channel, symbol, reason):
        assert "cannot be read" in reason or "and it is" in reason
        self.harmed.append((channel, symbol))
        return symbol == "KRW-BTC"

    def _speaks(self):
        self.spoke += 1


def test_messages_are_told_and_the_first_says_that_the_connection_speaks():
    desk = Desk()
    assert not desk.reader.came
    desk.reader.read(ticker("KRW-BTC"))
    desk.reader.read(ticker("KRW-ETH"))
    assert desk.told == ["KRW-BTC", "KRW-ETH"]
    assert (desk.reader.came, desk.spoke, desk.reader.stats.frames) == (True, 1, 2)
    desk.reader.begin()
    assert not desk.reader.came


def test_a_fault_is_charged_to_whom_it_names_and_logged_once(caplog):
    desk = Desk()
    for _ in range(3):
        desk.reader.read(ODD)
    assert desk.harmed == [("ticker", "KRW-BTC")] * 3
    assert desk.reader.stats.wrong == 3
    assert caplog.text.count("logged once") == 1


def test_what_an_unknown_type_says_is_no_fault():
    desk = Desk(silence=0.0)
    desk.reader.read(b'{"ty":"weather","cd":"KRW-BTC"}')
    desk.reader.read(b'{"ty":"weather","cd":"KRW-BTC"}')
    assert desk.reader.stats.unknown == {"weather": 2}
    assert (desk.harmed, desk.reader.stats.wrong) == ([], 0)


def test_nonsense_is_borne_until_nothing_else_has_come_for_long():
    patient, hasty = Desk(), Desk(silence=0.0)
    for _ in range(100):
        patient.reader.read(b"nonsense")
    with pytest.raises(BadResponse):
        hasty.reader.read(b"nonsense")


def test_an_error_of_the_exchange_is_raised():
    with pytest.raises(Refused, match="NO_CODES"):
        Desk().reader.read(b'{"error":{"name":"NO_CODES","message":"?"}}')


def test_a_message_ahead_of_the_clock_is_refused_counted_and_doubted(caplog):
    desk = Desk()
    desk.reader.read(ticker("KRW-BTC", time=AHEAD))
    for _ in range(3):
        desk.reader.read(ticker("KRW-ETH", time=2 * AHEAD + 1))
    assert desk.told == ["KRW-BTC"]
    assert desk.harmed == [("ticker", "KRW-ETH")] * 3
    assert desk.doubted == [2 * AHEAD + 1] * 3
    assert desk.reader.stats.ahead == 3
    assert caplog.text.count("says 1970-01-01T00:10:00.001Z, and it is 1970") == 1


def test_a_message_that_goes_on_from_the_one_before_is_no_mistake():
    """Then our idea of the clock is old: all messages say so together."""
    desk = Desk()
    for times in range(1, 6):
        desk.reader.read(ticker("KRW-BTC", time=times * AHEAD))
    desk.reader.read(ticker("KRW-BTC", time=6 * AHEAD + 1))
    assert len(desk.told) == 5


def test_the_clock_moves_what_is_possible():
    desk = Desk()
    desk.reader.read(ticker("KRW-BTC", time=AHEAD + 1))
    desk.now = 1
    desk.reader.read(ticker("KRW-BTC", time=AHEAD + 1))
    assert desk.told == ["KRW-BTC"]


def test_the_readable_parts_of_a_torn_frame_are_judged_too():
    desk = Desk()
    desk.reader.read(b"[" + ODD + b"," + ticker("KRW-ETH", time=AHEAD + 1) + b"]")
    assert (desk.told, desk.reader.stats.ahead) == ([], 1)
