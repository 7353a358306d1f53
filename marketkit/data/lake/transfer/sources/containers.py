"""Bytes unpacked from gzip, or from the one member of a zip, and never more than is sane."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.transfer.sources.paths import TABLES, kind_of
from marketkit.errors import InputError, plain

_MOST_BYTES = 4 << 30  # a market-year of seconds as text is 2.5 GB
_MOST_RATIO = 250  # candles are packed to a fifth, and to a fiftieth where nothing traded
_HARMLESS = 1 << 20  # bytes that may be of any ratio
# What the readers raise over bytes that nobody packed.
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError)
_FOREIGN = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")  # what systems add to a zip
_STRANGERS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch that first"),
    (b"<!DOCTYPE", "a page of a website"),
    (b"<html", "a page of a website"),
)


def unpack(path: Path) -> tuple[str, bytes]:
    """Give the name and the bytes of the table in a file. Raises `InputError` without the path."""
    table, packed = kind_of(path.name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from error
    name = path.name
    if packed == ".zip" or (not packed and content[:4] == b"PK\x03\x04" and table != ".xlsx"):
        name, content = _of_zip(content)
    elif packed == ".gz" or content[:2] == b"\x1f\x8b":
        name, content = name[: len(name) - len(packed)], _of_gzip(content)
    if not content:
        raise InputError("cannot be read: the file is empty")
    for start, what in _STRANGERS:
        if content[: len(start)] == start:
            raise InputError(f"cannot be read: {what}")
    return name, content


def _of_gzip(content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return _bounded(file, len(content))
    except BROKEN as error:
        raise InputError("cannot be read: no whole gzip file") from error


def _of_zip(content: bytes) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            member = _only(packed.infolist())
            with packed.open(member) as file:
                return PurePosixPath(member.filename).name, _bounded(file, member.compress_size)
    except InputError:
        raise
    except (*BROKEN, *NONSENSE) as error:
        raise InputError("cannot be read: no whole zip archive") from error


def _only(members: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Give the one member that is a table, if nothing is odd about the archive."""
    real = [
        each for each in members if not (each.is_dir() or any(x in each.filename for x in _FOREIGN))
    ]
    if len(real) != 1:
        raise InputError(f"holds {len(real)} files: a zip is read if it holds one; unpack it")
    (member,) = real
    shown = plain(member.orig_filename, 60)
    path = PurePosixPath(member.orig_filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        raise InputError(f"holds {shown!r}, a name that leads out of the archive")
    if member.flag_bits & 1:
        raise InputError(f"holds {shown!r} behind a password: unpack it")
    table, packed = kind_of(path.name)
    if packed or (path.suffix and not table):  # without a suffix it is text
        raise InputError(f"holds {shown!r}, which is none of {' '.join(TABLES)}")
    return member


def _bounded(file: IO[bytes] | gzip.GzipFile, packed: int) -> bytes:
    """Unpack so many bytes, unless a bomb comes of these."""
    most = min(_MOST_BYTES, max(_HARMLESS, packed * _MOST_RATIO))
    content = file.read(most + 1)
    if len(content) > most:
        raise InputError(
            f"unpacks to more than {most >> 20:,} MiB from {packed >> 10:,} KiB: no file of candles"
        )
    return content
