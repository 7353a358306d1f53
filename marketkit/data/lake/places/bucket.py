"""A bucket as a place of objects: one PUT with a condition is a write, and there are no locks.

Each object is put, and read, whole by one request. Stores have no condition for deleting that all
of them know, so a deleted object first gives way to a stone, a small object that counts as none.
"""

from __future__ import annotations

import errno
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar

from marketkit.data.lake.format.objects import Conflict, Objects, Removing, Version
from marketkit.data.lake.places.address import Address
from marketkit.data.lake.places.failure import Kind, is_undone, kind_of, told
from marketkit.data.lake.places.patience import Patience, patiently
from marketkit.data.lake.places.store import TIMEOUT, Seen, Store
from marketkit.errors import LakeError, MarketkitError
from marketkit.net import fork

_log = logging.getLogger("marketkit.lake")

_T = TypeVar("_T")

_CLOCKS = ".clock"  # the folder of objects by whose times a store's clock is read
_STONE = "gone-"  # how the marks of stones begin
_WORDS = "marketkit deleted this object: "  # how a stone begins, and its mark follows
_STONE_SIZE = len(_WORDS + _STONE) + 16
_SOON = 20.0  # seconds from a stone until its writer does not delete it any more
# A request to delete that was sent so late has come through, or never will: a stone of that age,
# twice, is a dead writer's.
_OLD = 2 * (_SOON + TIMEOUT) * 1000  # ms


