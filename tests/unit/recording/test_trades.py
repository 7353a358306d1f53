"""Trades of a recording come with the times in which none of them is missing."""

from __future__ import annotations

import pytest

from marketkit.coverage import Span, Spans
from marketkit.errors import InputError, UnknownSymbol
from marketkit.recording import files, journal
from marketkit.recording.holes import UNSURE
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.recording.trades import recorded_trades
from marketkit.schema import TRADE
from marketkit.window import EVER
from tests.unit.recording.conftest import START, trade

LAST = START + 9_000


@pytest.fixture
def tape(tmp_path):
    """Ten trades a second apart; each comes 20 ms late."""
    heard = [Heard(START + 1000 * at + 20, trade(at, START + 1000 * at)) for at in range(10)]
    files.write_part(tmp_path, hour_of("trade", START), 1, to_frame("trade", heard))
    streams = {"trade": ["KRW-BTC", "KRW-ETH"]}
    notes = [Note("began", START, streams=streams), Note("ended", LAST + 5_000)]
    journal.write(tmp_path, notes)
    return tmp_path


def test_a_window_is_of_the_times_of_the_trades(tape):
    found = recorded_trades(tape, ["KRW-BTC"], Span(START + 2_000, START + 4_000))
    rows = found.rows.collect()
    assert rows["sequential_id"].to_list() == [2, 3]
    assert dict(rows.schema) == dict(TRADE)


def test_none_is_missing_but_close_to_the_edges_of_listening(tape):
    found = recorded_trades(tape, ["KRW-*"], EVER)
    known = Spans([(START + UNSURE, LAST + 5_000 - UNSURE)])
    assert found.covered == {"KRW-BTC": known, "KRW-ETH": known}
    assert found.at is None


def test_a_market_that_was_not_recorded_is_known_at_no_time(tape, tmp_path):
    found = recorded_trades(tape, ["KRW-XRP"], EVER)
    assert found.covered == {"KRW-XRP": Spans()}
    assert found.rows.collect().is_empty()
    with pytest.raises(UnknownSymbol):
        recorded_trades(tape, ["BTC-*"], EVER)
    with pytest.raises(InputError, match="no channel 'trade'"):
        recorded_trades(tmp_path / "nowhere", ["KRW-BTC"], EVER)
