"""A bucket as a place of objects: one PUT with a condition is a write, and there are no locks.

Each object is put, and read, whole by one request. Each put carries a mark of its own, by which it
is known again where a store did not say whether it came through.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from marketkit.data.lake.format.objects import Conflict, Objects, Version
from marketkit.data.lake.places.address import Address, Endpoint
from marketkit.data.lake.places.failure import Kind, kind_of, told
from marketkit.data.lake.places.patience import Patience, patiently
from marketkit.errors import MissingExtra
from marketkit.net import fork

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig

_T = TypeVar("_T")

_MARK = "write"  # the metadata of an object that names the put it came with
_CLOCKS = ".clock"  # the folder of objects by whose times a store's clock is read


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
        self._store = _store_of(address) if store is None else store
        self._root = f"{address.folder}/" if address.folder else ""
        # Ceph's gateway knows an ETag in a condition without quotes only, other stores with them.
        self._quoted = address.scheme != "s3"
        self._counts = address.scheme == "gs"

    def __repr__(self) -> str:
        return f"Bucket({self.url!r})"

    def list(self, prefix: str) -> Iterator[tuple[str, Version]]:
        """List the objects whose keys begin with a prefix, in no order."""
        folder = f"{self._root}{prefix}".rpartition("/")[0]

        def pages() -> list[Any]:
            return [each for page in _library().list(self._store, folder or None) for each in page]

        for each in self._safely(prefix, pages):
            key = each["path"].removeprefix(self._root)
            if each["path"].startswith(self._root) and key.startswith(prefix):
                yield key, _version(each)

    def read(self, key: str, version: Version | None = None) -> tuple[bytes, Version]:
        """Read all bytes of an object by one request, of a version or as it is now."""
        return self._get(key, version)

    def tail(self, key: str, version: Version, count: int) -> bytes:
        """Read the last bytes of a version of an object, or all where it is shorter."""
        start = max(0, version.size - count)
        if start == version.size:
            return b""
        # Not by a suffix: one kind of stores has no such ranges.
        return self._get(key, version, range=(start, version.size))[0]

    def written_at(self, key: str) -> tuple[Version, int]:
        """Give the newest version of an object and when it was written, in ms UTC."""
        seen = self._head(key)
        return _version(seen.meta), round(seen.meta["last_modified"].timestamp() * 1000)

    def now(self) -> int:
        """Give the time by the store's own clock, in ms UTC, cut to whole seconds by some."""
        key = f"{_CLOCKS}/{secrets.token_hex(8)}"
        self.put(key, b"?", None)
        version, moment = self.written_at(key)
        self.delete(key, version)
        return moment

    def put(self, key: str, content: bytes, expected: Version | None) -> Version:
        """Put an object in the place of a version, None for a new one; it is safe on return.

        After every answer but a plain yes the object is looked at: it is of this very put, or still
        as it was expected, and is put again, or another one's (`Conflict`).
        """
        fork.check()
        patience, mark = Patience(), secrets.token_hex(8)
        while True:
            try:
                return self._put(key, content, expected, mark)
            except Conflict:
                raise
            except Exception as error:
                if kind_of(error) not in {Kind.CHANGED, Kind.BUSY, Kind.AWAY, Kind.MISSING}:
                    raise told(error, self.url) from error
                landed = self._landed(key, expected, mark)
                if landed is not None:
                    return landed
                if not patience.bears(error):
                    raise told(error, self.url) from error

    def copy(self, key: str, version: Version, target: str) -> None:
        """Give a version of an object a second key, within the store; one that is there stays."""
        source = self._head(key)
        if _version(source.meta) != version:
            raise self._conflict(key)
        with suppress(FileNotFoundError):
            self._head(target)
            return
        mark = source.attributes.get(_MARK)
        if mark is None:  # another program put it, so that a copy could not be told from another
            with suppress(Conflict):
                self.put(target, self.read(key, version)[0], None)
            return
        self._safely(key, lambda: _library().copy(self._store, self._path(key), self._path(target)))
        made = self._head(target)
        if made.attributes.get(_MARK) != mark:  # the object was replaced meanwhile
            self.delete(target, _version(made.meta))
            raise self._conflict(key)

    def delete(self, key: str, version: Version) -> None:
        """Delete a version of an object; one that is gone already is no failure.

        Stores have no condition for this that all of them know, so the object is looked at just
        before.
        """
        try:
            if _version(self._head(key).meta) != version:
                raise self._conflict(key)
            self._safely(key, lambda: _library().delete(self._store, self._path(key)))
        except FileNotFoundError:
            return

    def changing(self, lock: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Keep nobody out: who puts, names the version that he has read."""
        return nullcontext()

    def _put(self, key: str, content: bytes, expected: Version | None, mark: str) -> Version:
        done = _library().put(
            self._store,
            self._path(key),
            content,
            attributes={_MARK: mark},
            mode=self._mode(key, expected),
            use_multipart=False,  # conditions are for one request
        )
        return Version(len(content), _tag(done["e_tag"]))

    def _mode(self, key: str, expected: Version | None) -> PutMode:
        if expected is None:
            return "create"
        if not self._counts:
            return {"e_tag": self._spelled(expected.tag)}
        # Google's stores go by the number of a version, which no list tells.
        seen = self._head(key).meta
        if _version(seen) != expected:
            raise self._conflict(key)
        return {"e_tag": seen["e_tag"], "version": seen["version"]}

    def _landed(self, key: str, expected: Version | None, mark: str) -> Version | None:
        """Give the version of a put that came through after all, None where nothing has changed.

        Raises `Conflict` where another writer's is there.
        """
        try:
            seen = self._head(key)
        except FileNotFoundError:
            if expected is None:
                return None
            raise self._conflict(key) from None
        if seen.attributes.get(_MARK) == mark:
            return _version(seen.meta)
        if expected is None or _version(seen.meta) != expected:
            raise self._conflict(key)
        return None

    def _get(self, key: str, version: Version | None, **how: Any) -> tuple[bytes, Version]:
        options = how if version is None else {**how, "if_match": self._spelled(version.tag)}

        def work() -> tuple[bytes, Version]:
            got = _library().get(self._store, self._path(key), options=options)
            return bytes(got.bytes()), _version(got.meta)

        content, seen = self._safely(key, work)
        if version is not None and seen != version:
            raise self._conflict(key)
        return content, seen

    def _head(self, key: str) -> Any:
        library = _library()
        return self._safely(
            key, lambda: library.get(self._store, self._path(key), options={"head": True})
        )

    def _safely(self, key: str, work: Callable[[], _T]) -> _T:
        """Do what may be done twice, and raise errors in our words."""
        fork.check()
        try:
            return patiently(work)
        except Exception as error:
            kind = kind_of(error)
            if kind is Kind.MISSING:
                raise FileNotFoundError(errno.ENOENT, "no such object", self._full(key)) from None
            if kind is Kind.CHANGED:
                raise self._conflict(key) from None
            raise told(error, self.url) from error

    def _path(self, key: str) -> str:
        return self._root + key

    def _full(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _spelled(self, tag: str) -> str:
        return f'"{tag}"' if self._quoted else tag

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"{self._full(key)} is not as it was read: another writer came first")


def _library() -> Any:
    try:
        import obstore  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra("obstore", "s3") from None
    return obstore


def _version(meta: Any) -> Version:
    return Version(meta["size"], _tag(meta["e_tag"]))


def _tag(etag: str | None) -> str:
    return (etag or "").strip('"')


def _store_of(address: Address) -> Any:
    """Make the library's store; retries are ours, for it would hide that a put may have landed."""
    _library()
    from obstore import store  # noqa: PLC0415 - an extra

    endpoint = Endpoint.of(address.scheme)
    client: ClientConfig = {
        "connect_timeout": "5s",
        "timeout": "30s",
        "allow_http": endpoint.plain,
    }
    kind = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[address.scheme]
    told_by = {} if endpoint.url is None else {"endpoint": endpoint.url}
    made: Any = kind
    return made(address.bucket, client_options=client, retry_config={"max_retries": 0}, **told_by)
