"""Objects of a lake by key, on a disk or in a bucket: one that was seen gives way only to a newer.

A key is a path below the lake's root with slashes, such as
`source=upbit/timeframe=1min/symbol=KRW-BTC/2024-01.parquet`. Each write of an object makes a new
version; who replaces or deletes one names the version that he has read, and is refused where
another came first. So a writer reads, merges and puts, and on `Conflict` does all that again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from marketkit.errors import LakeError


class Version(NamedTuple):
    """One version of an object: the size in bytes, and the words by which its store knows it.

    The tag of a file are its time and inode, that of an object in a bucket its ETag, unquoted.
    """

    size: int
    tag: str


class Conflict(LakeError):
    """The object is not of the version that was expected: another writer came first."""


class Removing(Conflict):
    """The object was deleted without an answer: one that is put there now might go with it.

    `left` are the seconds until that cannot happen any more.
    """

    def __init__(self, where: str, left: float) -> None:
        super().__init__(
            f"{where} was deleted, and the store has not said whether it is done: an object that is"
            f" put there now might be deleted, too;\nask again in {left:.0f} s, when that is over:"
            " nothing was written there"
        )
        self.left = left


class Objects(Protocol):
    """A place of objects. No method caches; each raises `LakeError` in words for what fails.

    `FileNotFoundError` is raised for an object that is not there, `Conflict` where a version is
    given and the object is of another one.
    """

    def list(self, prefix: str) -> Iterator[tuple[str, Version]]:
        """List the objects whose keys begin with a prefix, in no order."""
        ...

    def read(self, key: str, version: Version | None = None) -> tuple[bytes, Version]:
        """Read all bytes of an object, of a version or as it is now."""
        ...

    def written_at(self, key: str) -> tuple[Version, int]:
        """Give the newest version of an object and when it was written, in ms UTC.

        By the store's clock, as `now` gives it: ages are differences of the two.
        """
        ...

    def now(self) -> int:
        """Give the time by the store's own clock, in ms UTC (never this machine's)."""
        ...

    def tail(self, key: str, version: Version, count: int) -> bytes:
        """Read the last bytes of a version of an object, or all where it is shorter."""
        ...

    def put(self, key: str, content: bytes, expected: Version | None) -> Version:
        """Put an object in the place of a version, None for a new one; it is safe on return.

        Raises `Conflict` and changes nothing where the object is of another version, or is there
        although none was expected. Where the store does not say whether a put came through
        (a lost answer, a busy store), the caller is told `Conflict`, too: what is there counts.
        """
        ...

    def copy(self, key: str, version: Version, target: str) -> None:
        """Give a version of an object a second key; one that is there already stays."""
        ...

    def delete(self, key: str, version: Version) -> None:
        """Delete a version of an object; one that is gone already is no failure."""
        ...

    def changing(self, lock: str) -> AbstractContextManager[None]:
        """Be the only one who holds a lock, as `.locks/1min/KRW-BTC.lock`; a bucket has none."""
        ...
