"""The driver of a walk over pages: sends each request, and gives the walk the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self

from marketkit.exchange.dialect import Page, Request, Response, Walk

Send = Callable[[Request], Awaitable[Response]]


class FetchedPage(NamedTuple):
    """One page of a walk, with the request and the response behind."""

    page: Page
    response: Response
    request: Request


class Pages:
    """Iterates over the pages of a walk; a request is sent when the page is asked for.

    Leaving the loop ends the walk: nothing is sent beyond the page in hand.
    """

    def __init__(self, walk: Walk, send: Send) -> None:
        self._walk = walk
        self._send = send
        self._request = next(walk).request

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FetchedPage:
        request = self._request
        if request is None:
            raise StopAsyncIteration
        response = await self._send(request)
        page, self._request = self._walk.send(response)
        if page is None:
            raise RuntimeError("a walk gave no page for a response")
        return FetchedPage(page, response, request)
