"""Recordings as frames: windows, symbols, and the times that may lack something."""

from __future__ import annotations

import pytest

from marketkit import schema
from marketkit.errors import InputError, UnknownSymbol
from marketkit.recording import files, journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.layout import channel_folder, hour_of
from marketkit.recording.reader import interruptions, read_interruptions, read_recording
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, heard_of_each_kind, trade


@pytest.fixture
def tape(tmp_path):
    """Trades of two symbols, one each second and of each other symbol."""
    heard = [
        Heard(START + 1000 * at, trade(at, symbol=symbol))
        for at, symbol in enumerate(["KRW-BTC", "KRW-ETH"] * 3)
    ]
    files.write_part(tmp_path, hour_of("trade", START), 1, to_frame("trade", heard))
    return tmp_path


@pytest.mark.parametrize("channel", heard_of_each_kind())
def test_a_channel_has_the_columns_of_its_call_and_when_it_came(tmp_path, channel):
    heard = heard_of_each_kind()[channel]
    files.write_part(tmp_path, hour_of(channel, START), 1, to_frame(channel, heard))
    frame = read_recording(tmp_path, channel)
    assert list(frame.columns)[-1] == "received"
    assert frame.schema["received"] == schema.TIME
    assert frame["received"].dt.epoch("ms")[0] == heard[0].received


def test_a_window_bounds_when_messages_came(tape):
    frame = read_recording(tape, "trade", start="2026-11-20T05:00:01", end="2026-11-20T05:00:04")
    assert frame["sequential_id"].to_list() == [1, 2, 3]


@pytest.mark.parametrize(
    ("symbols", "count"), [("KRW-BTC", 3), (["KRW-*"], 6), (None, 6), ("KRW-XRP", 0)]
)
def test_symbols_are_codes_and_globs_among_those_that_are_there(tape, symbols, count):
    assert read_recording(tape, "trade", symbols).height == count


def test_a_glob_that_matches_nothing_there_is_refused(tape):
    with pytest.raises(UnknownSymbol, match="BTC"):
        read_recording(tape, "trade", "BTC-*")


def test_in_pandas_the_index_is_when_it_came(tape):
    frame = read_recording(tape, "trade", frame="pandas", tz="Asia/Seoul")
    assert frame.index.name == "received"
    assert str(frame.index.tz) == "Asia/Seoul"


def test_a_channel_that_was_not_recorded_is_refused_with_those_that_were(tape, tmp_path):
    with pytest.raises(InputError, match=r"no channel 'ticker'.*it has trade"):
        read_recording(tape, "ticker")
    with pytest.raises(InputError, match="it has none"):
        read_recording(tmp_path / "nowhere", "ticker")


def test_a_recorded_channel_without_a_message_has_no_rows(tmp_path):
    (tmp_path / channel_folder("trade")).mkdir()
    frame = read_recording(tmp_path, "trade", ["KRW-*"])
    assert frame.is_empty()
    assert dict(frame.schema) == {**schema.TRADE, "received": schema.TIME}
    with pytest.raises(InputError, match=r"no channel 'ticker'.*it has trade"):
        read_recording(tmp_path, "ticker")


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ([Note("began", 1), Note("interrupted", 9, 7, "reset")], [(7, None, "reset")]),
        (
            [Note("began", 1), Note("interrupted", 9, 7, "reset"), Note("resumed", 11)],
            [(7, 11, "reset")],
        ),
        (
            [Note("began", 1), Note("ended", 2, reason="killed"), Note("began", 5)],
            [(2, 5, "nobody recorded (killed)")],
        ),
        ([Note("began", 1), Note("ended", 2)], []),
        ([], []),
    ],
    ids=["it lasts", "it is over", "nobody was there", "the end", "nothing"],
)
def test_interruptions_are_between_the_first_note_and_the_last(tmp_path, notes, expected):
    assert interruptions(notes) == expected
    journal.write(tmp_path, notes)
    frame = read_interruptions(tmp_path)
    assert frame["start"].dt.epoch("ms").to_list() == [start for start, _, _ in expected]
    ends = [None if end is None else end + UNSURE for _, end, _ in expected]
    assert frame["end"].dt.epoch("ms").to_list() == ends


def test_an_interruption_ends_late_by_the_exchange_but_not_within_the_next(tmp_path):
    notes = [Note("interrupted", 9, 7, "reset"), Note("resumed", 11), Note("interrupted", 30)]
    journal.write(tmp_path, notes)
    assert read_interruptions(tmp_path)["end"].dt.epoch("ms").to_list() == [30, None]
