"""Listings of the archive: the children of one folder, files and folders. Pure.

A listing is the only word on what exists. Its shape is one flat JSON array of `{key, size,
lastModified, type}`; an answer or an entry of another shape is an error, never fewer files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from marketkit.errors import BadResponse, InvalidRange, plain
from marketkit.exchange.dialect import Request
from marketkit.exchange.upbit.archive.keys import checked_key
from marketkit.timeframe import parse_time

LISTING = "/api/v1/market-data/listing"
GROUP = "archive"  # of requests; no rate limit of it is known
_NUMBER = r"[0-9]{1,16}(?:\.[0-9]{1,9})?"
_MILLISECONDS = 1e11  # as seconds that is the year 5138, as milliseconds 1973
_KINDS = {"DIRECTORY": True, "FILE": False}


class Entry(NamedTuple):
    """One child of a folder: `size` in bytes, `modified` in the archive's spelling."""

    key: str
    size: int
    modified: str | None
    is_folder: bool


def listing_request(folder: str) -> Request:
    """Ask for the children of a folder, spelt without a slash at an end."""
    return Request(LISTING, (("prefix", folder),), GROUP)


def file_request(key: str) -> Request:
    """Ask for a file."""
    return Request(f"/{key}", (), GROUP)


def read_listing(body: bytes, folder: str) -> tuple[Entry, ...]:
    """Read the answer about a folder. Raises `BadResponse` that names the folder."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadResponse(
            f"the archive's listing of {folder} is no JSON: {_glimpse(body)}"
        ) from None
    if not isinstance(said, list):
        raise BadResponse(f"the archive's listing of {folder} is no list: {_glimpse(body)}")
    found: dict[str, Entry] = {}
    for each in said:
        entry = _entry(each, folder)
        if found.setdefault(entry.key, entry) != entry:
            raise BadResponse(f"the archive's listing of {folder} has {entry.key} twice, unlike")
    return tuple(found.values())


def moment_of(modified: str | None) -> int | None:
    """Read the stamp of a file, ms UTC; None for none, and for a spelling that is not understood.

    >>> moment_of("2025-01-02T01:00:00Z") == moment_of("1735779600") == moment_of("1735779600000")
    True
    """
    if modified is None:
        return None
    try:
        if re.fullmatch(_NUMBER, modified):
            number = float(modified)
            return int(number if number >= _MILLISECONDS else number * 1000)
        return parse_time(modified)
    except InvalidRange:
        return None


def _entry(said: Any, folder: str) -> Entry:
    if not isinstance(said, Mapping):
        raise _other(folder, said)
    key, size, kind = said.get("key"), said.get("size"), said.get("type")
    modified = said.get("lastModified")
    is_folder = _KINDS.get(kind) if isinstance(kind, str) else None
    if is_folder is None or not _is_stamp(modified) or type(size) is not int or size < 0:
        raise _other(folder, said)
    name = checked_key(key)
    if name.rpartition("/")[0] != folder:
        raise BadResponse(f"the archive's listing of {folder} has {plain(name, 80)!r}: not in it")
    stamp = None if modified is None else plain(str(modified), 40)
    return Entry(name, size, stamp, is_folder)


def _is_stamp(modified: object) -> bool:
    """Say whether something can be a time: the spelling is not known, folders have none."""
    is_number = isinstance(modified, int | float) and not isinstance(modified, bool)
    return modified is None or is_number or isinstance(modified, str)


def _other(folder: str, said: object) -> BadResponse:
    shown = plain(json.dumps(said, default=str), 120)
    return BadResponse(f"the archive's listing of {folder} has an entry of another shape: {shown}")


def _glimpse(body: bytes) -> str:
    return plain(repr(body[:60].decode("utf-8", "replace"))) if body else "an empty body"
