"""Tapes: recorded messages and interruptions in the order of time, candles added up of trades."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span
from marketkit.errors import InputError
from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.recording.tape import RecordedTape, make_candle
from marketkit.timeframe import HOUR, MINUTE
from marketkit.window import EVER
from tests.unit.recording.conftest import START, heard_of_each_kind, trade

SYMBOLS = ["KRW-BTC", "KRW-ETH"]


def put(root, channel, *heard):
    files.write_part(root, hour_of(channel, heard[0].received), 1, to_frame(channel, heard))


@pytest.fixture
def root(tmp_path):
    """A recording of trades over two hours that was interrupted once."""
    put(tmp_path, "trade", *[Heard(START + at, trade(at, START + at)) for at in (1, 2, MINUTE)])
    later = START + HOUR
    put(tmp_path, "trade", *[Heard(later + at, trade(9 + at, later + at)) for at in (1, 2)])
    notes = [
        Note("began", START, streams={"trade": SYMBOLS}),
        Note("interrupted", START + 2 * MINUTE, START + MINUTE, "reset"),
        Note("resumed", START + HOUR),
    ]
    journal.write(tmp_path, notes)
    return tmp_path


def played(tape, channel="trade", symbols=SYMBOLS):
    return [
        (moment.at - START, None if moment.message is None else moment.message.sequential_id)
        for moment in tape.play({channel: set(symbols)})
    ]


def test_messages_and_interruptions_come_in_the_order_of_time(root):
    tape = RecordedTape(root, EVER)
    assert tape.symbols == SYMBOLS
    assert played(tape) == [
        (1, 1), (2, 2), (MINUTE, MINUTE), (2 * MINUTE, None), (HOUR + 1, 10), (HOUR + 2, 11),
    ]  # fmt: skip
    assert list(tape.missing) == [Span(START + MINUTE, START + HOUR)]
    assert tape.window.start == START


def test_a_window_cuts_messages_and_interruptions(root):
    tape = RecordedTape(root, Span(START + 2, START + MINUTE))
    assert played(tape) == [(2, 2)]
    assert tape.interruptions == []


def test_only_the_symbols_that_are_wanted_are_played(root):
    put(root, "orderbook", *heard_of_each_kind()["orderbook"])
    tape = RecordedTape(root, EVER)
    assert played(tape, symbols=["KRW-ETH"]) == [(2 * MINUTE, None)]
    (book,) = [
        each.message for each in tape.play({"orderbook": {"KRW-ETH"}}) if each.message is not None
    ]
    assert len(book.units) == 3


def test_the_first_message_of_each_symbol_is_known(root):
    put(root, "ticker", *heard_of_each_kind()["ticker"])
    tape = RecordedTape(root, EVER)
    assert tape.begins("trade", SYMBOLS) == {"KRW-BTC": START + 1}
    assert tape.begins("ticker", SYMBOLS) == {"KRW-BTC": START}
    assert tape.begins("orderbook", SYMBOLS) == {}


def test_candles_that_were_not_recorded_are_added_up_of_trades(root):
    tape = RecordedTape(root, EVER)
    tape.check("candle.1m")
    heard = list(tape.messages("candle.1m", SYMBOLS))
    assert [each.received - START for each in heard[:3]] == [1, 2, MINUTE]
    assert [each.message.channel for each in heard] == ["candle.1m"] * 5
    first, second = heard[0].message, heard[1].message
    assert (first.time, first.volume) == (START, 0.5)
    assert (second.open, second.close, second.volume) == (101.0, 102.0, 1.0)


def test_what_was_not_recorded_is_refused(root, tmp_path_factory):
    with pytest.raises(InputError, match="no channel 'ticker'"):
        RecordedTape(root, EVER).check("ticker")
    with pytest.raises(InputError, match="is no recording"):
        RecordedTape(tmp_path_factory.mktemp("empty"), EVER)


def test_a_made_candle_is_the_one_that_the_stream_would_say():
    candle = make_candle("candle.60m", "KRW-BTC", START, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0], START + 5)
    assert (candle.channel, candle.time, candle.sent) == ("candle.60m", START, START + 5)
    assert (candle.high, candle.value) == (2.0, 4.0)


def test_what_one_symbol_lacked_interrupts_and_misses_that_one_alone(root):
    only = {"trade": ["KRW-ETH"]}
    at = START + HOUR + 5
    journal.write(
        root, [Note("interrupted", at, START + HOUR + 1, "odd", only), Note("resumed", at)]
    )
    tape = RecordedTape(root, EVER)
    assert [each.symbol for each in tape.interruptions] == ["", "KRW-ETH"]
    assert list(tape.missing_of("KRW-BTC")) == [Span(START + MINUTE, START + HOUR)]
    assert list(tape.missing_of("KRW-ETH"))[1:] == [Span(START + HOUR + 1, at + 1)]
    assert tape.missing == tape.missing_of("KRW-BTC")


def test_markets_that_joined_are_among_those_of_the_tape(root):
    journal.write(root, [Note("joined", START + HOUR, streams={"trade": ["KRW-NEW"]})])
    assert RecordedTape(root, EVER).symbols == ["KRW-BTC", "KRW-ETH", "KRW-NEW"]
