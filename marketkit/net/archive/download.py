"""Files of the archive, fetched by a few connections and verified, in the order that is asked for.

A file is in the basket under its own name only after its bytes had the published checksum. One
whose bytes have another is fetched once more, and then told of and left alone. Whatever ends the
process, finished files are not fetched again, and parts go on where the archive offers that.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from marketkit.disk import sha256
from marketkit.errors import (
    BadResponse,
    Banned,
    MarketkitError,
    NetworkError,
    RateLimited,
    Refused,
    ServerFailed,
)
from marketkit.exchange.upbit.archive.checksum import LARGEST as LARGEST_CHECKSUM
from marketkit.exchange.upbit.archive.checksum import checksum_key, read_checksum
from marketkit.exchange.upbit.archive.finding import ABSENT, Published
from marketkit.exchange.upbit.archive.listing import file_request
from marketkit.net.archive.archive import Archive, dated
from marketkit.net.archive.basket import Basket
from marketkit.net.archive.lanes import LanesEnded
from marketkit.net.archive.machine import only_process
from marketkit.net.archive.sending import checked_bytes, refused
from marketkit.net.archive.terms import check_consent
from marketkit.net.archive.zips import fetch_zip
from marketkit.net.body import read_bounded

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger("marketkit.net")

LARGEST = 2 << 30  # bytes of a zip; a month of seconds has 20 MB
_AHEAD = 2  # files for each connection that are fetched before they are asked for
_IN_A_ROW = 4  # files that fail, each asked for five times: then the archive is away
Reason = Literal["mismatch", "refused", "failed", "too large", "not asked"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A verified zip on disk: `sha256` in hex, `size` in bytes, `at` the time of arrival, ms UTC.

    A `reused` one lay there since an earlier process.
    """

    published: Published
    path: Path
    sha256: str
    size: int
    at: int
    reused: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that could not be had, and why: the times of that file stay unknown."""

    published: Published
    reason: Reason
    said: str


class Download:
    """A download: files are fetched side by side and given one by one, in order; see the module.

    Use it with `async with`, and iterate; leaving the block ends all that is under way. At most two
    files for each connection are fetched ahead of who iterates. Each `Fetched` stays on disk until
    `done`. `troubles` are the files that were not had so far. `say` is told what is waited for.
    """

    def __init__(
        self,
        archive: Archive,
        files: Iterable[Published],
        basket: Basket,
        *,
        largest: int = LARGEST,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.troubles: list[Trouble] = []
        self._archive = archive
        self._files = iter(files)
        self._basket = basket
        self._largest = checked_bytes("largest", largest)
        self._say = say
        self._ahead: deque[asyncio.Task[Fetched | Trouble]] = deque()
        self._held = AsyncExitStack()
        self._is_banned = False
        self._failed = 0  # files in a row that could not be had

    async def __aenter__(self) -> Self:
        """Wait until no other process of this machine downloads.

        Raises `InputError` where nobody accepted the terms, and `Banned` while the archive wants
        nothing from this machine.
        """
        check_consent()
        self._archive.check()
        await self._held.enter_async_context(only_process(self._archive.lock, self._say))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks, self._ahead = list(self._ahead), deque()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._basket.tidy()
        await self._held.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Fetched:
        """Give the next file that could be had. Raises errors of this machine: a full disk."""
        while True:
            self._begin()
            if not self._ahead:
                raise StopAsyncIteration
            # It stays in the row until it is there: who is cancelled here may ask again.
            result = await asyncio.shield(self._ahead[0])
            self._ahead.popleft()
            if isinstance(result, Fetched):
                return result
            self._tell(result)

    def done(self, fetched: Fetched) -> None:
        """Let go of a file that is in the lake: removed, unless the basket keeps all."""
        self._basket.done(fetched.published.key)

    def _begin(self) -> None:
        """Have as many files under way as may be ahead."""
        while len(self._ahead) < _AHEAD * self._archive.connections:
            published = next(self._files, None)
            if published is None:
                return
            self._ahead.append(asyncio.create_task(self._have(published)))

    def _tell(self, trouble: Trouble) -> None:
        self.troubles.append(trouble)
        _log.warning("%s: %s", trouble.published.key, trouble.said)
        if trouble.reason == "refused":
            self._say(trouble.said)

    async def _have(self, published: Published) -> Fetched | Trouble:
        """Get one file; a fault of one is no error of the others."""
        try:
            fetched = await self._twice(published)
        except LanesEnded as ended:
            said = f"not asked for any more: {ended}"
            return Trouble(published, "not asked", said)
        except Banned as banned:
            is_news, self._is_banned = not self._is_banned, True
            self._archive.lanes.end(str(banned))
            return Trouble(published, "refused" if is_news else "not asked", str(banned))
        except Refused as refusal:
            return Trouble(published, "refused", str(refusal))
        except MarketkitError as failure:
            return self._failure(published, failure)
        if isinstance(fetched, Fetched):
            self._failed = 0
        return fetched

    def _failure(self, published: Published, failure: MarketkitError) -> Trouble:
        """Tell of a failure; several files in a row that fail so are one of the archive."""
        self._failed += isinstance(failure, NetworkError | ServerFailed | RateLimited)
        if self._failed >= _IN_A_ROW:
            self._archive.lanes.end(str(failure))
        return Trouble(published, "failed", str(failure))

    async def _twice(self, published: Published) -> Fetched | Trouble:
        """Fetch a file, and once more where the bytes are others than the checksum says."""
        key = published.key
        if published.size > self._largest:
            said = f"{key} has {published.size:,} bytes, more than {self._largest:,}"
            return Trouble(published, "too large", said)
        digest = found = ""
        for _ in range(2):
            digest, at = await self._digest(published)
            if await asyncio.to_thread(self._basket.has, key, digest):
                return self._fetched(published, digest, at, reused=True)
            part = self._basket.part(key, digest)
            at = await fetch_zip(self._archive, published, part, self._largest)
            found = await asyncio.to_thread(sha256, part)
            if found == digest:
                self._basket.finish(key, part)
                return self._fetched(published, digest, at)
            part.unlink(missing_ok=True)
        said = f"{key} has the SHA-256 {found[:12]}..., and its checksum says {digest[:12]}..."
        return Trouble(published, "mismatch", f"{said}, twice")

    def _fetched(
        self, published: Published, digest: str, at: int, *, reused: bool = False
    ) -> Fetched:
        path = self._basket.whole(published.key)
        return Fetched(published, path, digest, path.stat().st_size, at, reused)

    async def _digest(self, published: Published) -> tuple[str, int]:
        """Fetch the checksum of a file, and the time of that answer."""
        request = file_request(checksum_key(published.key))

        async def take(answer: httpx.Response) -> tuple[str, int]:
            if answer.status_code in ABSENT:
                raise refused(request, answer.status_code)
            if answer.status_code != 200:
                raise BadResponse(f"{request.path} came with the status {answer.status_code}")
            body = await read_bounded(answer.aiter_raw(), "", LARGEST_CHECKSUM, request.path)
            return read_checksum(body, published.key), dated(answer)

        return await self._archive.files.ask(request, take)
