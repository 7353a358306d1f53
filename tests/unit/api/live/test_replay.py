"""Recordings and lakes as exchanges of the past: tapes, answers, and where a series can begin."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.api.live.replay import LakeTape, Past, first_slots, open_tape
from marketkit.coverage import Span, Spans
from marketkit.data.fetch.walks import FetchRun
from marketkit.errors import InputError, NotCovered, UnknownSymbol
from marketkit.progress import Progress, Reporter
from marketkit.recording import files, journal
from marketkit.recording.journal import Note
from marketkit.recording.layout import hour_of
from marketkit.recording.rows import Heard, to_frame
from marketkit.timeframe import MINUTE
from marketkit.window import EVER
from tests.unit.api.live.conftest import BTC, ETH, WIDTH, NoTape, Scene, at, candle

ANY = (None, None)


@pytest.fixture
def known(lake):
    """A lake of two symbols, one of which lacks two minutes."""
    scene = Scene(lake)
    scene.know(0, 10)
    scene.know(0, 4, ETH)
    scene.know(6, 10, ETH)
    return lake


@pytest.fixture
def recording(tmp_path):
    """A recording of three candles."""
    folder = tmp_path / "tape"
    heard = [Heard(each.sent, each) for each in map(candle, range(3))]
    files.write_part(folder, hour_of("candle.1m", at(0)), 1, to_frame("candle.1m", heard))
    journal.write(folder, [Note("began", at(0), streams={"candle.1m": [BTC]})])
    return folder


def test_a_lake_tells_each_candle_at_the_end_of_its_slot(known):
    tape = LakeTape(known, [BTC], WIDTH, EVER)
    heard = list(tape.messages("candle.1m", [BTC]))
    assert [each.received for each in heard] == [at(minute + 1) - 1 for minute in range(10)]
    assert [each.message.time for each in heard] == [at(minute) for minute in range(10)]
    assert tape.window == (at(0), at(10))
    assert tape.until == at(10)


def test_what_was_never_asked_interrupts_the_tape(known):
    tape = LakeTape(known, [BTC, ETH], WIDTH, EVER)
    (stop,) = tape.interruptions
    assert (stop.at, stop.until, stop.reason) == (at(4), at(4), "nobody asked the exchange")
    assert list(tape.missing) == [Span(at(4), at(6))]


def test_a_lake_plays_candles_of_its_width_and_nothing_else(known):
    tape = LakeTape(known, [BTC], WIDTH, EVER)
    with pytest.raises(InputError, match=r"not the channel 'candle\.60m'"):
        tape.check("candle.60m")
    with pytest.raises(InputError, match="has no 1m candles of KRW-XRP there"):
        LakeTape(known, ["KRW-XRP"], WIDTH, EVER)


@pytest.mark.parametrize("kind", ["lake", "folder"])
def test_a_lake_is_opened_by_itself_or_by_its_folder(known, kind):
    replay = known if kind == "lake" else known.root
    tape, names = open_tape(replay, ["KRW-*"], "candle.1m", ANY, source=known.source)
    assert isinstance(tape, LakeTape)
    assert sorted(names) == [BTC, ETH]
    with pytest.raises(InputError, match="a lake has no channel 'trade'"):
        open_tape(replay, [BTC], "trade", ANY, source=known.source)


def test_a_recording_is_opened_by_its_folder(recording):
    tape, names = open_tape(recording, ["*"], "candle.1m", ANY, source="upbit")
    assert names == [BTC]
    assert len(list(tape.messages("candle.1m", names))) == 3
    with pytest.raises(UnknownSymbol, match="KRW-BTC"):
        open_tape(recording, ["KRW-BCT"], "candle.1m", ANY, source="upbit")
    with pytest.raises(InputError, match="no channel 'ticker'"):
        open_tape(recording, [BTC], "ticker", ANY, source="upbit")


def fill(past, plan):
    """Have a past exchange answer a plan; give what failed."""
    run = FetchRun("normal", Reporter(Progress("a test"), show=False))
    asyncio.run(past.fill(plan, run))
    run.reporter.close()
    return run.failures


def test_a_past_exchange_knows_nothing_that_was_not_closed_by_then_and_changes_no_lake(known):
    past = Past(known, NoTape(), lambda: at(6.5), 0)
    plan = past.plan(WIDTH, {BTC: (at(0), at(10))})
    assert not fill(past, plan)
    assert past.lake.covered(BTC, WIDTH) == Spans([(at(0), at(6))])
    assert past.lake.root != known.root
    assert known.covered(BTC, WIDTH) == Spans([(at(0), at(10))])


def test_what_neither_tape_nor_lake_knows_is_a_failure(known):
    tape = NoTape()
    tape.missing = Spans([(at(3), at(5))])
    past = Past(known, tape, lambda: at(10), 0)
    assert not fill(past, past.plan(WIDTH, {BTC: (at(0), at(10))}))
    failures = fill(past, past.plan(WIDTH, {ETH: (at(0), at(10))}))
    assert isinstance(failures[ETH], NotCovered)
    assert "backfill them" in str(failures[ETH])


def test_its_folder_goes_with_a_past_exchange(known):
    past = Past(known, NoTape(), lambda: at(10), 0)
    root = past.lake.root
    assert root.exists()
    del past
    assert not root.exists()


def test_a_series_begins_where_lake_and_tape_know_all_from_there_on(known):
    tape = LakeTape(known, [BTC, ETH], WIDTH, Span(at(7), at(10)))
    far = first_slots(tape, "candle.1m", [BTC, ETH], known, 60 * MINUTE)
    assert far == {BTC: at(0), ETH: at(6)}
    near = first_slots(tape, "candle.1m", [BTC], known, 2 * MINUTE)
    assert near == {BTC: at(5)}
