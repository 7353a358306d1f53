"""Replays: a tape told to listeners by its own clock, at any speed, and let go of at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator

import pytest

from marketkit.coverage import Span, Spans
from marketkit.exchange.upbit.messages import Ticker
from marketkit.realtime.consumers import Queue
from marketkit.realtime.subscriptions import Stream
from marketkit.realtime.trade_recovery import FeedListener
from marketkit.recording import player
from marketkit.recording.player import Replay
from marketkit.recording.rows import Heard
from marketkit.recording.tape import Tape, TapeMoment
from marketkit.timeframe import MINUTE
from tests.unit.realtime.conftest import until
from tests.unit.recording.conftest import START, trade

STREAMS = [Stream("trade", "KRW-BTC")]


class Written(Tape):
    """A tape of a test: a trade each second for a minute, and one interruption."""

    def __init__(self, *breaks: TapeMoment) -> None:
        super().__init__("a tape", Span(START, START + MINUTE), breaks, Spans(), ["KRW-BTC"])
        self.failure: Exception | None = None

    def messages(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        """Give the trades."""
        del channel, symbols
        for at in range(60):
            if at == 30 and self.failure is not None:
                raise self.failure
            yield Heard(START + 1000 * at, trade(at, START + 1000 * at))

    def check(self, channel: str) -> None:
        """Accept every channel."""

    def begins(self, channel: str, symbols: Collection[str]) -> dict[str, int]:
        """Give the beginning."""
        del channel
        return dict.fromkeys(symbols, START)


def ids(events):
    return [each.sequential_id for each in events]


def test_as_fast_as_it_is_taken_it_begins_with_the_first_consumer_and_ends_with_the_tape():
    async def main():
        replay, listener = Replay(Written(), 0), FeedListener()
        replay.subscribe(listener, STREAMS)
        await asyncio.sleep(0.05)
        assert replay.clock() == START
        assert not replay.connected
        queue = listener.broadcast.open(Queue())
        taken = []
        while (events := await queue.take()) is not None:
            taken += ids(events)
        assert taken == list(range(60))
        assert replay.clock() == START + 59_000

    asyncio.run(main())


def test_its_clock_stands_where_the_tape_is_and_nothing_before_can_be_missing():
    async def main():
        replay, listener = Replay(Written(), 100.0), FeedListener()
        replay.subscribe(listener, STREAMS)
        queue = listener.broadcast.open(Queue())
        first = await queue.take()
        assert START <= replay.clock() < START + MINUTE
        assert replay.alive <= replay.clock()
        assert ids(first)[0] == 0
        replay.release(listener, STREAMS)
        await replay.settled()
        assert replay._task.done()
        assert replay.clock() < START + 59_000

    asyncio.run(main())


def test_an_interruption_of_the_tape_is_told_and_ends_with_the_next_message():
    async def main():
        stop = TapeMoment(START + 10_500, None, START + 9_500, "reset")
        replay, listener = Replay(Written(stop), 0), FeedListener()
        replay.subscribe(listener, STREAMS)
        queue = listener.broadcast.open(Queue())
        while await queue.take() is not None:
            pass
        (told,) = listener.interruptions
        (known,) = replay.interruptions
        assert (told.start, told.reason) == (START + 9_500, "reset")
        assert known.end == START + 11_000

    asyncio.run(main())


def test_a_tape_that_cannot_be_read_to_its_end_fails_for_every_consumer(monkeypatch):
    async def main():
        monkeypatch.setattr(player, "_BATCH", 30)
        tape, listener = Written(), FeedListener()
        tape.failure = OSError("torn")
        replay = Replay(tape, 0)
        replay.subscribe(listener, STREAMS)
        early = listener.broadcast.open(Queue())
        assert ids(await early.take()) == list(range(30))
        with pytest.raises(OSError, match="torn"):
            await early.take()
        assert listener.failure is tape.failure
        with pytest.raises(OSError, match="torn"):
            await listener.broadcast.open(Queue()).take()

    asyncio.run(main())


def test_a_slow_consumer_holds_the_tape_up_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(player, "_BATCH", 5)
    monkeypatch.setattr(player, "_ROOM", 10)

    async def main():
        replay, listener = Replay(Written(), 0), FeedListener()
        replay.subscribe(listener, STREAMS)
        queue = listener.broadcast.open(Queue())
        await until(lambda: len(queue) >= 15)
        await asyncio.sleep(0.05)
        assert len(queue) == 15
        taken = []
        while (events := await queue.take()) is not None:
            taken += ids(events)
        assert taken == list(range(60))

    asyncio.run(main())


def test_what_one_symbol_lacked_is_told_of_that_one_alone():
    async def main():
        torn = TapeMoment(START + 500, None, START, "odd", "KRW-BTC")
        strange = TapeMoment(START + 600, None, START, "odd", "KRW-XRP")
        replay, listener = Replay(Written(torn, strange), 0), FeedListener()
        replay.subscribe(listener, STREAMS)
        queue = listener.broadcast.open(Queue())
        while await queue.take() is not None:
            pass
        assert [each.reason for each in listener.interruptions] == ["odd"]
        assert [each.reason for each in replay.harms] == ["odd"]
        assert not replay.interruptions
        replay.release(listener, STREAMS)

    asyncio.run(main())


class Overtaken(Written):
    """A tape of tickers, each second one of which is older than the one before."""

    def messages(self, channel: str, symbols: Collection[str]) -> Iterator[Heard]:
        """Give the tickers."""
        del channel, symbols
        for at in range(10):
            made = START + 1000 * (at - 2 * (at % 2))
            yield Heard(START + 1000 * at, Ticker("KRW-BTC", made, 1.0 + at))


def test_a_state_that_was_overtaken_when_it_was_recorded_is_so_again():
    async def main():
        replay, listener = Replay(Overtaken(), 0), FeedListener()
        replay.subscribe(listener, [Stream("ticker", "KRW-BTC")])
        queue = listener.broadcast.open(Queue())
        taken = []
        while (events := await queue.take()) is not None:
            taken += [each.price for each in events]
        assert taken == [1.0, 3.0, 5.0, 7.0, 9.0]

    asyncio.run(main())