class Bucket(Objects):
    """The objects below a folder of a bucket."""

    def __init__(self, url: str, store: Any = None) -> None:
        """Take the address; nothing is asked yet.

        A store of the library stands in for that of the URL, which is then free, as `memory://a/b`.
        Raises `InputError` for a URL that names no bucket, `MissingExtra` without the library.
        """
        fork.check()
        fork.serving()  # the library's threads would be missing in a child made by `fork`
        address = Address.of(url) if store is None else Address.free(url)
        self.url = address.url
        try:
            self._store = Store(address, store)
        except MarketkitError:
            raise
        except Exception as error:  # the library looks into the environment
            raise told(error, self.url) from error

    def __repr__(self) -> str:
        return f"Bucket({self.url!r})"

    def below(self, folder: str) -> Bucket:
        """Give the objects of a folder as a place of its own, in the same store."""
        return Bucket(f"{self.url}/{folder}", self._store.library)

    def list(self, prefix: str) -> Iterator[tuple[str, Version]]:
        """List the objects whose keys begin with a prefix, in no order."""
        for key, version in self._safely(prefix, lambda: self._store.list(prefix)):
            if version.size != _STONE_SIZE or self._is_there(key):
                yield key, version

    def read(self, key: str, version: Version | None = None) -> tuple[bytes, Version]:
        """Read all bytes of an object by one request, of a version or as it is now."""
        seen = self._got(key, lambda: self._store.get(key, version))
        self._check(key, seen, version)
        return seen.content, seen.version

    def tail(self, key: str, version: Version, count: int) -> bytes:
        """Read the last bytes of a version of an object, or all where it is shorter."""
        start = max(0, version.size - count)
        if start == version.size:
            return b""
        seen = self._got(key, lambda: self._store.get(key, version, start))
        self._check(key, seen, version)
        return seen.content

    def written_at(self, key: str) -> tuple[Version, int]:
        """Give the newest version of an object and when it was written, in ms UTC."""
        seen = self._look(key)
        return seen.version, seen.time

    def now(self) -> int:
        """Give the time by the store's own clock, in ms UTC, cut to whole seconds by some."""
        key = f"{_CLOCKS}/{secrets.token_hex(8)}"
        self.put(key, b"?", None)
        moment = self._look(key).time
        with suppress(Exception):  # it is litter at worst
            self._store.delete(key)
        return moment

    def put(self, key: str, content: bytes, expected: Version | None) -> Version:
        """Put an object in the place of a version, None for a new one; it is safe on return.

        After every answer but a plain yes the object is looked at: it is of this very put, or still
        as it was expected, and is put again, or another one's (`Conflict`).
        """
        return self._put(key, content, expected, secrets.token_hex(8))

    def copy(self, key: str, version: Version, target: str) -> None:
        """Give a version of an object a second key, within the store; one that is there stays."""
        source = self._look(key)
        self._check(key, source, version)
        there = self._raw(target)
        if there is not None and not _is_stone(there):
            return
        if there is not None or source.mark is None:  # another program's could be of any version
            try:
                self.put(target, self.read(key, version)[0], None)
            except Conflict:
                if not self._is_there(target):
                    raise
            return
        self._safely(key, lambda: self._store.copy(key, target))
        made = self._look(target)
        if made.mark != source.mark:  # the object was replaced meanwhile
            self.delete(target, made.version)
            raise self._conflict(key)

    def delete(self, key: str, version: Version) -> None:
        """Delete a version of an object; one that is gone already is no failure.

        The stone is put by a condition, and nobody puts an object in its place before it is gone,
        or so old that the request to delete it cannot be on its way any more.
        """
        began, mark = time.monotonic(), _STONE + secrets.token_hex(8)
        try:
            self._put(key, (_WORDS + mark).encode(), version, mark)
        except Conflict:
            if self._is_there(key):
                raise
            return
        if not self._removes(key, began) and self._is_left(key, mark):
            where = f"{self.url}/{key}"
            said = "nothing can be put at %s for %.0f s: a deletion got no answer"
            _log.warning(said, where, _OLD / 1000)

    def changing(self, lock: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Keep nobody out: who puts, names the version that he has read."""
        return nullcontext()

    def _removes(self, key: str, began: float) -> bool:
        """Delete a stone; False where the store did not say that it is done."""
        patience = Patience()
        while time.monotonic() - began < _SOON:
            try:
                self._store.delete(key)
            except Exception as error:  # noqa: BLE001 (of the library: an object is gone in any case)
                # Sent again after a lost answer, it might meet another writer's new object.
                if not is_undone(error) or not patience.bears(error):
                    return False
            else:
                return True
        return False

    def _is_left(self, key: str, mark: str) -> bool:
        """Whether a stone is there still, as far as anybody can tell."""
        with suppress(LakeError):
            seen = self._raw(key)
            return seen is not None and seen.mark == mark
        return True

    def _put(self, key: str, content: bytes, expected: Version | None, mark: str) -> Version:
        fork.check()
        patience, over = Patience(), self._numbered(key, expected)
        while True:
            try:
                return self._store.put(key, content, over, mark)
            except Exception as error:
                if kind_of(error) is Kind.FINAL:
                    raise told(error, self.url, writing=True) from error
                failure = error
            seen = self._raw(key)
            if seen is not None and seen.mark == mark:
                return seen.version
            over = self._over(key, seen, expected)
            if not patience.bears(failure):
                raise self._given_up(key, failure, seen) from failure

    def _over(self, key: str, seen: Seen | None, expected: Version | None) -> Version | Seen | None:
        """Say in the place of what to put again; `Conflict` where that is another writer's."""
        if seen is None and expected is None:
            return None
        if seen is not None and expected is None and _is_stone(seen):
            return seen if self._left(seen) < 0 else None
        if seen is not None and seen.version == expected and not _is_stone(seen):
            return self._numbered(key, expected)
        raise self._conflict(key)

    def _left(self, stone: Seen) -> float:
        """Give the seconds until no request to delete a stone can be on its way."""
        return (_OLD - (self.now() - stone.time)) / 1000

    def _given_up(self, key: str, failure: Exception, seen: Seen | None) -> LakeError:
        if kind_of(failure) is not Kind.CHANGED:
            return told(failure, self.url, writing=True)
        if seen is not None and _is_stone(seen):
            return Removing(f"{self.url}/{key}", max(1.0, self._left(seen)))
        return self._conflict(key)  # it comes and goes

    def _numbered(self, key: str, expected: Version | None) -> Version | Seen | None:
        """Give what a put names, which is the number of the version where the store wants that."""
        if expected is None or not self._store.counts:
            return expected
        seen = self._raw(key)
        if seen is None or seen.version != expected:
            raise self._conflict(key)
        return seen

    def _raw(self, key: str) -> Seen | None:
        """Look at an object, or the stone in its place."""
        with suppress(FileNotFoundError):
            return self._safely(key, lambda: self._store.head(key))
        return None

    def _look(self, key: str) -> Seen:
        return self._got(key, lambda: self._store.head(key))

    def _is_there(self, key: str) -> bool:
        seen = self._raw(key)
        return seen is not None and not _is_stone(seen)

    def _got(self, key: str, work: Callable[[], Seen]) -> Seen:
        seen = self._safely(key, work)
        if _is_stone(seen):
            raise self._missing(key)
        return seen

    def _safely(self, key: str, work: Callable[[], _T]) -> _T:
        """Do what may be done twice, and raise errors in our words."""
        fork.check()
        try:
            return patiently(work)
        except LakeError:
            raise
        except Exception as error:
            kind = kind_of(error)
            if kind is Kind.MISSING:
                raise self._missing(key) from None
            if kind is Kind.CHANGED:
                raise self._conflict(key) from None
            raise told(error, self.url) from error

    def _check(self, key: str, seen: Seen, version: Version | None) -> None:
        if version is not None and seen.version != version:
            raise self._conflict(key)

    def _missing(self, key: str) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, "no such object", f"{self.url}/{key}")

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"{self.url}/{key} is not as it was read: another writer came first")


def _is_stone(seen: Seen) -> bool:
    return (seen.mark or "").startswith(_STONE)
