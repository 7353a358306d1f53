"""Files and folders that are there whole or not at all: filled under another name, then renamed."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from marketkit.disk.system import replace
from marketkit.errors import InputError, LakeError

TEMPORARY = ".tmp"  # the suffix of a file or folder that has not got its name yet
_SYNCS = 8  # folders made safe at once: what a disk's queue takes without waiting

# The first part of a path that ends with a colon: of a URL, also of one that a `Path` has made
# shorter (`s3:/bucket`), of a host (`nas:/lake`), or a drive.
_FOREIGN = re.compile(r"\s*([^/\\]*):[/\\]")
_NETWORK = "\\\\"  # two backslashes begin a path of Windows on another machine


def refuse_foreign(path: str, named: str) -> None:
    """Refuse a path that is no place on this machine's disks: a URL, or one of another system.

    Made a folder, `s3://bucket/lake` would be `./s3:/bucket/lake`, and a run would end well.
    Raises `InputError` that begins with `named`.
    """
    found = _FOREIGN.match(path)
    first = found[1] if found else ""
    if path.startswith(_NETWORK) or (len(first) == 1 and first.isascii() and first.isalpha()):
        if sys.platform == "win32":
            return
        raise InputError(f"{named} is a path of Windows: give one of this machine, as '~/candles'")
    if first.strip().lower() == "file":
        raise InputError(f"{named} is a URL: give the path alone, without file://")
    if found:
        raise InputError(
            f"{named}: {first}:// is not supported; give a path of this machine, as '~/candles'"
        )


def write_atomic(
    path: Path, fill: Callable[[BinaryIO], object], *, durable: bool = True
) -> os.stat_result:
    """Put the file that `fill` writes in the place of any file at `path`; give the status.

    Every reader sees the old file or the new one. A kill or a full disk at any point leaves the old
    one, and at worst one with the suffix `TEMPORARY` beside it. One that need not be `durable` may
    be gone or full of nonsense after a power cut: a copy that is compared with its proof.
    """
    # A text, for `pathlib` enters each name in Python's table of strings, which names that come
    # once make two megabytes larger.
    temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY}"
    try:
        with open(temporary, "xb") as file:  # noqa: PTH123 (as said)
            fill(file)
            file.flush()
            # The bytes must be down before the name points to them, or a power cut could leave the
            # name on a file of nothing.
            if durable:
                os.fsync(file.fileno())
            status = os.fstat(file.fileno())
        replace(temporary, path)  # the step that commits
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)  # noqa: PTH107 (as said)
        raise
    # The new name must be down before anybody is told that the content is safe.
    if durable:
        sync_folder(path.parent)
    return status


def link(path: str, target: str) -> None:
    """Give a file a second name, or make a copy where the system has no second names."""
    try:
        os.link(path, target)  # of text, for this is done thousands of times
    except FileNotFoundError:
        raise
    except OSError:
        with open(path, "rb") as source, open(target, "xb") as copy:  # noqa: PTH123 (as above)
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())


def sha256(path: str | Path) -> str:
    """Give the SHA-256 of all bytes of a file in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_time(folder: Path) -> int:
    """Give the time by which a folder's file system dates files, in ns: ages compare with that.

    It need not be that of this process: the folder may be shared, and a machine's clock be set.
    """
    with tempfile.TemporaryFile(dir=folder) as now:
        return os.fstat(now.fileno()).st_mtime_ns


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; the bytes are down when the call returns."""
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def append_synced(path: Path, content: bytes, end: int) -> os.stat_result:
    """Write bytes behind the first `end` of a file, in place of all others; give the status.

    They are down when the call returns. With `end` 0 the file must not be there yet. A full disk
    leaves the file as it was before, or a beginning of the bytes, as does a kill.
    """
    with path.open("r+b" if end else "xb", buffering=0) as file:
        try:
            if file.seek(0, os.SEEK_END) != end:
                file.truncate(end)
                file.seek(end)
            left = memoryview(content)
            while left:  # a disk may take a part
                left = left[file.write(left) :]
            _sync_data(file.fileno())
            status = os.fstat(file.fileno())
        except OSError:
            with suppress(OSError):
                file.truncate(end)
            raise
    if not end:
        sync_folder(path.parent)
    return status


# Of a file that grew, its length too; what else there is of a file nobody needs after a power cut.
_sync_data = getattr(os, "fdatasync", os.fsync)


def sync_file(path: Path) -> None:
    """Make the bytes of a file that another program wrote survive a power cut."""
    with path.open("r+b") as file:  # some systems sync only what may be written
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Make the names in a folder and all folders below survive a power cut."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - slow, `--help` needs none

    folders = [each for each, _, _ in os.walk(folder)]  # of text, for there may be thousands
    parts = [folders[at::_SYNCS] for at in range(_SYNCS)]  # to pass each on takes as long as it
    with ThreadPoolExecutor(_SYNCS) as pool:  # together they wait for the disk as long as a few
        list(pool.map(lambda part: list(map(sync_folder, part)), parts))


@contextmanager
def temporary_folder(use: str) -> Iterator[Path]:
    """Make a folder for a moment, named after the use. Raises `LakeError` where there is none."""
    folder = make_temporary(use)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_temporary(use: str) -> Path:
    """Make a folder that the caller removes; otherwise as `temporary_folder`."""
    try:
        return Path(tempfile.mkdtemp(prefix=f"marketkit-{use}-"))
    except OSError as error:
        raise LakeError(
            f"no temporary folder can be made: {error};\nTMPDIR names another place for them"
        ) from error


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """Make a hidden folder to be renamed when complete; else the folder is removed again."""
    make_folder(parent)
    folder = parent / f".{secrets.token_hex(8)}{TEMPORARY}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder and all parents so that each survives a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: str | Path) -> None:
    """Make the names in a folder survive a power cut, where the system can."""
    if sys.platform == "win32":  # folders cannot be opened there, and need not be
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
