"""The recorder against a board that a test writes on."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import LakeError, NotWritable
from marketkit.realtime.subscriptions import Stream
from marketkit.recording import journal, recorder
from marketkit.recording.journal import Note
from marketkit.recording.reader import interruptions, read_interruptions, read_recording
from marketkit.recording.recorder import Recorder
from marketkit.timeframe import HOUR
from tests.unit.recording.conftest import START, trade

STREAMS = [Stream("trade", "KRW-BTC")]


@pytest.fixture
def quick(monkeypatch):
    """A recorder that writes at once."""
    monkeypatch.setattr(recorder, "FLUSH_AFTER", 0.01)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.005)


def parts(root):
    return list(root.rglob("*.part.parquet"))


def ids(root):
    return read_recording(root, "trade")["sequential_id"].to_list()


def test_what_came_is_on_disk_before_the_end_and_one_file_an_hour_after_it(quick, board, tmp_path):
    async def main():
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        board.say(trade(1), trade(2), trade(1))
        await until(lambda: parts(tmp_path))
        assert ids(tmp_path) == [1, 2]
        board.now += HOUR + 1000
        board.say(trade(3, board.now))
        await until((tmp_path / "channel=trade/date=2026-11-20/05.parquet").exists)
        await own.close()
        assert own.counts == {"trade": 3}

    asyncio.run(main())
    assert not parts(tmp_path)
    assert ids(tmp_path) == [1, 2, 3]
    assert [note.what for note in journal.read(tmp_path)] == ["began", "ended"]


def test_interruptions_and_pauses_between_recordings_are_listed(board, tmp_path):
    async def record(*steps):
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        for step in steps:
            step()
        await own.close()

    def passing():
        board.now += 1000

    asyncio.run(
        record(
            lambda: board.say(trade(1)), passing, lambda: board.break_off("reset"), passing,
            lambda: board.say(trade(2, board.now)), passing,
        )
    )  # fmt: skip
    board.now += 5000
    asyncio.run(record())
    found = read_interruptions(tmp_path)
    assert found["reason"].to_list() == ["reset", "nobody recorded"]
    spans = found.select("start", "end").to_series(0).dt.epoch("ms").to_list()
    assert spans == [START + 1000, START + 3000]


def test_a_disk_that_takes_nothing_is_told_and_nothing_is_lost_when_it_does_again(
    quick, board, tmp_path
):
    async def main():
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade").write_text("in the way")
        board.say(trade(1))
        await until(lambda: own.errors)
        board.say(trade(2))
        (tmp_path / "channel=trade").unlink()
        await until(lambda: parts(tmp_path))
        board.say(trade(3))
        await own.close()
        assert isinstance(own.errors[0], NotWritable)
        assert str(tmp_path) in str(own.errors[0])

    asyncio.run(main())
    assert ids(tmp_path) == [1, 2, 3]


def test_more_than_can_be_held_is_lost_counted_and_listed(quick, board, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "HELD", 3)

    async def main():
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade").write_text("in the way")
        board.say(*[trade(number) for number in range(1, 6)])
        await until(lambda: own.lost)
        (tmp_path / "channel=trade").unlink()
        board.say(trade(6))
        await own.close()
        assert own.lost == 5

    asyncio.run(main())
    assert ids(tmp_path) == [6]
    assert "5 messages lost" in read_interruptions(tmp_path)["reason"][0]


def test_what_cannot_be_put_down_at_the_end_is_given(board, tmp_path):
    async def main():
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade").write_text("in the way")
        board.say(trade(1))
        with pytest.raises(NotWritable):
            await own.close()
        assert isinstance(own.failure, NotWritable)

    asyncio.run(main())


def test_a_folder_has_one_recorder(board, tmp_path):
    async def main():
        first = Recorder(board, STREAMS, tmp_path)
        await first.start()
        with pytest.raises(LakeError, match="somebody else records"):
            await Recorder(board, STREAMS, tmp_path).start()
        await first.close()
        again = Recorder(board, STREAMS, tmp_path)
        await again.start()
        await again.close()

    asyncio.run(main())


def test_streams_that_others_listen_to_already_begin_with_their_state(board, tmp_path):
    class Deaf:
        def receive(self, message):
            """Do nothing."""

        def interrupted(self, until, reason):
            """Do nothing."""

    board.subscribe(Deaf(), STREAMS)
    board.say(trade(1), trade(2))

    async def main():
        own = Recorder(board, STREAMS, tmp_path)
        await own.start()
        await own.close()

    asyncio.run(main())
    assert ids(tmp_path) == [2]


def test_half_a_line_of_a_killed_recorder_spoils_no_other(tmp_path):
    journal.write(tmp_path, [Note("began", 1)])
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"what": "inter')
    journal.write(tmp_path, [Note("ended", 2, reason="killed"), Note("began", 5)])
    notes = journal.read(tmp_path)
    assert [note.at for note in notes] == [1, 2, 5]
    assert interruptions(notes) == [(2, 5, "nobody recorded (killed)")]


def test_an_interruption_that_lasts_has_no_end():
    notes = [Note("began", 1), Note("interrupted", 9, 7, "reset")]
    assert interruptions(notes) == [(7, None, "reset")]


def test_a_folder_that_cannot_be_made_is_an_error_at_once(board, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotWritable, match="file"):
        asyncio.run(Recorder(board, STREAMS, tmp_path / "file" / "tape").start())
