"""Requests to the archive: a lane for each, the meaning of answers, and when to ask again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from marketkit.errors import (
    BadResponse,
    Banned,
    InputError,
    MarketkitError,
    NetworkError,
    Offline,
    RateLimited,
    Refused,
    ServerFailed,
    TimedOut,
    plain,
)
from marketkit.exchange.dialect import Request
from marketkit.exchange.upbit.archive.finding import ABSENT
from marketkit.exchange.upbit.limits import parse_retry_after
from marketkit.net.archive.lanes import Lanes
from marketkit.net.budget.ban import Ban
from marketkit.net.wire import client_for, failure_of, let_go

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Take = Callable[["httpx.Response"], Awaitable[T]]

_log = logging.getLogger("marketkit.net")
_ATTEMPTS = 5
_FIRST_WAIT = 0.2  # seconds; doubled with each attempt
_PATIENCE = 60.0  # seconds of silence that are waited for; who asks for more ends the download
_AGAIN = (NetworkError, ServerFailed, RateLimited, BadResponse)  # an answer may come another time
_DATA = (200, 206, 416)  # the last says that there is no such part
_LATER = (408, 425)  # statuses of a 4xx that are no refusal


class Sender:
    """Sends to one address of the archive; `timeout` is the longest silence on a connection, in s.

    Connections leave from `own`, an address of this machine, where one is given.

    `ranges` says whether the last file offered to be sent in parts.
    """

    def __init__(
        self,
        address: str,
        lanes: Lanes,
        ban: Ban,
        *,
        timeout: float,
        own: str | None = None,
        offline: bool = False,
    ) -> None:
        self.address = address
        self._own = own
        self.ranges = False
        self.requests = 0
        self.bytes = 0
        self._lanes = lanes
        self._ban = ban
        self._timeout = timeout
        self._offline = offline
        self._client: httpx.AsyncClient | None = None

    async def ask(
        self, request: Request, take: Take[T], *, headers: Callable[[], dict[str, str]] = dict
    ) -> T:
        """Give the result of `take` with the answer to a request, after up to five attempts.

        `take` gets answers with data, and those with 403 and 404. What it raises counts as the
        attempt's failure. `headers` are made for each attempt.
        """
        if self._offline:
            raise Offline(f"offline: {request.path} of the archive is not asked for")
        for attempt in range(1, _ATTEMPTS + 1):
            self._ban.check()
            try:
                return await self._attempt(request, take, headers())
            except _AGAIN as failure:
                if attempt == _ATTEMPTS:
                    raise
                _log.info("attempt %d of %s failed: %s", attempt, request.path, failure)
            await asyncio.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _attempt(self, request: Request, take: Take[T], headers: dict[str, str]) -> T:
        async with self._lanes.turn(), self._answer(request, headers) as answer:
            self._check(request, answer)
            return await take(answer)

    @asynccontextmanager
    async def _answer(
        self, request: Request, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Send, and give the answer as soon as the headers are there."""
        import httpx  # noqa: PLC0415 - slow to import, and who reads the lake sends nothing

        client = self._client = self._client or client_for(self.address, self._own)
        built = client.build_request(
            "GET",
            self.address + request.path,
            params=request.params,
            headers={"Accept-Encoding": "identity", **headers},
            timeout=httpx.Timeout(self._timeout, pool=None),
        )
        self.requests += 1
        try:
            answer = await client.send(built, stream=True)
            try:
                yield answer
            finally:
                self.bytes += answer.num_bytes_downloaded
                await let_go(answer)
        except httpx.TimeoutException:
            raise TimedOut(
                f"{self.address} sent nothing of {request.path} for {self._timeout:g}s"
            ) from None
        except httpx.HTTPError as error:
            raise failure_of(error, self.address, self._own) from error

    def _check(self, request: Request, answer: httpx.Response) -> None:
        """Raise the error of an answer without data; `take` judges 403 and 404."""
        status = answer.status_code
        if status in ABSENT:
            self._heed(answer)
            return
        if status in _DATA:
            packing = answer.headers.get("content-encoding", "identity")
            if packing != "identity":
                raise BadResponse(f"{request.path} came packed as {plain(packing, 40)}, unasked")
            self.ranges = answer.headers.get("accept-ranges", "").strip().lower() == "bytes"
            return
        where = f"the archive answered {status} to {request.path}"
        if status == 418:
            self._ban.impose(self._asked(answer))
            raise Banned(where)
        if status == 429 or status >= 500 or status in _LATER:
            self._heed(answer)
            raise RateLimited(where) if status == 429 else ServerFailed(where)
        raise Refused(where, status)

    def _heed(self, answer: httpx.Response) -> None:
        """Have all lanes be silent for as long as an answer asks; a long silence ends all."""
        seconds = self._asked(answer)
        if seconds is None:
            if answer.status_code == 429:
                self._lanes.slow_down()
            return
        if seconds > _PATIENCE:
            self._ban.impose(seconds)
            self._lanes.end(f"the archive asks for {seconds:,.0f}s of silence (Retry-After)")
            self._ban.check()
        _log.warning("the archive asks for %g s of silence (Retry-After)", seconds)
        self._lanes.hold(seconds)

    def _asked(self, answer: httpx.Response) -> float | None:
        headers = answer.headers
        return parse_retry_after(headers.get("retry-after"), headers.get("date"))


def refused(request: Request, status: int) -> Refused:
    """Give the error of a 403 or 404 for a key in the listing."""
    return Refused(
        f"the archive refuses ({status}) {request.path}, which its listing shows", status
    )


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Bound the time of a whole body. Raises `TimedOut`."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        if isinstance(error, MarketkitError):
            raise
        took = time.monotonic() - began
        raise TimedOut(f"{what} was not there after {took:,.0f}s: the archive is slow") from None


def checked_bytes(name: str, most: int) -> int:
    """Give a bound in bytes back. Raises `InputError` for any other value."""
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise InputError(f"{name}={most!r} is no number of bytes")
    return most
