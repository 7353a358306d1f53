"""The one member of a zip of the archive, as blocks of whole lines, and never more than is sane."""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from marketkit.data.fetch.archive.inflating import Inflated
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.transfer.sources.containers import BROKEN
from marketkit.errors import BadResponse, plain
from marketkit.exchange.upbit.archive.keys import ArchiveFile

BLOCK = 4 << 20  # bytes that are taken apart at a time, at most
_LONGEST_ROW = 256  # bytes; real rows of candles have some 115
_HEAD = 4096  # bytes that a header may have, with all that stands around it


class Stream(Protocol):
    """A stream of unpacked bytes."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; b"" at the end."""


def lines_of(path: Path, file: ArchiveFile, largest: int) -> Iterator[bytes]:
    """Give the rows of a zip in blocks of whole lines, after the name and the header were checked.

    `largest` is how many bytes a file may have unpacked; candles never have more than their period
    has slots for. Raises `BadResponse` that names the file: for another member or a second one, a
    password, another header, too many bytes, and a zip that is none.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            _check_members(packed.infolist(), file)
            with path.open("rb") as opened, _opened(packed, opened) as member:
                yield from _blocks(_Bounded(member, file, _most(file, largest)), file)
    except BadResponse:
        raise
    except (*BROKEN, *NONSENSE) as error:
        raise refused(file, f"is no whole zip ({plain(str(error), 80)})") from error


@contextmanager
def _opened(packed: zipfile.ZipFile, opened: IO[bytes]) -> Iterator[Stream]:
    """Open the one member, however packed."""
    (member,) = packed.infolist()
    if member.compress_type == zipfile.ZIP_DEFLATED:
        yield Inflated(opened, member)
        return
    with packed.open(member) as stream:
        yield stream


def refused(file: ArchiveFile, why: str) -> BadResponse:
    """Make the error of a file that is not taken."""
    return BadResponse(f"{file.key} {why}: it was not taken")


class _Bounded:
    """A stream that is at an end after so many bytes: more are a bomb."""

    def __init__(self, stream: Stream, file: ArchiveFile, most: int) -> None:
        self._stream = stream
        self._file = file
        self._most = most
        self._left = most

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; b"" at the end."""
        piece = self._stream.read(min(size, self._left + 1))
        self._left -= len(piece)
        if self._left < 0:
            raise refused(self._file, f"unpacks to more than {self._most:,} bytes")
        return piece


def _most(file: ArchiveFile, largest: int) -> int:
    """Give the most bytes that a member can have: a candle for each slot, or the caller's bound."""
    timeframe = file.shelf.timeframe
    if timeframe is None:
        return largest
    slots = timeframe.count(*file.period) + 2  # wide candles begin and end beyond the period
    return min(largest, _HEAD + slots * _LONGEST_ROW)


def _check_members(members: list[zipfile.ZipInfo], file: ArchiveFile) -> None:
    names = [each.orig_filename for each in members]
    if len(names) != 1:
        raise refused(file, f"holds {len(names)} members, not {file.member} alone")
    if names[0] != file.member:
        raise refused(file, f"holds {plain(names[0], 80)!r}, not {file.member}")
    if members[0].flag_bits & 1:
        raise refused(file, "is locked with a password")


def _blocks(stream: _Bounded, file: ArchiveFile) -> Iterator[bytes]:
    """Cut the bytes behind the header where lines end; the last line need not."""
    head = stream.read(_HEAD)
    line, _, rest = head.removeprefix(codecs.BOM_UTF8).partition(b"\n")
    if line.rstrip(b"\r") != file.header.encode():
        said = plain(line[:120].decode("ascii", "replace"), 80)
        raise refused(file, f"has the header {said!r}, not {file.header}")
    while piece := stream.read(BLOCK):
        whole = piece.rfind(b"\n") + 1
        if whole:
            yield b"".join((rest, memoryview(piece)[:whole]))
            rest = piece[whole:]
        else:
            rest += piece
    if rest:
        yield rest
