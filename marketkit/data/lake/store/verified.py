"""Files compared with the proof when this process first opened each.

To compare takes about as long as to decode, so that each version of a file is compared once in a
process. A version is told by all that a system notes of a file, the time of its last change too,
which no program can set back. Of each inode the last version is remembered: file systems such as
ext4 give the same few to a file that is replaced again and again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path

from marketkit.data.lake.format.chunk import Entry, Stamp, Version
from marketkit.data.lake.format.refusal import REPAIR
from marketkit.data.lake.format.verify import verify
from marketkit.errors import CorruptFile

_AT_ONCE = 4  # files compared side by side: hashing leaves the other threads alone
_MOST = 200_000  # versions remembered, some 60 MB; beyond that all are compared again

_seen: dict[tuple[int, int], tuple[int, int, int]] = {}  # by device and inode
_lock = threading.Lock()


def known_of(found: Iterable[tuple[Path, Entry]]) -> dict[Path, Version]:
    """Give the hashes that the entries of files have."""
    return {path: Version(each.stamp, each.sha256) for path, each in found if each.sha256}


def verify_files(files: Sequence[tuple[Path, FileIO]], known: Mapping[Path, Version]) -> None:
    """Compare open files with their proof, each version once in a process.

    `known` are hashes of versions that the index or a manifest has. The files are left at their
    beginning. Raises `CorruptFile` naming the first that is not as it was written.
    """
    new = [each for each in files if not _is_seen(os.fstat(each[1].fileno()))]
    if len(new) == 1:
        _verify(*new[0], known)
    elif new:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda each: _verify(each[0], each[1], known), new))


def carry(before: os.stat_result, after: os.stat_result) -> bool:
    """Say whether a version was compared in this process, and know the same with a second name.

    A second name changes the time of the last change, and nothing else.
    """
    same = before.st_ino == after.st_ino and before.st_size == after.st_size
    if not (same and before.st_mtime_ns == after.st_mtime_ns and _is_seen(before)):
        return False
    remember(after)
    return True


def remember(stat: os.stat_result) -> None:
    """Remember that the bytes of a version were compared."""
    with _lock:
        if len(_seen) >= _MOST:
            _seen.clear()
        _seen[stat.st_dev, stat.st_ino] = _version(stat)


def _verify(path: Path, file: FileIO, known: Mapping[Path, Version]) -> None:
    stat, told = os.fstat(file.fileno()), known.get(path)
    try:
        verify(
            file.readall(),
            told.sha256 if told is not None and told.stamp == Stamp.of(stat) else None,
        )
        file.seek(0)
    except (ValueError, OSError) as error:
        raise CorruptFile(f"{path} cannot be read: {error};\n{REPAIR}") from error
    remember(stat)


def _is_seen(stat: os.stat_result) -> bool:
    return _seen.get((stat.st_dev, stat.st_ino)) == _version(stat)


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
