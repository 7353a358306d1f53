"""The folder of images: where it is, whether it can be used, and how it stays within its bounds."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from marketkit.data.lake.tier.image import SUFFIX
from marketkit.disk import TEMPORARY
from marketkit.settings import images_dir, largest_tier

_log = logging.getLogger("marketkit.lake")

LAYOUT = "1"  # of the folder and of images; those of another are left alone
_STALE = 3600  # seconds after which a file half done is that of a dead process
_MOUNTS = Path("/proc/self/mountinfo")
# File systems of other machines: to map their files is slow, and may end the process.
_REMOTE = ("9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gcsfuse", "gluster", "gpfs", "lustre")
_REMOTE_TOO = ("nfs", "rclone", "s3fs", "smb", "sshfs", "vboxsf", "drvfs")


def images() -> Path | None:
    """Give the folder of images, None where they are off or the folder is on no local disk.

    Raises `InputError` for a setting that cannot be understood.
    """
    if not largest_tier():
        return None
    folder = images_dir() / LAYOUT
    return folder if _is_usable(folder) else None


def touch(path: str) -> None:
    """Note that an image was used: those not used for longest go first."""
    with suppress(OSError):
        os.utime(path)


def shrink(folder: Path, most: int) -> int:
    """Remove images until those left have at most so many bytes, and give how many were removed.

    One that some process has mapped stays in that process's memory; Windows refuses to remove it,
    and it goes another time.
    """
    found = sorted(_files(folder), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    kept = removed = 0
    for file in found:
        kept += file.stat().st_size
        if kept > most:
            removed += remove(file.path)
    if removed:
        _log.debug("%d images removed: %s has room for %d bytes", removed, folder, most)
    return removed


def remove(path: str | Path) -> bool:
    """Remove an image, and say whether that was allowed."""
    try:
        os.unlink(path)  # noqa: PTH108 (of text)
    except OSError as error:
        _log.debug("image %s stays for now: %s", path, error)
        return False
    return True


def _files(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """List the images in a folder and below; what the dead left half done is swept."""
    with suppress(OSError), os.scandir(folder) as found:
        for each in found:
            if each.is_dir(follow_symlinks=False):
                yield from _files(each.path)
            elif each.name.endswith(SUFFIX):
                yield each
            elif each.name.endswith(TEMPORARY):
                _sweep(each)


def _sweep(file: os.DirEntry[str]) -> None:
    with suppress(OSError):
        # machine's clock: as the machine's own disk, which images are on
        if file.stat().st_mtime < time.time() - _STALE:
            os.unlink(file.path)  # noqa: PTH108 (of text)


@lru_cache(maxsize=8)
def _is_usable(folder: Path) -> bool:
    """Say whether a folder is on a disk of this machine, as far as anybody can tell."""
    if sys.platform == "win32":
        return not str(folder).startswith("\\\\")
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
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mark = f" {os.major(device)}:{os.minor(device)} "
    found = [line for line in lines if mark in line.partition(" - ")[0]]
    return found[0].partition(" - ")[2].split(" ")[0] if found else ""
