"""The checksum that the archive publishes beside each zip. Pure."""

from __future__ import annotations

import re

from marketkit.errors import BadResponse, plain
from marketkit.exchange.upbit.archive.keys import CHECKSUM

LARGEST = 4096  # bytes; real ones have 64
# The bare digest is what was seen; the tool of every system writes a name behind it.
_DIGEST = re.compile(r"([0-9A-Fa-f]{64})(?:[ \t]+\*?(?P<name>\S+))?")


def checksum_key(key: str) -> str:
    """Give the key of the checksum of a zip."""
    return key + CHECKSUM


def read_checksum(body: bytes, key: str) -> str:
    """Read the SHA-256 of a zip, in lower case. Raises `BadResponse` that names the key.

    >>> read_checksum(b"AB" * 32 + b"  x.zip", "y/x.zip")[:6]
    'ababab'
    """
    said = body[: LARGEST + 1].decode("ascii", "replace").lstrip("\ufeff").strip()
    found = _DIGEST.fullmatch(said)
    if found is None:
        raise BadResponse(f"{checksum_key(key)} is no SHA-256: {plain(said, 80)!r}")
    name = found["name"]
    if name is not None and name.rpartition("/")[2] != key.rpartition("/")[2]:
        raise BadResponse(f"{checksum_key(key)} is of another file: {plain(name, 80)!r}")
    return found[1].lower()
