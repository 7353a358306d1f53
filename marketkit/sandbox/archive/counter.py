"""The archive's counter: paths below `/archive`, ranges of files, and statuses of XML stores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs, unquote

from marketkit.sandbox.archive.archive import CHECKSUM, Archive
from marketkit.sandbox.archive.publication import FILE_KINDS
from marketkit.sandbox.archive.tree import File
from marketkit.sandbox.faulty.strikes import Fault, Strike, Strikes
from marketkit.sandbox.markets import Markets
from marketkit.sandbox.reply import JSON, Header, Reply

PREFIX: Final = "/archive/"
_LISTING: Final = "api/v1/market-data/listing"
_RANGE: Final = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")
_STATUSES: Final = {"403": "AccessDenied", "404": "NoSuchKey"}


class Asked:
    """One request: a folder to list, or the key of a zip or a checksum."""

    def __init__(self, path: str, query: str) -> None:
        self.key = unquote(path.removeprefix(PREFIX))
        self.is_listing = self.key == _LISTING
        if self.is_listing:
            self.key = parse_qs(query).get("prefix", [""])[0]

    @property
    def is_checksum(self) -> bool:
        """Whether a checksum is asked for."""
        return not self.is_listing and self.key.endswith(CHECKSUM)

    @property
    def names(self) -> set[str]:
        """The names by which an order for a fault can mean this request, in upper case."""
        parts = self.key.split("/")
        what = "listing" if self.is_listing else "checksum" if self.is_checksum else "zip"
        stem = parts[-1].removesuffix(CHECKSUM).removesuffix(".zip")
        return {each.upper() for each in (self.key, *parts[1:2], parts[-1], stem, what)}


class Counter:
    """Answers requests to the archive."""

    def __init__(self, markets: Markets) -> None:
        self.archive = Archive(markets)

    def spoken_of(self, asked: Asked, now: int) -> list[File]:
        """Return the files that a request is about: one, or all of a listing."""
        if asked.is_listing:
            return self.archive.files(asked.key, now)
        file = self.archive.file(asked.key, now)
        return [] if file is None else [file]

    def in_force(self, asked: Asked, files: list[File], drawn: Iterable[Strike]) -> list[Strike]:
        """Return the faults that this request meets and that the file has not got yet."""
        return [
            each
            for each in drawn
            if each.kind not in FILE_KINDS
            or not (asked.is_listing or any(self.archive.suffers(one, each.kind) for one in files))
        ]

    def by_name(self, files: list[File], strikes: Strikes) -> Iterator[tuple[File, Strike]]:
        """Yield the files of a listing that have a fault ordered by name, or for all files."""
        for file in files if strikes else ():
            names = Asked(f"{PREFIX}{file.key}", "").names
            for order in strikes.met(FILE_KINDS, "archive", names):
                own = (order.symbol or "").upper() in {file.stem.upper(), file.key.upper()}
                is_due = not order.after and (own or order.times is None)
                if is_due and not self.archive.suffers(file, order.kind):
                    yield file, order

    def answer(self, asked: Asked, faults: list[Fault], now: int, ranged: str) -> Reply:
        """Answer a request to which nothing else was the answer; `ranged` is the Range."""
        refusal = next((each.kind for each in faults if each.kind in _STATUSES), None)
        if refusal is not None:
            return _refused(refusal)
        if asked.is_listing:
            return Reply(200, self.archive.listing(asked.key, now), JSON)
        file = self.archive.file(asked.key, now)
        if file is None:
            return _refused("404")
        self.archive.alter(file, [each for each in faults if each.kind in FILE_KINDS])
        offers = not any(each.kind == "no-ranges" for each in faults)
        return self._file(file, asked, ranged if offers else "", offers=offers)

    def _file(self, file: File, asked: Asked, ranged: str, *, offers: bool) -> Reply:
        body = self.archive.checksum(file) if asked.is_checksum else self.archive.zip(file)
        if body is None:
            return _refused("404")
        kind = "text/plain" if asked.is_checksum else "application/zip"
        reply = Reply(200, body, kind)
        if not offers:
            return reply
        offer: Header = (b"Accept-Ranges", b"bytes")
        found = _RANGE.fullmatch(ranged)
        return replace(reply, headers=(offer,)) if found is None else _part(reply, found, offer)


def _part(whole: Reply, asked: re.Match[str], offer: Header) -> Reply:
    """Return a part of a file; 416 for one behind the end."""
    size, start = len(whole.body), int(asked[1])
    last = min(size - 1, int(asked[2]) if asked[2] else size - 1)
    if start > last:
        range_of = (b"Content-Range", f"bytes */{size}".encode())
        return replace(whole, status=416, body=b"", headers=(offer, range_of))
    range_of = (b"Content-Range", f"bytes {start}-{last}/{size}".encode())
    return replace(whole, status=206, body=whole.body[start : last + 1], headers=(offer, range_of))


def _refused(kind: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{_STATUSES[kind]}</Code></Error>'
    return Reply(int(kind), body.encode(), "application/xml")
