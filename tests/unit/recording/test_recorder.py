"""The recorder against a dispatcher that a test tells messages."""

from __future__ import annotations

import asyncio

import pytest

from marketkit.errors import LakeError, NotWritable
from marketkit.exchange.upbit.messages import Book, Unit
from marketkit.realtime.subscriptions import Stream
from marketkit.recording import journal, recorder
from marketkit.recording.holes import UNHEARD, UNSURE
from marketkit.recording.reader import read_interruptions, read_recording
from marketkit.recording.recorder import Recorder
from marketkit.timeframe import HOUR
from tests.unit.recording.conftest import START, trade
from tests.waiting import PATIENCE

STREAMS = [Stream("trade", "KRW-BTC")]


@pytest.fixture
def quick(monkeypatch):
    """A recorder that writes at once."""
    monkeypatch.setattr(recorder, "FLUSH_AFTER", 0.01)


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.005)


def parts(root):
    return list(root.rglob("*.part.parquet"))


def ids(root):
    return read_recording(root, "trade")["sequential_id"].to_list()


def test_what_came_is_on_disk_before_the_end_and_one_file_an_hour_after_it(
    quick, dispatcher, tmp_path
):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        dispatcher.say(trade(1), trade(2), trade(1))
        await until(lambda: parts(tmp_path))
        assert ids(tmp_path) == [1, 2]
        dispatcher.now += HOUR + 1000
        dispatcher.say(trade(3, dispatcher.now))
        await until((tmp_path / "channel=trade/date=2026-11-20/05.parquet").exists)
        await own.close()
        assert own.counts == {"trade": 3}

    asyncio.run(main())
    assert not parts(tmp_path)
    assert ids(tmp_path) == [1, 2, 3]
    assert [note.what for note in journal.read(tmp_path)] == [
        "began", "interrupted", "resumed", "ended",
    ]  # fmt: skip


def test_interruptions_and_pauses_between_recordings_are_listed(dispatcher, tmp_path):
    async def record(*steps):
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        for step in steps:
            step()
        await own.close()

    def passing():
        dispatcher.now += 1000

    asyncio.run(
        record(
            lambda: dispatcher.say(trade(1)), passing, lambda: dispatcher.break_off("reset"), passing,
            lambda: dispatcher.say(trade(2, dispatcher.now)), passing,
        )
    )  # fmt: skip
    dispatcher.now += 5000
    asyncio.run(record())
    found = read_interruptions(tmp_path)
    assert found["reason"].to_list() == [UNHEARD, "reset", "nobody recorded"]
    assert found["start"].dt.epoch("ms").to_list()[1:3] == [START + 1000, START + 3000]


def test_a_disk_that_takes_nothing_is_told_and_nothing_is_lost_when_it_does_again(
    quick, dispatcher, tmp_path
):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade/date=2026-11-20").write_text("in the way")
        dispatcher.say(trade(1))
        await until(lambda: own.errors)
        dispatcher.say(trade(2))
        (tmp_path / "channel=trade/date=2026-11-20").unlink()
        await until(lambda: parts(tmp_path))
        dispatcher.say(trade(3))
        await own.close()
        assert isinstance(own.errors[0], NotWritable)
        assert str(tmp_path) in str(own.errors[0])

    asyncio.run(main())
    assert ids(tmp_path) == [1, 2, 3]


def test_more_than_can_be_held_is_lost_counted_and_listed(quick, dispatcher, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "HELD", 3)

    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade/date=2026-11-20").write_text("in the way")
        dispatcher.say(*[trade(number) for number in range(1, 6)])
        await until(lambda: own.lost)
        (tmp_path / "channel=trade/date=2026-11-20").unlink()
        dispatcher.say(trade(6))
        await own.close()
        assert own.lost == 5

    asyncio.run(main())
    assert ids(tmp_path) == [6]
    assert "5 messages lost" in read_interruptions(tmp_path)["reason"][1]


def test_what_cannot_be_put_down_at_the_end_is_given(dispatcher, tmp_path):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        (tmp_path / "channel=trade/date=2026-11-20").write_text("in the way")
        dispatcher.say(trade(1))
        with pytest.raises(NotWritable):
            await own.close()
        assert isinstance(own.failure, NotWritable)

    asyncio.run(main())


def test_a_folder_has_one_recorder(dispatcher, tmp_path):
    async def main():
        first = Recorder(dispatcher, STREAMS, tmp_path)
        await first.start()
        with pytest.raises(LakeError, match="somebody else records"):
            await Recorder(dispatcher, STREAMS, tmp_path).start()
        await first.close()
        again = Recorder(dispatcher, STREAMS, tmp_path)
        await again.start()
        await again.close()

    asyncio.run(main())


def test_streams_that_others_listen_to_already_begin_with_their_state(dispatcher, tmp_path):
    class Deaf:
        def receive(self, message):
            """Do nothing."""

        def interrupted(self, until, reason):
            """Do nothing."""

    dispatcher.subscribe(Deaf(), STREAMS)
    dispatcher.say(trade(1), trade(2))

    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        await own.close()

    asyncio.run(main())
    assert ids(tmp_path) == [2]


