"""The library's stores: one request for each call, never sent twice, with the library's errors.

Each put carries a mark in the metadata, by which an object is known again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from marketkit.data.lake.format.objects import Version
from marketkit.data.lake.places.address import Address, Endpoint
from marketkit.errors import MissingExtra

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig

# Seconds until an answer is taken for lost, in which a slow line sends all of a large object.
TIMEOUT = 60
_CONNECT = 5  # seconds until nobody is taken to listen
_MARK = "write"  # the name of the mark among the metadata


class Seen(NamedTuple):
    """One version of an object, with what goes with it; `mark` is None for another program's."""

    version: Version
    time: int  # when it was written, in ms UTC by the store's clock
    mark: str | None
    content: bytes
    number: str | None  # that some stores give each version


class Store:
    """A store, and the folder in there of which all keys are below."""

    def __init__(self, address: Address, library: Any = None) -> None:
        """Take an address, or a store of the library in the place of that of the address."""
        self.library = _store_of(address) if library is None else library
        self._root = f"{address.folder}/" if address.folder else ""
        # Ceph's gateway knows an ETag in a condition without quotes only, other stores with them.
        self._quoted = address.scheme != "s3"
        # Google's stores replace by the number of a version, which no list tells.
        self.counts = address.scheme == "gs"

    def list(self, prefix: str) -> list[tuple[str, Version]]:
        """List the objects whose keys begin with a prefix."""
        folder = f"{self._root}{prefix}".rpartition("/")[0]
        start = len(self._root)
        return [
            (each["path"][start:], _version(each))
            for page in _library().list(self.library, folder or None)
            for each in page
            if each["path"].startswith(self._root + prefix)
        ]

    def get(self, key: str, version: Version | None = None, start: int = 0) -> Seen:
        """Read an object from a byte on, of a version or as it is now."""
        options: dict[str, Any] = {} if version is None else {"if_match": self._spelled(version)}
        if version is not None and start:  # not by a suffix: one kind of stores has no such ranges
            options["range"] = (start, version.size)
        return self._seen(key, options)

    def head(self, key: str) -> Seen:
        """Look at an object without reading it."""
        return self._seen(key, {"head": True})

    def put(self, key: str, content: bytes, over: Version | Seen | None, mark: str) -> Version:
        """Put an object in the place of another, None for a new one."""
        done = _library().put(
            self.library,
            self._root + key,
            content,
            attributes={_MARK: mark},
            mode="create" if over is None else self._mode(over),
            use_multipart=False,  # conditions are for one request
        )
        return Version(len(content), _tag(done["e_tag"]))

    def copy(self, key: str, target: str) -> None:
        """Copy an object as it is now, with its mark, in the place of any other."""
        _library().copy(self.library, self._root + key, self._root + target)

    def delete(self, key: str) -> None:
        """Delete an object as it is now."""
        _library().delete(self.library, self._root + key)

    def _seen(self, key: str, options: dict[str, Any]) -> Seen:
        got = _library().get(self.library, self._root + key, options=options)
        content = b"" if "head" in options else bytes(got.bytes())
        time = round(got.meta["last_modified"].timestamp() * 1000)
        mark = got.attributes.get(_MARK)
        return Seen(_version(got.meta), time, mark, content, got.meta["version"])

    def _mode(self, over: Version | Seen) -> PutMode:
        if isinstance(over, Version):
            return {"e_tag": self._spelled(over)}
        tag = self._spelled(over.version)
        return {"e_tag": tag} if over.number is None else {"e_tag": tag, "version": over.number}

    def _spelled(self, version: Version) -> str:
        return f'"{version.tag}"' if self._quoted else version.tag


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
        "connect_timeout": f"{_CONNECT}s",
        "timeout": f"{TIMEOUT}s",
        "allow_http": endpoint.plain,
    }
    kind: Any = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[address.scheme]
    name = "base_url" if address.scheme == "gs" else "endpoint"
    more: dict[str, Any] = {} if endpoint.url is None else {name: endpoint.url}
    if address.scheme == "s3":
        more["disable_bulk_delete"] = True  # which only some stores have
    return kind(address.bucket, client_options=client, retry_config={"max_retries": 0}, **more)
