"""The folder of images: the place, whether that can be used, and the bound on all images."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from marketkit.data.lake.tier.image import SUFFIX
from marketkit.disk import TEMPORARY, file_time, system
from marketkit.settings import images_dir, largest_tier

_log = logging.getLogger("marketkit.lake")

LAYOUT = "1"  # of the folder and of images; those of another are left alone
_OF_ONE = 4  # images of one chunk: the lake's, and those of copies and frozen sets in use
_STALE = 3600 * 10**9  # ns after which a file half done is that of a dead process
# File systems of other machines: to map their files is slow, and may end the process.
_REMOTE = ("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gcsfuse", "gluster", "gpfs", "lustre")
_REMOTE_TOO = ("nfs", "rclone", "s3fs", "smb", "sshfs", "vboxsf", "drvfs")


def images() -> Path | None:
    """Give the folder of images, None where images are off or the disk is not local.

    Raises `InputError` for a setting that cannot be understood.
    """
    if not largest_tier():
        return None
    # Asked by every read: where the folder is follows from nothing else.
    folder = _folder(os.environ.get("MARKETKIT_CACHE"), os.environ.get("HOME"))
    return folder if _is_usable(folder) else None


@lru_cache(maxsize=8)
def _folder(*_said: str | None) -> Path:
    return images_dir() / LAYOUT


def every(folder: Path) -> list[str]:
    """List all images, sorted by path."""
    return sorted(file.path for file in files_below(folder, SUFFIX, 0))


def touch(path: str, at: int | None = None) -> None:
    """Note that an image was used, now or `at` ns: the longest unused go first."""
    with suppress(OSError):
        if at is None:
            os.utime(path)
        else:
            os.utime(path, ns=(at, at))


def shrink(folder: Path, most: int) -> int:
    """Remove images until the others have at most so many bytes, and give how many went.

    One that some process has mapped stays in that process's memory; Windows refuses to remove it,
    and it goes another time.
    """
    now = file_time(folder) if folder.is_dir() else 0
    files = files_below(folder, SUFFIX, now)
    found = sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)
    kept = removed = 0
    for file in found:
        kept += file.stat().st_size
        if kept > most:
            removed += remove(file.path)
    if removed:
        _log.debug("%d images removed: %s has room for %d bytes", removed, folder, most)
    return removed


def of_chunk(path: Path) -> list[os.DirEntry[str]]:
    """List the images of the chunk that the one at `path` is of: of all its versions and copies."""
    chunk = path.name.rsplit(".", 2)[0]
    return [
        file for file in files_below(path.parent, SUFFIX, 0) if file.name.rsplit(".", 2)[0] == chunk
    ]


def thin(path: Path) -> None:
    """Keep the last few used images of a chunk: most others are of versions that are no more."""
    with suppress(OSError):  # another process did so
        found = sorted(of_chunk(path), key=lambda file: file.stat().st_mtime_ns)
        for file in found[:-_OF_ONE]:
            remove(file.path)


def remove(path: str | Path) -> bool:
    """Remove an image, and say whether that was allowed."""
    try:
        os.unlink(path)  # noqa: PTH108 (of text)
    except OSError as error:
        _log.debug("image %s stays for now: %s", path, error)
        return False
    return True


def files_below(folder: str | Path, suffix: str, now: int) -> Iterator[os.DirEntry[str]]:
    """List files in a folder and below; those that the dead left half done are swept.

    `now` is the time of the file system in ns.
    """
    with suppress(OSError), os.scandir(folder) as found:
        for each in found:
            if each.is_dir(follow_symlinks=False):
                yield from files_below(each.path, suffix, now)
            elif each.name.endswith(suffix):
                yield each
            elif each.name.endswith(TEMPORARY):
                _sweep(each, now)


def _sweep(file: os.DirEntry[str], now: int) -> None:
    with suppress(OSError):
        if file.stat().st_ctime_ns < now - _STALE:  # some have been given another time already
            os.unlink(file.path)  # noqa: PTH108 (of text)


@lru_cache(maxsize=8)
def _is_usable(folder: Path) -> bool:
    """Say whether a folder is on a disk of this machine, as far as anybody can tell."""
    if system.is_far(folder):
        return False
    kind = _file_system(folder)
    remote = any(name in kind for name in _REMOTE + _REMOTE_TOO)
    if remote:
        _log.info("no images of chunks: %s is on %s, no disk of this machine", folder, kind)
    return not remote


def _file_system(folder: Path) -> str:
    """Name the file system below a folder, or give an empty text where nobody says."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        device = there.stat().st_dev
    except OSError:
        return ""
    lines = system.proc("self/mountinfo").splitlines()
    mark = f" {os.major(device)}:{os.minor(device)} "
    found = [line for line in lines if mark in line.partition(" - ")[0]]
    return found[0].partition(" - ")[2].split(" ")[0] if found else ""
