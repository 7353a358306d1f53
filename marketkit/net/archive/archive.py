"""The archive: listings, asked for once, and the files with wanted times."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from marketkit.coverage import Spans
from marketkit.errors import Refused
from marketkit.exchange.dialect import Request, Response
from marketkit.exchange.upbit.archive.finding import Found, find
from marketkit.exchange.upbit.archive.keys import Shelf
from marketkit.net.archive.lanes import BACK_OFF, USUAL, Lanes, LanesEnded
from marketkit.net.archive.sending import Sender
from marketkit.net.body import read_bounded
from marketkit.net.budget.ban import Ban
from marketkit.net.exchange_clock import machine_time, parse_date
from marketkit.net.wire import host_of
from marketkit.settings import largest_answer

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
_TIMEOUT = 30.0  # seconds without a byte


class Archive:
    """One archive at two addresses, that of the listing and that of the files.

    Requests leave from `own`, an address of this machine, where one is given. `connections` is the
    number of requests under way at a time, of all that this object does; `timeout` the longest
    silence on one, in seconds, and `back_off` the pause after a refusal.
    Answers about folders are asked for once; `forget` has them asked for again. Use it on one
    event loop, and close it.
    """

    def __init__(
        self,
        addresses: tuple[str, str],
        *,
        budget_dir: Path,
        own: str | None = None,
        connections: int = USUAL,
        timeout: float = _TIMEOUT,
        offline: bool = False,
        back_off: float = BACK_OFF,
    ) -> None:
        files = addresses[1]
        self.lanes = Lanes(connections, back_off=back_off)
        host = f"{host_of(files, own)}-archive"
        self.lock = budget_dir / f"{host}.lock"
        ban = Ban(
            budget_dir / f"{host}.ban",
            host=f"the archive of {host_of(files, own)}",
            reason="asked for silence (418, or a long Retry-After)",
        )
        self.timeout = timeout
        self.connections = connections
        self.listing, self.files = (
            Sender(each, self.lanes, ban, timeout=timeout, own=own, offline=offline)
            for each in addresses
        )
        self._ban = ban
        self._answers: dict[Request, asyncio.Future[Response]] = {}

    @property
    def requests(self) -> int:
        """The requests so far."""
        return self.listing.requests + self.files.requests

    @property
    def bytes(self) -> int:
        """The bytes of all answers so far."""
        return self.listing.bytes + self.files.bytes

    async def find(self, shelf: Shelf, wanted: Spans, now: int) -> Found:
        """Choose the files of wanted times whose period is over at `now`, ms UTC.

        Raises `Refused` where the archive will not list what it shows, `BadResponse` for a listing
        of another shape, and what sending raises.
        """
        return await self.walk(find(shelf, wanted, now))

    async def walk(self, walk: Generator[Request, Response, T]) -> T:
        """Drive a walk of the dialect over listings, and give the result."""
        try:
            request = next(walk)
            while True:
                response = await self._listed(request)
                request = self._step(walk, response)
        except StopIteration as done:
            found: T = done.value
            return found
        except LanesEnded as ended:
            raise Refused(f"nothing is asked of the archive any more: {ended}", 403) from None

    def _step(self, walk: Generator[Request, Response, T], response: Response) -> Request:
        """Go on with a walk; a refusal that only the walk can tell ends a lane, too."""
        try:
            return walk.send(response)
        except Refused as refusal:
            self.lanes.refused(refusal)
            raise

    def check(self) -> None:
        """Raise `Banned` while the archive wants nothing from this machine."""
        self._ban.check()

    def forget(self) -> None:
        """Forget the listings: later walks ask again."""
        self._answers.clear()

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        for each in self._answers.values():
            each.cancel()  # nothing happens to one that is done
        await self.listing.close()
        await self.files.close()

    async def _listed(self, request: Request) -> Response:
        """Ask about a folder, or wait for a question under way."""
        kept = self._answers.get(request)
        if kept is None:
            kept = self._answers[request] = asyncio.ensure_future(
                self.listing.ask(request, self._read)
            )
            kept.add_done_callback(lambda done: self._drop(request, done))
        return await asyncio.shield(kept)

    def _drop(self, request: Request, done: asyncio.Future[Response]) -> None:
        """Keep no failure: the next question may have an answer."""
        if done.cancelled() or done.exception() is not None:
            self._answers.pop(request, None)

    async def _read(self, answer: httpx.Response) -> Response:
        where = f"{self.listing.address}{answer.request.url.path}"
        body = await read_bounded(answer.aiter_raw(), "", largest_answer(), where)
        return Response(answer.status_code, dict(answer.headers), body, dated(answer))


def dated(answer: httpx.Response) -> int:
    """Give the time of an answer, ms UTC."""
    date = parse_date(answer.headers.get("date"))
    # machine's clock: dates an answer that has no date of its own
    return machine_time() if date is None else date
