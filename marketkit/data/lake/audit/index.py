"""The index against the files, read without touching either."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.format.chunk import Footer, Stamp, refuse_nonsense, spans_of_text
from marketkit.data.lake.format.layout import SUFFIX, Series
from marketkit.data.lake.format.nonsense import NONSENSE, evidence_of
from marketkit.data.lake.store import newest as hot
from marketkit.data.lake.store.database import (
    ADDED,
    NAME,
    UNREAD,
    VERSION,
    FileStamp,
    add_columns,
    refuse_rotten,
)
from marketkit.disk import temporary_folder
from marketkit.errors import CorruptFile

_TRIES = 3  # copies; a writer seldom tears one, and hardly three in a row


class AuditedChunk(NamedTuple):
    """A look at the file of a chunk; `said` is None where the footer is unreadable."""

    series: Series
    stamp: Stamp
    sha256: str | None
    said: Footer | None


AuditedChunks = Mapping[tuple[str, str], AuditedChunk]


class _Row(NamedTuple):
    """The index's claim about a chunk; `footer` is None where that is nonsense."""

    folder: str
    chunk: str
    stamp: Stamp
    footer: Footer | None
    sha256: str | None

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.chunk}{SUFFIX}"


class _Told(NamedTuple):
    """All rows of the index, the folders listed as seen, and kept ends."""

    rows: list[_Row]
    trusted: set[str]
    ends: list[tuple[str, str, bytes]]


def compare(root: Path, chunks: AuditedChunks) -> Iterator[Finding]:
    """Compare the index with the files, by folder and name; rows that only lag behind are sound."""
    try:
        told = _read(root)
    except sqlite3.DatabaseError as error:
        yield Finding(NAME, "index", f"is damaged: {error}", "removed")
        return
    except OSError as error:  # no room for the copy
        yield Finding(NAME, "index", f"cannot be looked at: {error}", "left")
        return
    for row in told.rows:
        chunk = chunks.get((row.folder, row.chunk))
        if chunk is not None:
            yield from _compare(root, row, chunk, trusted=row.folder in told.trusted)
        elif _is_gone(root / row.path):
            yield Finding(NAME, "index", f"has a row for {row.path}, which is gone", "removed")
    known = {(row.folder, row.chunk) for row in told.rows}
    for folder, name in sorted(chunks.keys() - known):
        path = f"{folder}/{name}{SUFFIX}"
        if folder in told.trusted and _is_still(root / path, chunks[folder, name].stamp):
            yield Finding(NAME, "index", f"does not know {path}", "removed")
    yield from _compare_ends(root, told, chunks)


def _compare_ends(root: Path, told: _Told, chunks: AuditedChunks) -> Iterator[Finding]:
    """Compare the kept last rows with the files, where the files are still the same."""
    for folder, made_of, content in told.ends:
        here = [(name, chunks.get((folder, name))) for name in hot.chunks_of(made_of)]
        same = [(name, chunk) for name, chunk in here if chunk is not None]
        if made_of != hot.made_of((name, chunk.stamp) for name, chunk in same):
            continue  # of older files: whoever asks for them reads these anew
        series = same[0][1].series
        with suppress(CorruptFile):  # which is found where the file is
            if not hot.is_of(made_of, content, root, series) and all(
                _is_still(root / series.path(name), chunk.stamp) for name, chunk in same
            ):
                yield Finding(NAME, "index", f"keeps other last candles of {folder}", "removed")


def _compare(root: Path, row: _Row, chunk: AuditedChunk, *, trusted: bool) -> Iterator[Finding]:
    if row.stamp != chunk.stamp:
        if trusted and _is_still(root / row.path, chunk.stamp):
            yield Finding(NAME, "index", f"takes an older {row.path} for the current", "removed")
    elif row.sha256 not in {None, chunk.sha256}:
        detail = "its bytes are not those that were written"
        yield Finding(row.path, "corrupt", detail, "set aside", chunk.series, chunk.stamp)
    elif chunk.said is not None and row.footer not in _readings(chunk.said):
        yield Finding(NAME, "index", f"says of {row.path} what the file does not", "removed")


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # nobody may look
        return False
    return False


def _readings(said: Footer) -> tuple[Footer, Footer]:
    """Give the footer that the index may have of a file: the same, or an older version's part."""
    return said, replace(said, rests_on=UNREAD)


def _is_still(path: Path, stamp: Stamp) -> bool:
    """Say whether a file is the version that was looked at: writers go on while we look."""
    try:
        return Stamp.of(path.stat()) == stamp
    except OSError:
        return False


def _read(root: Path) -> _Told:
    """Read the index; a copy that was torn by a writer looks damaged and is read again."""
    for _ in range(_TRIES - 1):
        with suppress(sqlite3.DatabaseError):
            return _read_copy(root)
    return _read_copy(root)


def _read_copy(root: Path) -> _Told:
    """Read a copy, for SQLite writes beside the file being read."""
    with temporary_folder("audit") as folder:
        copy = folder / NAME
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError, NotADirectoryError):
                shutil.copyfile(root / f"{NAME}{suffix}", f"{copy}{suffix}")
        if not copy.exists():
            return _Told([], set(), [])
        with closing(sqlite3.connect(copy)) as connection:
            connection.row_factory = sqlite3.Row
            return _told(connection, root)


def _told(connection: sqlite3.Connection, root: Path) -> _Told:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (VERSION, *ADDED):  # of another marketkit: made anew when used
        return _Told([], set(), [])
    add_columns(connection)  # to the copy, as who uses it next would
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise sqlite3.DatabaseError(sound)
    folders = connection.execute("SELECT * FROM folders")
    trusted = {name for name, *at in folders if _moment_of(root / name) == tuple(at)}
    rows = [_row(each) for each in connection.execute("SELECT * FROM chunks")]
    ends = [
        (str(folder), str(made_of), content if isinstance(content, bytes) else b"")
        for folder, made_of, content in connection.execute("SELECT * FROM ends")
    ]
    return _Told(rows, trusted, ends)


def _moment_of(folder: Path) -> FileStamp | None:
    with suppress(OSError):  # nobody may look
        return FileStamp.of(str(folder))
    return None


def _row(row: sqlite3.Row) -> _Row:
    stamp = Stamp(row["size"], row["mtime_ns"], row["inode"])
    footer = _footer(row)
    # Of a row of nonsense nothing is believed: it must not speak against a sound file.
    sha256 = row["sha256"] if footer is not None else None
    return _Row(str(row["folder"]), str(row["chunk"]), stamp, footer, sha256)


def _footer(row: sqlite3.Row) -> Footer | None:
    try:
        refuse_rotten(tuple(row))
        numbers = (row[name] for name in ("nothing_before", "rows", "first", "last"))
        covered, rests_on = spans_of_text(row["covered"]), evidence_of(row["rests_on"])
        return refuse_nonsense(Footer(covered, *numbers, rests_on=rests_on))
    except NONSENSE:
        return None