def test_a_folder_that_cannot_be_made_is_an_error_at_once(dispatcher, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotWritable, match="file"):
        asyncio.run(Recorder(dispatcher, STREAMS, tmp_path / "file" / "tape").start())


def test_what_one_symbol_lacks_is_noted_with_its_end_and_the_recording_goes_on(
    dispatcher, tmp_path
):
    async def main():
        own = Recorder(dispatcher, [*STREAMS, Stream("trade", "KRW-ETH")], tmp_path)
        await own.start()
        dispatcher.say(trade(1), trade(1, symbol="KRW-ETH"))
        dispatcher.harm("an odd frame of KRW-ETH", Stream("trade", "KRW-ETH"))
        dispatcher.now += 1_000
        dispatcher.say(trade(2, dispatcher.now))
        assert not own.interruptions
        dispatcher.say(trade(2, dispatcher.now, "KRW-ETH"))
        (found,) = own.interruptions
        assert (found.start, found.end) == (START, START + 1_003 + UNSURE)
        dispatcher.harm("another", Stream("trade", "KRW-ETH"))
        await own.close()

    asyncio.run(main())
    found = read_interruptions(tmp_path)
    assert found["reason"].to_list() == [UNHEARD, "an odd frame of KRW-ETH", "another"]
    assert found["end"].null_count() == 0


def test_markets_join_and_leave_a_recording_and_the_journal_says_so(dispatcher, tmp_path):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        own.join(["KRW-ETH"])
        dispatcher.say(trade(1), trade(1, symbol="KRW-ETH"))
        own.leave("KRW-BTC", "KRW-BTC has ended")
        dispatcher.say(trade(2), trade(2, symbol="KRW-ETH"))
        assert own.symbols == ("KRW-ETH",)
        assert own.counts == {"trade": 3}
        assert [each.reason for each in own.interruptions] == ["KRW-BTC has ended"]
        await own.end(LakeError("no market is left"))
        assert isinstance(own.failure, LakeError)
        await own.close()

    asyncio.run(main())
    notes = [(each.what, each.streams) for each in journal.read(tmp_path)]
    notes = [note for note in notes if note[0] in {"joined", "left"}]
    assert notes == [("joined", {"trade": ["KRW-ETH"]}), ("left", {"trade": ["KRW-BTC"]})]
    assert (
        read_interruptions(tmp_path)["reason"].to_list() == [UNHEARD] * 2
    )  # of all, of the new one


def test_a_recording_says_at_its_end_that_nothing_came(dispatcher, tmp_path):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        assert own.unheard is None
        await own.close()
        assert "nothing has come" in str(own.unheard)
        assert [each.reason for each in own.interruptions] == [UNHEARD]

    asyncio.run(main())


def test_a_clock_that_is_set_back_leaves_the_messages_in_order(dispatcher, tmp_path):
    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        dispatcher.say(trade(1))
        dispatcher.now -= HOUR
        dispatcher.say(trade(2, dispatcher.now))
        await own.close()

    asyncio.run(main())
    assert read_recording(tmp_path, "trade")["received"].dt.epoch("ms").to_list() == [START + 3] * 2


def test_notes_are_down_before_messages_and_the_end_only_after_them(
    dispatcher, tmp_path, monkeypatch
):
    """A power cut in between must leave no message behind a break that nobody knows of."""
    told = []
    write_part = recorder.files.write_part

    def write(*values):
        told.append([note.what for note in journal.read(tmp_path)])
        write_part(*values)

    monkeypatch.setattr(recorder.files, "write_part", write)

    async def main():
        own = Recorder(dispatcher, STREAMS, tmp_path)
        await own.start()
        dispatcher.say(trade(1))
        dispatcher.break_off("reset")
        dispatcher.now += 1000
        dispatcher.say(trade(2, dispatcher.now))
        await own.close()

    asyncio.run(main())
    notes = ["began", "interrupted", "resumed", "interrupted", "resumed"]
    assert told == [notes]
    assert [note.what for note in journal.read(tmp_path)] == [*notes, "ended"]


def test_an_hour_of_all_channels_is_down_before_the_next_begins(dispatcher, tmp_path, monkeypatch):
    hours = []
    write_part = recorder.files.write_part
    monkeypatch.setattr(
        recorder.files, "write_part", lambda *of: (hours.append(of[1]), write_part(*of))
    )

    async def main():
        several = [Stream("trade", "KRW-BTC"), Stream("orderbook", "KRW-BTC")]
        own = Recorder(dispatcher, several, tmp_path)
        await own.start()
        for number in (1, 2):
            book = Book("KRW-BTC", dispatcher.now, 1.0, 2.0, [Unit(3, 2, 1, 5)], 0.0)
            dispatcher.say(trade(number, dispatcher.now), book)
            dispatcher.now += HOUR
        await own.close()

    asyncio.run(main())
    assert [(each.start - START) // HOUR for each in hours] == [0, 0, 1, 1]
