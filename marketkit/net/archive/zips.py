"""The bytes of one zip: into a part on disk, from where a part ends if the archive offers that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from marketkit.errors import BadResponse
from marketkit.exchange.upbit.archive.finding import ABSENT, Published
from marketkit.exchange.upbit.archive.listing import file_request
from marketkit.net.archive.archive import Archive, dated
from marketkit.net.archive.sending import refused, within

if TYPE_CHECKING:
    import httpx

_SLACK = 1 << 20  # bytes more than twice the listed size: a file may be published again meanwhile
_SLOWEST = 2_000  # bytes a second; who sends less is given up, and asked again
_DIGITS = 16  # of a length: more is too long in any case
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/(?:[0-9]{1,15}|\*)")


async def fetch_zip(archive: Archive, published: Published, part: Path, largest: int) -> int:
    """Have all bytes of a zip in `part`; give the time of the answer, ms UTC.

    Raises `Refused` for a 403 or 404, `BadResponse` for more bytes than there can be, and
    `NetworkError` where they did not all come.
    """
    request = file_request(published.key)
    most = min(largest, 2 * published.size + _SLACK)
    seconds = archive.timeout + most / _SLOWEST

    async def take(answer: httpx.Response) -> int:
        if answer.status_code in ABSENT:
            raise refused(request, answer.status_code)
        offset = _offset(answer, part)
        async with within(seconds, request.path):
            await _write(answer, part, offset, most)
        return dated(answer)

    def headers() -> dict[str, str]:
        had = _had(part) if archive.files.ranges else 0
        return {"Range": f"bytes={had}-"} if had else {}

    return await archive.files.ask(request, take, headers=headers)


def _had(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _offset(answer: httpx.Response, part: Path) -> int:
    """Give where the bytes of an answer belong: at the end of the part, or all anew."""
    if answer.status_code == 200:
        return 0
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status_code == 206 and found is not None and int(found[1]) == _had(part):
        return int(found[1])
    raise _dropped(part, f"{answer.request.url.path} came in another part than was asked for")


async def _write(answer: httpx.Response, part: Path, offset: int, most: int) -> None:
    """Put a body into the part. Raises `BadResponse` as soon as there are too many bytes."""
    size = offset + _promised(answer)
    with part.open("ab" if offset else "wb") as file:
        if size <= most:
            size = offset
            async for piece in answer.aiter_raw():
                size += len(piece)
                if size > most:
                    break
                file.write(piece)
                file.flush()  # who is killed now need not fetch this again
    if size > most:
        raise _dropped(part, f"{answer.request.url.path} has more than {most:,} bytes")


def _promised(answer: httpx.Response) -> int:
    said = answer.headers.get("content-length", "")[:_DIGITS]
    return int(said) if said.isascii() and said.isdigit() else 0


def _dropped(part: Path, why: str) -> BadResponse:
    """Drop a part, and give the error that has the file asked for again."""
    part.unlink(missing_ok=True)
    return BadResponse(f"{why}: it was dropped")
