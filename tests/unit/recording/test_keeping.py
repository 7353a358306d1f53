"""Recorded trades become trades of a lake."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.recording import files, journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.keeping import keep_recording
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from tests.unit.recording.conftest import START, trade

END = START + 14_000


@pytest.fixture
def tape(tmp_path):
    """Ten trades a second apart; each comes 20 ms late."""
    folder = tmp_path / "tape"
    heard = [Heard(START + 1000 * at + 20, trade(at, START + 1000 * at)) for at in range(10)]
    files.write_part(folder, hour_of("trade", START), 1, to_frame("trade", heard))
    streams = {"trade": ["KRW-BTC", "KRW-ETH"]}
    journal.write(folder, [Note("began", START, streams=streams), Note("ended", END)])
    return folder


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_what_was_heard_whole_is_kept_with_its_proof(tape, lake):
    told = keep_recording(tape, lake)
    assert told["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert told["trades"].to_list() == [8, 0]  # two were too close to the beginning
    assert lake.trades.covered("KRW-BTC") == Spans([(START + UNSURE, END - UNSURE)])
    assert lake.trades.covered("KRW-ETH") == Spans([(START + UNSURE, END - UNSURE)])
    assert lake.trades.read()["sequential_id"].to_list() == list(range(2, 10))


def test_what_is_kept_already_is_not_kept_again(tape, lake):
    keep_recording(tape, lake)
    assert keep_recording(tape, lake.root, "KRW-BTC")["trades"].to_list() == [0]


def test_a_recording_without_the_market_is_refused(tape, lake):
    with pytest.raises(InputError, match="no trades of"):
        keep_recording(tape, lake, "KRW-XRP")
