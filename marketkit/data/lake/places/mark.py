"""`lake.json` of a bucket: it makes a folder a lake, and says that its store can keep one.

Two writers of one object are told apart by conditions of the store alone: one that took a second
object in the place of the first would lose rows without a word.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from weakref import WeakSet

from marketkit.data.lake.format.marker import FORMAT, JOURNALLED, NAME
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.objects import Conflict, Removing, Version
from marketkit.data.lake.places.bucket import Bucket
from marketkit.errors import CorruptFile, LakeError, NewerFormat, NotWritable
from marketkit.settings import library_version

_PROBES = ".probe"  # the folder of objects that try a store

_prepared: WeakSet[Bucket] = WeakSet()


def check(bucket: Bucket) -> bool:
    """Say whether there is a lake. Raises `NewerFormat`, and `CorruptFile` for nonsense."""
    return _read(bucket) is not None


def prepare(bucket: Bucket) -> None:
    """Make sure that there is a lake that takes writes; the store is tried once for each lake.

    Raises as `check`, and `NotWritable` for a store that does not keep conditions.
    """
    if bucket in _prepared:
        return
    found = _read(bucket)
    if found is None or found[0] != bucket.url:
        probe(bucket)
        _write(bucket, None if found is None else found[1])
    _prepared.add(bucket)


def replace(bucket: Bucket, version: Version) -> None:
    """Put a new mark in the place of a damaged one. Raises `Conflict`, and as `prepare`."""
    probe(bucket)
    _write(bucket, version)


def forget(bucket: Bucket) -> None:
    """Prepare a bucket anew next time: the mark was found wanting."""
    _prepared.discard(bucket)


def probe(bucket: Bucket) -> None:
    """Try whether a store keeps both conditions. Raises `NotWritable` for one that does not."""
    key = f"{_PROBES}/{secrets.token_hex(8)}"
    first = bucket.put(key, b"first", None)
    try:
        if _is_taken(bucket, key, None):
            raise _careless(bucket, "takes a new object in the place of one that is there")
        if not _is_taken(bucket, key, first):
            raise _careless(bucket, "refuses an object in the place of the one that is there")
        if _is_taken(bucket, key, first):
            raise _careless(bucket, "takes an object in the place of a newer one")
    finally:
        with suppress(LakeError, FileNotFoundError):
            bucket.delete(key, bucket.written_at(key)[0])


def _is_taken(bucket: Bucket, key: str, expected: Version | None) -> bool:
    """Whether a store takes an object in the place of a version."""
    try:
        bucket.put(key, secrets.token_bytes(8), expected)
    except Conflict:
        return False
    return True


def _careless(bucket: Bucket, deed: str) -> NotWritable:
    return NotWritable(
        f"{bucket.url}: this store {deed}: two writers would lose rows;\n"
        "use one that keeps If-Match and If-None-Match, as AWS, Google, Azure, R2 and Ceph do"
    )


def _read(bucket: Bucket) -> tuple[str | None, Version] | None:
    """Read the mark: the address whose store was tried, and the version of the mark."""
    try:
        content, version = bucket.read(NAME)
    except FileNotFoundError:
        return None
    try:
        mark = json.loads(content)
        newer, probed = mark["format"] > JOURNALLED, mark.get("probed")
    except NONSENSE as error:
        raise CorruptFile(
            f"{bucket.url}/{NAME} does not say what format the lake has: {error!r}"
        ) from error
    if newer:
        raise NewerFormat(
            f"{bucket.url} has format {mark['format']}; this marketkit reads up to {JOURNALLED}:"
            " update it"
        )
    return probed, version


def _write(bucket: Bucket, version: Version | None) -> None:
    mark = {"format": FORMAT, "library": library_version(), "probed": bucket.url}
    try:
        bucket.put(NAME, (json.dumps(mark) + "\n").encode(), version)
    except Removing:
        raise
    except Conflict:  # another was as fast, and what is there counts
        if not check(bucket):
            raise LakeError(f"{bucket.url}/{NAME} comes and goes: another deletes it") from None
