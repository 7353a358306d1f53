"""The image of a chunk: an uncompressed Arrow file, read by the places of the columns.

Any reader of Arrow files can open one. Between the rows and the footer, where readers do not look,
is a block that says of which version of which chunk it is, where each column lies, and the SHA-256
of all before. An image is only ever put in place whole and never written to: who has it mapped
keeps the bytes, whatever becomes of the name.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from hashlib import sha256
from itertools import starmap
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE
from marketkit.data.lake.tier.columns import COLUMNS, Place, frame_over
from marketkit.disk import system

SUFFIX = ".arrow"

_NAMED = re.compile(rf"\.\d+-(\d+)-\d+-\d+{re.escape(SUFFIX)}$")  # as `Version.name` spells
_MAGIC = b"ARROW1"
_FRAME = 4 + len(_MAGIC)  # bytes behind the footer: how long that is, and the magic
_END = 8  # bytes after the rows that say so
_STEP = 64  # bytes, to a multiple of which polars pads each column
_MARK = b"marketkit1"
_CRC = 8  # hexadecimal digits
_BLOCK = 1024  # bytes; the text takes some 500


class Version(NamedTuple):
    """One version of a chunk; all that a system notes of a file, in any lake."""

    folder: str
    chunk: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int  # which no program can set back

    @classmethod
    def of(cls, path: Path, stat: os.stat_result) -> Version:
        """Give the version of a chunk from path and status."""
        numbers = stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        return cls("/".join(path.parts[-4:-1]), path.stem, *numbers)

    @property
    def stamp(self) -> Stamp:
        """The mark by which the lake knows the file."""
        return Stamp(self.size, self.mtime_ns, self.inode)

    @property
    def name(self) -> str:
        """Where the image lies, below the folder of images: the name is the validity."""
        stamp = f"{self.size}-{self.mtime_ns}-{self.device}-{self.inode}"
        return f"{self.folder}/{self.chunk}.{stamp}{SUFFIX}"

    @staticmethod
    def written(name: str) -> int:
        """Give when the version was written that an image is named after, ns; -1 for no such name.

        >>> Version.written("2026-11.1744-1795824391612373010-65024-6195298.arrow")
        1795824391612373010
        """
        found = _NAMED.search(name)
        return int(found[1]) if found else -1


class Source(NamedTuple):
    """The chunk that an image is made of, after the bytes were compared with the proof.

    `seal` is the hash of the rows that the footer claims, None in files of earlier releases. A
    `young` file was changed a moment before: another may have come in the same tick of the clock.
    """

    version: Version
    symbol: str
    seal: str | None
    young: bool


class Broken(ValueError):
    """A file in the place of an image that is no whole one."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is mapped: the rows but for the symbol, and their times in ms.

    `size` is that of the file in bytes.
    """

    source: Source
    frame: pl.DataFrame
    times: memoryview
    size: int

    def between(self, start: int, end: int) -> pl.DataFrame:
        """Give the rows of `[start, end)`, as a view."""
        low, high = bisect_left(self.times, start), bisect_left(self.times, end)
        whole = high - low == len(self.times)
        return self.frame if whole else self.frame.slice(low, high - low)


def write(frame: pl.DataFrame, source: Source, file: BinaryIO) -> None:
    """Write an image of rows into an empty file, compared with the rows that readers find there.

    The bytes are never in the memory of this process: what a thread needs for a moment, its
    allocator keeps. Raises `Broken` where readers would find other rows, as they may with a polars
    that lays columns out otherwise.
    """
    rows = frame.select(COLUMNS).rechunk()
    rows.write_ipc(file, compression="uncompressed", record_batch_size=max(1, rows.height))
    written = _mapped(file.name)
    cut = _footer_start(written)
    places = _places(rows, cut)
    said = _said(rows, source, places) | {
        "size": len(written) + _BLOCK,
        "sha256": sha256(written[:cut]).hexdigest(),
    }
    end = _block(said) + bytes(written[cut:])
    file.seek(cut)
    file.write(end)
    file.flush()
    mapped = frame_over(_mapped(file.name), rows.height, places)
    if not (mapped.equals(rows) and pl.read_ipc(file.name).equals(rows)):
        raise Broken("columns do not lie where they are expected")


def _said(rows: pl.DataFrame, source: Source, places: list[Place]) -> dict[str, Any]:
    return source._asdict() | {"rows": rows.height, "places": places}


def open_image(path: Path | str) -> Image:
    """Map an image, after a look at the structure.

    Raises `FileNotFoundError` where there is none, and `Broken`.
    """
    memory = _mapped(path)
    try:
        said, _ = _read(memory)
        source = Source(Version(*said["version"]), said["symbol"], said["seal"], said["young"])
        places = list(starmap(Place, said["places"]))
        frame = frame_over(memory, said["rows"], places)
        at = places[0].values
        times = memory[at : at + 8 * said["rows"]].cast("q")
        return Image(source, frame, times, said["size"])
    except NONSENSE as error:
        raise Broken(f"{path} is no image: {error}") from error


def problem_of(path: Path) -> str | None:
    """Compare every byte of an image with the hash, and give the fault if there is one."""
    try:
        memory = _mapped(path)
        said, cut = _read(memory)
        if sha256(memory[:cut]).hexdigest() != said["sha256"]:
            return "its rows are not the bytes that were written"
        rows = pl.read_ipc(bytes(memory)).height
    except (OSError, *NONSENSE, *UNREADABLE) as error:
        return f"is no image: {error}"
    return None if rows == said["rows"] else f"has {rows} rows, not {said['rows']}"


def _mapped(path: Path | str) -> memoryview:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        return system.mapped(descriptor)
    except ValueError as error:  # an empty file
        raise Broken(f"{path} is no image: {error}") from error
    finally:
        os.close(descriptor)


def _read(memory: memoryview) -> tuple[dict[str, Any], int]:
    """Read the block of an image, and where the rows end. Raises errors of `NONSENSE`."""
    end = _footer_start(memory)
    cut = end - _BLOCK
    block = bytes(memory[max(0, cut) : end])
    if not block.startswith(_MARK):
        raise Broken("it has no block of marketkit")
    text = block[len(_MARK) + _CRC :]
    if block[len(_MARK) : len(_MARK) + _CRC] != b"%08x" % zlib.crc32(text):
        raise Broken("its block is not as it was written")
    said = json.loads(text)
    ends = [place[0] + 8 * said["rows"] for place in said["places"]]
    if said["size"] != len(memory) or max(ends) > cut or len(ends) != len(COLUMNS):
        raise Broken(f"it has {len(memory)} bytes, not {said['size']}")
    return said, cut


def _block(said: dict[str, Any]) -> bytes:
    text = json.dumps(said, separators=(",", ":")).encode()
    text = text.ljust(_BLOCK - len(_MARK) - _CRC)
    block = _MARK + b"%08x" % zlib.crc32(text) + text
    if len(block) != _BLOCK:
        raise Broken(f"{said} is too long")
    return block


def _footer_start(content: bytes | memoryview) -> int:
    length = int.from_bytes(content[-_FRAME : -len(_MAGIC)], "little")
    start = len(content) - _FRAME - length
    if content[-len(_MAGIC) :] != _MAGIC or content[: len(_MAGIC)] != _MAGIC or start <= 0:
        raise Broken("it is no whole Arrow file")
    return start


def _places(rows: pl.DataFrame, cut: int) -> list[Place]:
    """Say where columns lie in a file of one batch: one behind the other, up to the end of all."""
    values, bits = _padded(8 * rows.height), _padded(-(-rows.height // 8))
    nulls = [bool(count) for count in rows.null_count().row(0)]
    at = cut - _END - values * rows.width - bits * sum(nulls)
    places = []
    for has_nulls in nulls:
        validity = at if has_nulls else None
        at += bits if has_nulls else 0
        places.append(Place(at, validity))
        at += values
    return places


def _padded(size: int) -> int:
    return -(-size // _STEP) * _STEP
