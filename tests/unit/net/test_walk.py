"""Walks over pages are driven by whatever sends: a request at a time, no further than wanted."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest

from marketkit.coverage import Spans
from marketkit.errors import NetworkError
from marketkit.exchange.dialect import Page, Request, Response, Step, Walk
from marketkit.net.walk import Pages
from marketkit.schema import ROW, empty


def request(number: int) -> Request:
    return Request(f"/{number}", (), "candles")


def walk(pages: int) -> Walk:
    """Ask for pages 1, 2, ... and prove with each the time at which it was answered."""
    page = None
    for number in range(1, pages + 1):
        response = yield Step(page, request(number))
        page = Page(empty(ROW), Spans([(0, response.at)]))
    yield Step(page, None)


class Sender:
    """Answers the n-th request at the moment n."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        self.requests.append(request)
        return Response(200, {}, b"[]", at=len(self.requests))


def test_each_request_is_sent_once_and_its_page_comes_with_its_response():
    async def main():
        send = Sender()
        return send, [answer async for answer in Pages(walk(3), send)]

    send, answers = asyncio.run(main())
    assert send.requests == [request(1), request(2), request(3)]
    assert [answer.request for answer in answers] == send.requests
    assert [answer.page.proved for answer in answers] == [Spans([(0, at)]) for at in (1, 2, 3)]
    assert [answer.response.at for answer in answers] == [1, 2, 3]


def test_nothing_is_sent_for_a_walk_that_asks_nothing():
    async def main():
        send = Sender()
        return [answer async for answer in Pages(walk(0), send)], send.requests

    assert asyncio.run(main()) == ([], [])


def test_who_leaves_the_loop_sends_nothing_more():
    async def main():
        send = Sender()
        async for answer in Pages(walk(10**6), send):
            if answer.response.at == 2:
                break
        return send.requests

    assert asyncio.run(main()) == [request(1), request(2)]


def test_a_page_is_sent_for_when_it_is_asked_for_and_not_before():
    async def main():
        send = Sender()
        pages = Pages(walk(3), send)
        sent = []
        for _ in range(3):
            sent.append(len(send.requests))
            await anext(pages)
        return sent

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_failure_ends_the_walk_and_is_the_callers():
    async def main():
        numbers = count(1)

        async def send(_: Request) -> Response:
            if next(numbers) == 2:
                raise NetworkError("down")
            return Response(200, {}, b"[]", at=1)

        pages = Pages(walk(3), send)
        await anext(pages)
        with pytest.raises(NetworkError, match="down"):
            await anext(pages)

    asyncio.run(main())
