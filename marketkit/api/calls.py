"""From question to reply: memory and lake in the caller's own thread, all else on the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from marketkit.api import arguments as answers
from marketkit.api.candles import CandleCalls
from marketkit.api.markets import MarketCalls
from marketkit.api.meter import Meter
from marketkit.api.query import Answer, Question
from marketkit.api.quotes import Quotes
from marketkit.api.response import DataResponse
from marketkit.clock import steady
from marketkit.frames import Frame
from marketkit.net.engine import engine, run_here

Ask = Callable[[], Question]


@dataclass(frozen=True, slots=True)
class Reply:
    """A question, its answer, and the seconds from the one to the other."""

    question: Question
    answer: Answer
    seconds: float

    def frame(self) -> Frame:
        """Give the frame, or raise what failed."""
        return self.question.finish(self.answer)

    def response(self) -> DataResponse:
        """Give the frame with its story; where nothing was got, raise what failed."""
        answer, now = self.answer, steady()
        if answer.failures and not answer.parts:
            answers.settle(answer.frame, answer.failures, "raise")
        return DataResponse(
            self.question.shape(answer.frame),
            {symbol: part.source for part in answer.parts for symbol in part.symbols},
            {symbol: now - part.made for part in answer.parts for symbol in part.symbols},
            self.seconds * 1000,
            answer.failures,
        )


@dataclass(frozen=True, slots=True)
class Readers:
    """Those who read market data for all faces of one provider."""

    markets: MarketCalls
    quotes: Quotes
    candles: CandleCalls
    meter: Meter

    def wait(self, ask: Ask) -> Reply:
        """Answer a question and block until then."""
        started = time.perf_counter()
        question = ask()
        answer = question.recall()
        if answer is None:
            # Where nothing is sent, two changes of threads would cost as much as a short read.
            wait = engine().run if question.sends else run_here
            answer = wait(question.fetch())
        return self._reply(question, answer, started)

    async def reply(self, ask: Ask) -> Reply:
        """Answer a question; await it on any event loop."""
        started = time.perf_counter()
        question = ask()
        answer = question.recall()
        if answer is None:
            answer = await engine().arun(question.fetch())
        return self._reply(question, answer, started)

    def _reply(self, question: Question, answer: Answer, started: float) -> Reply:
        seconds = time.perf_counter() - started
        self.meter.count(question.kind, answer, seconds)
        return Reply(question, answer, seconds)
