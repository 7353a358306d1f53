"""What a feed of trades passes on while interruptions are mended, without an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from marketkit.exchange.upbit.messages import Trade
from marketkit.realtime import trade_recovery
from marketkit.realtime.channels import channel_of
from marketkit.realtime.consumers import Queue
from marketkit.realtime.trade_recovery import Missed, TradeRecovery
from tests.unit.realtime.conftest import until

NOW = 99


def trade(number: int, stream: str = "REALTIME") -> Trade:
    return Trade("X", number, number, 1.0, 1.0, "BID", 1.0, "EVEN", 0.0, number, stream)


class Line:
    """A listener with its store, and an exchange that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answers: asyncio.Queue[Missed | Exception] = asyncio.Queue()
        self.store = channel_of("trade")
        self.listener = TradeRecovery(["X"], self.store, self._fetch, lambda: NOW)
        self.queue = self.listener.broadcast.open(Queue())

    async def _fetch(self, _: str, start: int) -> Missed:
        self.asked.append(start)
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def say(self, *trades: Trade) -> None:
        """Have the stream tell of trades."""
        for each in trades:
            if self.store.add(each):
                self.listener.receive(each)

    def drop(self, until: int) -> None:
        """Interrupt the stream."""
        self.store.interrupted()
        self.listener.interrupted(until, "dropped")

    def answer(self, *numbers: int, whole: bool = True) -> None:
        """Answer a question with trades."""
        self.answers.put_nowait(Missed([trade(each, "REST") for each in numbers], whole))

    async def told(self, count: int) -> list[int]:
        """Wait for that many trades."""
        await until(lambda: len(self.queue) >= count)
        return [each.sequential_id for each in await self.queue.take() or []]


def on_line(work: Callable[[Line], Awaitable[None]]) -> None:
    async def main() -> None:
        await work(Line())

    asyncio.run(main())


def test_what_comes_during_the_answer_waits_for_what_was_missed_before_it():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"), trade(11))
        line.drop(12)
        line.say(trade(20, "SNAPSHOT"), trade(21))
        await until(lambda: line.asked)
        line.say(trade(22))
        assert len(line.queue) == 2
        line.answer(10, 11, 13, 14, 20, 21)
        assert await line.told(7) == [10, 11, 13, 14, 20, 21, 22]
        (found,) = line.listener.interruptions
        assert (found.how, found.closed, found.failure) == ("rest", NOW, None)
        line.say(trade(23))
        assert await line.told(1) == [23]
        assert [each.sequential_id for each in line.store.known(["X"])][-4:] == [20, 21, 22, 23]
        assert line.store.whole("X", 0) == 6

    on_line(work)


def test_an_interruption_during_the_answer_is_mended_after_it():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.say(trade(20, "SNAPSHOT"))
        await until(lambda: line.asked)
        line.drop(21)
        line.say(trade(30, "SNAPSHOT"))
        line.answer(10, 15, 20)
        line.answer(20, 25, 30)
        assert await line.told(5) == [10, 15, 20, 25, 30]
        await until(lambda: all(each.how == "rest" for each in line.listener.interruptions))
        assert len(line.listener.interruptions) == 2

    on_line(work)


def test_an_answer_that_is_older_than_the_stream_is_asked_for_again(monkeypatch):
    monkeypatch.setattr(trade_recovery, "_PAUSE", 0.0)

    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.say(trade(20, "SNAPSHOT"))
        line.answer(10, 15)
        line.answer(10, 15, 20)
        assert await line.told(3) == [10, 15, 20]
        assert len(line.asked) == 2

    on_line(work)


def test_a_stream_that_goes_on_with_the_trade_known_last_needs_no_answer():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        assert line.listener.interruptions[0].how is None
        line.say(trade(10, "SNAPSHOT"))
        assert line.listener.interruptions[0].how == "stream"
        line.say(trade(20))
        assert await line.told(2) == [10, 20]
        assert not line.asked

    on_line(work)


def test_a_last_trade_that_is_new_after_a_change_of_subscription_is_asked_about():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"), trade(20, "SNAPSHOT"))
        line.answer(10, 15, 20)
        assert await line.told(3) == [10, 15, 20]
        assert not line.listener.interruptions
        line.say(trade(30, "SNAPSHOT"))
        line.answer(30, whole=False)
        assert await line.told(1) == [30]
        await until(lambda: line.listener.interruptions)
        assert "more were missed" in (line.listener.interruptions[0].failure or "")

    on_line(work)


def test_what_fails_is_said_and_what_came_goes_on():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.answers.put_nowait(ZeroDivisionError("of no use"))
        line.say(trade(20, "SNAPSHOT"))
        assert await line.told(2) == [10, 20]
        await until(lambda: line.listener.interruptions[0].failure)
        assert line.listener.interruptions[0].failure == "X: of no use"
        assert line.listener.interruptions[0].how is None

    on_line(work)


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(trade_recovery, "PATIENCE", 0.01)

    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.say(trade(20, "SNAPSHOT"))
        assert await line.told(2) == [10, 20]
        await until(lambda: line.listener.interruptions[0].failure)

    on_line(work)


def test_a_feed_that_ends_gives_what_is_held():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.say(trade(20, "SNAPSHOT"))
        await until(lambda: line.asked)
        await line.listener.finish(None)
        assert await line.told(2) == [10, 20]
        assert await line.queue.take() is None
        assert "ended" in (line.listener.interruptions[0].failure or "")

    on_line(work)


def test_what_harms_one_symbol_makes_no_other_wait():
    async def main() -> None:
        asked = []

        async def fetch(symbol: str, start: int) -> Missed:
            asked.append(symbol)
            return Missed([trade(2, "REST"), trade(3, "REST")], whole=True)

        store = channel_of("trade")
        listener = TradeRecovery(["X", "Y"], store, fetch, lambda: NOW)
        queue = listener.broadcast.open(Queue())

        def say(number: int, symbol: str) -> None:
            made = msgspec.structs.replace(trade(number), symbol=symbol)
            assert store.add(made)
            listener.receive(made)

        say(1, "X")
        say(1, "Y")
        store.interrupted("X")
        listener.interrupted(1, "odd", "X")
        say(3, "Y")
        assert len(queue) == 3
        say(3, "X")
        await until(lambda: len(queue) == 5)
        told = [(each.symbol, each.sequential_id) for each in await queue.take() or []]
        assert told == [("X", 1), ("Y", 1), ("Y", 3), ("X", 2), ("X", 3)]
        assert asked == ["X"]
        (found,) = listener.interruptions
        assert (found.reason, found.how, found.failure) == ("odd", "rest", None)

    asyncio.run(main())


def test_symbols_join_and_leave_and_held_trades_of_one_that_left_are_passed_on():
    async def work(line: Line) -> None:
        line.say(trade(10, "SNAPSHOT"))
        line.drop(12)
        line.say(trade(20))
        await until(lambda: line.asked)
        line.listener.leave("X", 50, "X has ended")
        assert await line.told(2) == [10, 20]
        line.listener.join(["Y"])
        line.listener.receive(msgspec.structs.replace(trade(1), symbol="Y"))
        assert await line.told(1) == [1]
        torn, ended = line.listener.interruptions
        assert "ended before the answer" in torn.failure
        assert (ended.reason, ended.closed) == ("X has ended", 50)

    on_line(work)
