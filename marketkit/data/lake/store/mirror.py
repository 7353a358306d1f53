"""The part of a lake in a bucket that lies on this machine: a folder that may go at any time.

The bucket is the lake, this a copy of what was read or written last, as far as there is room, with
an index of footers and the files whose locks writers of this machine hold. A file of the mirror has
the time that stands for the tag of its object (`stamp_of`), so that a look at it tells the version.
It is only ever replaced by what the bucket has at that moment, one process at a time: who was told
of a version finds that one or a later, as on a disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from filelock import FileLock

from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import Entry, Stamp
from marketkit.data.lake.format.layout import SUFFIX, Series, is_chunk
from marketkit.data.lake.format.objects import Conflict, Version
from marketkit.data.lake.format.seal import check
from marketkit.data.lake.places import mark
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.store.room import Hold, Room, lock_of, room_at
from marketkit.data.lake.store.verified import remember, verify_files
from marketkit.disk import make_folder, write_atomic
from marketkit.errors import CorruptFile, LakeError, NewerFormat, NotWritable

_log = logging.getLogger("marketkit.lake")

AT_ONCE = 32  # objects asked for side by side: each answer is mostly waited for
_TRUST = 30.0  # seconds for which a mark that was read counts: a lake seldom becomes one of later
_LOOKS = 8192  # bytes asked of the end of an object: more than the footer of a chunk has, as a rule


_NOWHERE = Version(0, "")

_T = TypeVar("_T")
_K = TypeVar("_K")


@dataclass(frozen=True)
class Away(Entry):
    """A chunk in a bucket; the stamp stands for the version."""

    version: Version = _NOWHERE
    mirror: Mirror | None = field(default=None, compare=False, repr=False)


class Held(Hold):
    """A file of a mirror that a reader is about to open."""

    def __init__(self, mirror: Mirror, key: str, stamp: Stamp) -> None:
        self._mirror = mirror
        self._wanted = key, stamp
        super().__init__(mirror.room, mirror.root / key)

    def read(self, work: Callable[[], _T]) -> _T:
        """Open the file by `work`; a copy that another process removed is fetched again."""
        try:
            return work()
        except (FileNotFoundError, CorruptFile) as error:
            missing = error if isinstance(error, FileNotFoundError) else error.__cause__
            if not isinstance(missing, FileNotFoundError):
                raise
        return self._mirror.again(*self._wanted, work)


def stamp_of(version: Version) -> Stamp:
    """Give the stamp that a file of the mirror has in place of the tag, but for the inode.

    Whole steps of 100 ns in the years up to 2038 are what file systems of today all keep: 54 bits.
    """
    number = int.from_bytes(hashlib.sha256(version.tag.encode()).digest()[:8], "little")
    seconds, steps = divmod(number % (10**7 << 31), 10**7)
    return Stamp(version.size, seconds * 10**9 + steps * 100, 0)


class Mirror:
    """The folder `root` that mirrors the lake at `url`; the bucket is opened on first use."""

    def __init__(
        self, root: Path, url: str, bucket: Bucket | None = None, room: Room | None = None
    ) -> None:
        self.url = url
        self.root = root
        self.room = room_at(root.parent) if room is None else room
        self._bucket = bucket
        self._trusted_until = float("-inf")
        self._prepared = False

    @property
    def objects(self) -> Bucket:
        """The bucket."""
        if self._bucket is None:
            self._bucket = Bucket(self.url)
        return self._bucket

    def check(self) -> bool:
        """Say whether there is a lake. Raises as `marker.check`, and what the bucket says."""
        if time.monotonic() < self._trusted_until:
            return True
        here = self.root / marker.NAME
        if not mark.check(self.objects):
            here.unlink(missing_ok=True)
            return False
        self._trust()
        return True

    def prepare(self) -> None:
        """Make sure that there is a lake that takes writes. Raises `NotWritable` too."""
        with writable(self.url):
            if time.monotonic() >= self._trusted_until or not self._prepared:
                mark.prepare(self.objects)
                self._prepared = True
                self._trust()

    def distrust(self) -> None:
        """Look at the mark anew next time."""
        self._trusted_until, self._prepared = float("-inf"), False
        mark.forget(self.objects)

    def _trust(self) -> None:
        """Count on the mark for a while, and have one here, for all that look at the folder."""
        with self._here():
            self._copy_mark()
        self._trusted_until = time.monotonic() + _TRUST

    def _copy_mark(self) -> None:
        if not (self.root / marker.NAME).exists():
            self.lay(marker.MIRROR, f"{self.url}\n".encode())
            self.lay(marker.NAME, json.dumps({"format": marker.FORMAT}).encode())

    def below(self, folder: str) -> Mirror:
        """Give the mirror of a lake that lies further down."""
        url = f"{self.url}/{folder}"
        return Mirror(self.root / folder, url, self.objects.below(folder), self.room)

    def listed(self, series: Series) -> dict[str, Version]:
        """List the chunks of a series."""
        found = {}
        for key, version in self.objects.list(f"{series.folder}/"):
            folder, _, name = key.rpartition("/")
            chunk = name.removesuffix(SUFFIX)
            if folder == series.folder and chunk != name and is_chunk(series.timeframe, chunk):
                found[chunk] = version
        return found

    def end_of(self, key: str, version: Version) -> bytes:
        """Read the end of an object, with all of a footer; raises as `Objects.tail`."""
        tail = self._tail if self._is_here(key, stamp_of(version)) else self.objects.tail
        end = tail(key, version, _LOOKS)
        length = int.from_bytes(end[-8:-4], "little") + 8
        if len(end) < length <= version.size:
            end = tail(key, version, length)
        return end

    def _tail(self, key: str, version: Version, count: int) -> bytes:
        """Read the last bytes of a file that is here, as `Objects.tail`."""
        with (self.root / key).open("rb", buffering=0) as file:
            if Stamp.of(os.fstat(file.fileno()))[:2] != stamp_of(version)[:2]:
                raise Conflict(f"{key} has been replaced")
            file.seek(max(0, version.size - count))
            return file.readall()

    def bring(self, wanted: Sequence[tuple[str, Stamp]]) -> list[Held]:
        """Have files here, as of a version or later; one that is gone is not here either.

        They stay here until what is given is let go of.
        """
        held = [Held(self, *each) for each in wanted]
        if lacking := [each for each in wanted if not self._is_here(*each)]:
            with self.room.coming(sum(stamp.size for _, stamp in lacking)):
                together(lambda each: self._fetch_alone(*each), lacking)
        self.room.used(self.root / key for key, _ in wanted)
        return held

    def again(self, key: str, stamp: Stamp, work: Callable[[], _T]) -> _T:
        """Fetch a file that is gone, and do what opens it before any other process removes it."""
        with self.room.coming(stamp.size), self._moving(key):
            with self._here():
                self._fetch(key, stamp)
            return work()

    def put(self, key: str, content: bytes, expected: Version | None) -> Version:
        """Put an object in the place of a version, and the file here. Raises as `Objects.put`."""
        with self.room.coming(len(content)), self._moving(key):
            version = self.objects.put(key, content, expected)
            try:
                self._keep(key, content, version)
            except OSError as error:  # it is in the bucket, which counts
                _log.warning("%s is not kept here: %s", key, error)
        self.room.used([self.root / key])
        self.room.settle()
        return version

    def _fetch_alone(self, key: str, stamp: Stamp) -> None:
        with self._here(), self._moving(key):
            self._fetch(key, stamp)

    def _fetch(self, key: str, stamp: Stamp) -> None:
        """Fetch a file, unless another has done so meanwhile."""
        if self._is_here(key, stamp):
            return
        try:
            content, version = self.objects.read(key)
        except FileNotFoundError:
            (self.root / key).unlink(missing_ok=True)
        else:
            self._keep(key, content, version)

    def _keep(self, key: str, content: bytes, version: Version) -> None:
        """Lay a version down here; bytes that prove themselves need not outlive a power cut."""
        try:
            proved = check(content)
        except ValueError:  # whoever reads the file will say so
            proved = False
        self.lay(key, content, stamp_of(version).mtime_ns, durable=not proved)
        if proved:
            remember((self.root / key).stat())  # the new name has changed its times

    def lay(
        self, below: str, content: bytes, time_ns: int | None = None, *, durable: bool = True
    ) -> None:
        """Lay a file down here, whole or not at all, with a time if it is one of a version."""

        def fill(file: BinaryIO) -> None:
            file.write(content)
            file.flush()
            if time_ns is not None:
                os.utime(file.name, ns=(time_ns, time_ns))

        path = self.root / below
        make_folder(path.parent)
        write_atomic(path, fill, durable=durable)

    def _is_here(self, key: str, stamp: Stamp) -> bool:
        """Say whether the file is of a version, and its bytes are those that were written."""
        path = self.root / key
        try:
            with path.open("rb", buffering=0) as file:
                found = Stamp.of(os.fstat(file.fileno()))
                if found[:2] != stamp[:2]:
                    return False
                verify_files([(path, file)], {})
        except OSError:
            return False
        except CorruptFile:  # the disk of this machine: the bucket has it whole, or tells
            path.unlink(missing_ok=True)
            return False
        return True

    @contextmanager
    def _here(self) -> Iterator[None]:
        """Say in words that the folder of this machine takes no files."""
        try:
            yield
        except OSError as error:
            if isinstance(error, LakeError):
                raise
            raise LakeError(
                f"{self.root}, the mirror of {self.url}, takes no files: {error};\n"
                "it may be deleted, and MARKETKIT_CACHE names another place"
            ) from error

    @contextmanager
    def _moving(self, key: str) -> Iterator[None]:
        """Be the only one of this machine who replaces a file of the mirror."""
        lock = lock_of(self.root, key)
        make_folder(lock.parent)
        with FileLock(lock):
            yield


@contextmanager
def writable(url: str) -> Iterator[None]:
    """Say in one error that a lake takes no writes; others tell of single files, or of races."""
    try:
        yield
    except (NotWritable, NewerFormat, CorruptFile, Conflict):
        raise
    except LakeError as error:
        raise NotWritable(f"the lake {url} cannot be written: {error}") from None


def together(work: Callable[[_K], _T], several: Sequence[_K], at_once: int = AT_ONCE) -> list[_T]:
    """Do something that mostly waits with each, side by side, and give the results in order."""
    if len(several) < 2:
        return [work(each) for each in several]
    with ThreadPoolExecutor(min(at_once, len(several))) as pool:
        return list(pool.map(work, several))
