"""The room on this machine for files of lakes in buckets: the longest unused make room for others.

All mirrors have one bound together (`MARKETKIT_MIRROR`). Bytes are counted before they come, by all
processes in one small file, and the folders are walked only where the count says that there are too
many: a kill leaves a count that is too high, which the next walk corrects. The only files that go
are copies of chunks that the bucket has, and none that a reader of this process holds; a reader in
another process fetches anew.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from io import FileIO
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from marketkit.data.lake.format.layout import SUFFIX
from marketkit.data.lake.format.marker import MIRROR
from marketkit.data.lake.places.locks import held
from marketkit.data.lake.tier.folder import files_below
from marketkit.disk import file_time, make_folder, system
from marketkit.errors import LakeError
from marketkit.settings import largest_mirror

_log = logging.getLogger("marketkit.lake")

NAME = ".room"  # of the file with the count and the uses, in the folder of all mirrors
_SLACK = 16  # of the bound a part that each walk frees besides, so that walks are seldom
_LOCKS = 64  # of files that are being replaced, in each mirror; two that share one wait in turn
_WAIT = 5.0  # seconds for one who walks; a reader then goes on uncounted until the next walk
_SIZE = 8  # bytes of a number
_NONSENSE = 1 << 60  # walks, or bytes: a disk has lost what was there
_HEAD = 2  # numbers before those of uses
# Places for the times of uses, 2 MB; two files that share one are as recent as the later.
_PLACES = 1 << 18
_CANDLES = f"{os.sep}candles{os.sep}source="


class _Head(NamedTuple):
    """The count: how often the folders were walked, and the bytes since; 0 walks are unknown."""

    walks: int
    total: int


@dataclass(frozen=True, slots=True)
class _File:
    """A file as a walk found it; `used` is in ns, when it came or was read last."""

    path: str
    size: int
    inode: int
    used: int


class Hold:
    """A file that a reader of this process is about to open: it stays until let go of."""

    def __init__(self, room: Room, path: Path) -> None:
        self.room = room
        self.path = str(path)
        self._is_held = True
        room.hold(self.path, 1)

    def let_go(self) -> None:
        """Let the file go, which an open descriptor outlasts."""
        if self._is_held:
            self._is_held = False
            self.room.hold(self.path, -1)

    def __del__(self) -> None:
        self.let_go()


class Room:
    """The room of all mirrors below a folder."""

    # One who is collected within the lock lets go there, too.
    _changing = threading.RLock()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    @classmethod
    def forget_lock(cls) -> None:
        """Have a new lock in a child made by `fork`, where nobody would give the old one back."""
        cls._changing = threading.RLock()

    def hold(self, path: str, change: int) -> None:
        """Count one more or one fewer who holds a file."""
        with self._changing:
            if count := self._held.get(path, 0) + change:
                self._held[path] = count
            else:
                self._held.pop(path, None)

    @contextmanager
    def coming(self, size: int) -> Iterator[None]:
        """Make room for bytes before they come, and have them counted.

        No failure here is one of the reader. Raises `InputError` for a bound that is no number.
        """
        most = largest_mirror()
        before = self._count(most, size)
        try:
            yield
        finally:
            if before is None or self._head().walks != before:  # one who walked saw only a part
                self._count(most, size, walking=False)

    def used(self, paths: Iterable[Path]) -> None:
        """Note that files were used now."""
        # machine's clock: which file was used before which, on this machine
        now = time.time_ns().to_bytes(_SIZE, sys.byteorder)
        with suppress(OSError), self._open() as file:
            for path in paths:
                file.seek(_SIZE * (_HEAD + _place(str(path))))
                file.write(now)

    def settle(self) -> None:
        """Have files go that were too many, now that a reader has let some go."""
        most = largest_mirror()
        if self._head().total > most:
            self._count(most, 0)

    def _count(self, most: int, size: int, *, walking: bool = True) -> int | None:
        """Count bytes, walk where these are too many, and give how often anybody has walked.

        None where that could not be counted.
        """
        try:
            with held(self._folder / f"{NAME}.lock", _WAIT), self._open() as file:
                walks, total = _head_of(file)
                total += size
                if walking and (not walks or total > most):
                    walks, total = walks + 1, self._shrink(most, size) + size
                file.seek(0)
                file.write(b"".join(each.to_bytes(_SIZE, sys.byteorder) for each in (walks, total)))
                return walks
        except (OSError, LakeError) as error:
            _log.debug("the room of %s is not counted: %s", self._folder, error)
            return None

    def _shrink(self, most: int, coming: int) -> int:
        """Walk, remove the longest unused until others have room, and give the bytes that stay."""
        files = self._files()
        kept, removed = sum(each.size for each in files), 0
        if kept + coming > most:
            enough = most - most // _SLACK - coming
            for each in sorted(files, key=attrgetter("used", "path")):
                if kept <= enough:
                    break
                if self._remove(each):
                    kept, removed = kept - each.size, removed + 1
            _log.debug("%d copies removed from %s, %d bytes stay", removed, self._folder, kept)
        return kept

    def _remove(self, file: _File) -> bool:
        """Remove a file, unless somebody holds it or has used it since; say whether it is gone."""
        root, _, below = file.path.rpartition(_CANDLES)
        lock = lock_of(Path(root), f"{_CANDLES}{below}".replace(os.sep, "/")[1:])
        try:
            with self._changing, held(lock, 0.0):
                if file.path in self._held or self._last_use(file.path) > file.used:
                    return False
                if os.stat(file.path).st_ino != file.inode:  # noqa: PTH116 (of text)
                    return False  # another version by now
                os.unlink(file.path)  # noqa: PTH108 (of text)
        except FileNotFoundError:
            return True
        except (OSError, LakeError) as error:  # as of one that is open, on Windows: another time
            _log.debug("%s stays for now: %s", file.path, error)
            return False
        return True

    def _files(self) -> list[_File]:
        """List the copies in all mirrors, and sweep those that the dead left half done."""
        with self._open() as file:
            uses = file.readall()
        now, found = file_time(self._folder), []
        for mirror in [each.path for each in os.scandir(self._folder) if each.is_dir()]:
            if not os.path.exists(f"{mirror}/{MIRROR}"):  # noqa: PTH110 (of text)
                continue
            for each in files_below(mirror, SUFFIX, now):
                below = each.path[len(mirror) :]
                if _CANDLES not in below or f"{os.sep}." in below:
                    continue
                with suppress(OSError):
                    stat = each.stat()
                    used = max(_number(uses, _HEAD + _place(each.path)), stat.st_ctime_ns)
                    found.append(_File(each.path, stat.st_size, stat.st_ino, used))
        return found

    def _last_use(self, path: str) -> int:
        with self._open() as file:
            file.seek(_SIZE * (_HEAD + _place(path)))
            return _number(file.read(_SIZE), 0)

    def _head(self) -> _Head:
        with suppress(OSError), self._open() as file:
            return _head_of(file)
        return _Head(0, 0)

    def _open(self) -> FileIO:
        """Open the file of the count, which may be deleted at any time."""
        path = self._folder / NAME
        with suppress(FileNotFoundError):
            return path.open("r+b", buffering=0)
        make_folder(self._folder)
        path.touch()
        return path.open("r+b", buffering=0)


@lru_cache(maxsize=64)
def room_at(folder: Path) -> Room:
    """Give the room of the mirrors below a folder, the same for all of this process."""
    return Room(folder)


system.at_fork(after_in_child=Room.forget_lock)


def lock_of(root: Path, key: str) -> Path:
    """Give the file whose lock one holds who replaces or removes a file of the mirror at `root`."""
    return root / ".locks" / f"mirror-{zlib.crc32(key.encode()) % _LOCKS}.lock"


def _place(path: str) -> int:
    return zlib.crc32(os.fsencode(path)) % _PLACES


def _head_of(file: FileIO) -> _Head:
    file.seek(0)
    raw = file.read(_HEAD * _SIZE)
    found = _Head(_number(raw, 0), _number(raw, 1))
    is_whole = len(raw) == _HEAD * _SIZE and max(found) < _NONSENSE
    return found if is_whole else _Head(0, 0)


def _number(raw: bytes, place: int) -> int:
    """Give a number of a file; 0 behind the end."""
    return int.from_bytes(raw[_SIZE * place : _SIZE * (place + 1)], sys.byteorder)
