"""A folder of this machine as a place of objects: each is a file, put there whole by a rename."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from marketkit import disk
from marketkit.data.lake.format.objects import Conflict, Objects, Version
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.places.locks import held
from marketkit.disk.system import remove
from marketkit.errors import InputError, NotWritable

_WAIT = 60.0  # seconds to wait for another writer
_LOCKS = 256  # files whose locks guard all keys, each those with one remainder


class Disk(Objects):
    """The objects below a folder."""

    def __init__(self, root: Path) -> None:
        """Take the folder, which need not be there before the first object is."""
        self.root = root

    def __repr__(self) -> str:
        return f"Disk({str(self.root)!r})"

    def list(self, prefix: str) -> Iterator[tuple[str, Version]]:
        """List the objects whose keys begin with a prefix, in no order; half written ones are none.

        The folder of the prefix is looked through, and those below it whose names fit.
        """
        folder, _, start = prefix.rpartition("/")
        if prefix:
            self._path(folder or start)
        for key, status in _files(str(self.root), f"{folder}/" if folder else "", start):
            yield key, _version(status)

    def read(self, key: str, version: Version | None = None) -> tuple[bytes, Version]:
        """Read all bytes of a file, of a version or as it is now."""
        return self._get(key, version, 0)

    def tail(self, key: str, version: Version, count: int) -> bytes:
        """Read the last bytes of a version of a file, or all where it is shorter."""
        return self._get(key, version, max(0, version.size - count))[0]

    def written_at(self, key: str) -> tuple[Version, int]:
        """Give the newest version of a file and when it was written, in ms UTC."""
        with self._reading(key) as path:
            status = path.stat()
        return _version(status), status.st_mtime_ns // 1_000_000

    def now(self) -> int:
        """Give the time by which the folder's file system dates files, in ms UTC."""
        with self._writing():
            disk.make_folder(self.root)
            return disk.file_time(self.root) // 1_000_000

    def put(self, key: str, content: bytes, expected: Version | None) -> Version:
        """Put a file in the place of a version, None for a new one; it is safe on return."""
        with self._alone(key) as path:
            if self._seen(path) != expected:
                raise self._conflict(key)
            disk.make_folder(path.parent)
            return _version(disk.write_atomic(path, lambda file: _fill(file, content, expected)))

    def copy(self, key: str, version: Version, target: str) -> None:
        """Give a version of a file a second name; one that is there already stays."""
        with self._alone(target) as path:
            if os.path.lexists(path):
                return
            source = self._path(key)
            disk.make_folder(path.parent)
            disk.link(str(source), str(path))
            # A file that was replaced just before has given the name to a later version.
            if version not in {self._seen(path), self._seen(source)}:
                remove(path)
                raise self._conflict(key)
            disk.sync_folder(path.parent)

    def delete(self, key: str, version: Version) -> None:
        """Delete a version of a file; one that is gone already is no failure."""
        with self._alone(key) as path:
            seen = self._seen(path)
            if seen is None:
                return
            if seen != version:
                raise self._conflict(key)
            remove(path)
            disk.sync_folder(path.parent)

    def changing(self, lock: str) -> AbstractContextManager[None]:
        """Be the only one who holds a lock; others wait for a minute, and then raise."""
        return held(self._path(lock), _WAIT)

    def _get(self, key: str, version: Version | None, start: int) -> tuple[bytes, Version]:
        with self._reading(key) as path, path.open("rb") as file:
            before = None
            while before != (before := _version(os.fstat(file.fileno()))):  # it grows meanwhile
                file.seek(start)
                content = file.read()
        if version is not None and before != version:
            raise self._conflict(key)
        return content, before

    def _path(self, key: str) -> Path:
        """Give the path of a key, of which none leads out of the folder."""
        if {"", ".", ".."} & set(key.split("/")) or "\\" in key or "\0" in key:
            raise InputError(f"{key!r} is no key of an object: give folders and a name, as 'a/b'")
        return self.root / key

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"{self.root / key} is not as it was read: another writer came first")

    def _seen(self, path: Path) -> Version | None:
        with suppress(FileNotFoundError):
            return _version(path.stat())
        return None

    @contextmanager
    def _alone(self, key: str) -> Iterator[Path]:
        """Be the only writer of a key, for a moment."""
        path = self._path(key)
        with self._writing():
            number = crc32(key.encode("utf-8", "surrogatepass")) % _LOCKS
            with held(self.root / ".locks" / "objects" / f"{number:02x}.lock", _WAIT):
                yield path

    @contextmanager
    def _reading(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        try:
            yield path
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(f"no such object: {path}") from None
        except OSError as error:
            raise unreadable(path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotWritable):
            raise
        except OSError as error:
            raise NotWritable(f"{self.root} cannot be written: {error}") from error


def _version(status: os.stat_result) -> Version:
    return Version(status.st_size, f"{status.st_mtime_ns}:{status.st_ino}")


def _fill(file: BinaryIO, content: bytes, expected: Version | None) -> None:
    """Write a file that is younger than the one before, however coarse the clock.

    Its inode may be one that was free a moment ago, and both together name a version.
    """
    file.write(content)
    file.flush()
    before = 0 if expected is None else int(expected.tag.partition(":")[0])
    if os.fstat(file.fileno()).st_mtime_ns <= before and os.utime in os.supports_fd:
        os.utime(file.fileno(), ns=(before + 1, before + 1))


def _files(root: str, below: str, start: str) -> Iterator[tuple[str, os.stat_result]]:
    """List the files below a folder whose names begin with `start`, and all in folders below."""
    try:
        entries = list(os.scandir(os.path.join(root, below)))  # noqa: PTH118 - thousands of them
    except (FileNotFoundError, NotADirectoryError):
        return
    for each in entries:
        if not each.name.startswith(start):
            continue
        if each.is_dir():
            yield from _files(root, f"{below}{each.name}/", "")
        elif not each.name.endswith(disk.TEMPORARY):
            with suppress(FileNotFoundError):  # gone since
                yield below + each.name, each.stat()
