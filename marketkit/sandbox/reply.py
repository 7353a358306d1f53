"""Answers as sent over the wire: status, headers in their casing, body."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final, Literal

Header = tuple[bytes, bytes]
LimitBody = Literal["text", "json"]

JSON: Final = "application/json;charset=UTF-8"
_GZIP_FROM: Final = 256  # recorded: 139 bytes came plain, 287 compressed
_NO_CACHE: Final[Sequence[Header]] = (
    (b"Cache-Control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"Pragma", b"no-cache"),
    (b"Expires", b"0"),
    (b"Connection", b"keep-alive"),
)
_LOWER_VARY: Final = (
    b"origin,access-control-request-method,access-control-request-headers,accept-encoding"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `remaining` is the Remaining-Req of a routed request.

    Of the headers it has only those that take the place of the right ones.
    """

    status: int
    body: bytes
    content_type: str = JSON
    remaining: str | None = None
    headers: tuple[Header, ...] = ()

    def wire(self, now: int, *, gzipped: bool) -> tuple[list[Header], bytes]:
        """Return headers and body as sent at the sandbox time `now` (ms UTC)."""
        headers, body = self._right(now, gzipped=gzipped)
        own = {name.lower() for name, _ in self.headers}
        return [each for each in headers if each[0].lower() not in own] + [*self.headers], body

    def _right(self, now: int, *, gzipped: bool) -> tuple[list[Header], bytes]:
        headers = [
            (b"Date", formatdate(now // 1000, usegmt=True).encode()),
            (b"Content-Type", self.content_type.encode()),
        ]
        if self.remaining is not None:
            digest = hashlib.md5(self.body, usedforsecurity=False).hexdigest()
            headers += [
                (b"Remaining-Req", self.remaining.encode()),
                (b"Limit-By-Ip", b"Yes"),
                (b"ETag", f'W/"0{digest}"'.encode()),
                *_NO_CACHE,
            ]
        if gzipped and len(self.body) >= _GZIP_FROM:
            # No length: the server sends it chunked, as the exchange does.
            headers += [(b"Vary", _LOWER_VARY), (b"Content-Encoding", b"gzip")]
            return headers, gzip.compress(self.body, compresslevel=1, mtime=0)
        headers += [(b"Vary", b"Origin"), (b"Content-Length", str(len(self.body)).encode())]
        return headers, self.body


def no_route() -> Reply:
    """Answer a path that does not exist, as the gateway does: no Remaining-Req."""
    body = b'{"error":{"name":"not_found","message":"no Route matched with those values"}}'
    return Reply(404, body, "application/json; charset=utf-8")


def foreign(server: tuple[str, int]) -> Reply:
    """Answer a page of another origin, or another host's name, at the control endpoint."""
    address = f"http://{server[0]}:{server[1]}/sandbox/"
    message = f"Ask {address} by this name, and not from a page of another origin."
    return Reply(403, f'{{"error":{{"name":403,"message":"{message}"}}}}'.encode())


def too_long() -> Reply:
    """Answer a URL that is too long, as gateways do: before anything is counted, with HTML."""
    body = b"<html><head><title>414 Request-URI Too Large</title></head></html>"
    return Reply(414, body, "text/html")


def refused(status: int, kind: LimitBody, remaining: str, seconds: int | str = 60) -> Reply:
    """Answer 429 or 418; the bodies are not recorded anywhere, so their kind can be chosen."""
    if status == 429:
        name, message = "too_many_requests", "Too many API requests."
    else:
        name, message = "banned", f"This IP is blocked. Try again in {seconds} seconds."
    if kind == "text":
        return Reply(status, message.encode(), "text/plain;charset=UTF-8", remaining)
    body = f'{{"error":{{"name":"{name}","message":"{message}"}}}}'
    return Reply(status, body.encode(), JSON, remaining)


def failed(remaining: str) -> Reply:
    """Answer 500; no body of one is recorded anywhere."""
    body = b'{"error":{"name":500,"message":"Internal server error"}}'
    return Reply(500, body, JSON, remaining)


def maintenance_page(remaining: str) -> Reply:
    """Answer 200 with a page of HTML where data was expected."""
    body = b"<!DOCTYPE html><html><body><h1>Under maintenance</h1></body></html>"
    return Reply(200, body, "text/html;charset=UTF-8", remaining)
