"""Files of the lake get second names in a frozen set, with the hash of the bytes behind each.

Bytes are compared with their proof first, so that damage is never kept as if it were sound: each
version once in a process, for later sets of the same files would cost as long as a copy of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from marketkit.data.lake.format.chunk import Entry, Stamp, read_footer
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.verify import verify
from marketkit.data.lake.snapshots.manifest import FrozenFile
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.verified import carry, remember
from marketkit.data.lake.store.write import only_writer, read_sound
from marketkit.disk import link
from marketkit.errors import CorruptFile

_AT_ONCE = 4  # files compared side by side: hashing leaves the other threads alone
Listed = Sequence[tuple[Series, list[Entry]]]


class _Linked(NamedTuple):
    """A file with its second name; `sound` says that this process has compared the bytes."""

    series: Series
    entry: Entry
    path: str
    sound: bool


def link_all(root: Path, index: Index, folder: Path, found: Listed) -> list[FrozenFile]:
    """Give listed files second names below `folder`, and the index the hashes missing there.

    Raises `CorruptFile` for bytes that are not those that were written; they are set aside.
    """
    linked = [each for series, entries in found for each in _link(root, folder, series, entries)]
    kept = [FrozenFile(each.series, each.entry) for each in linked if each.sound]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        kept += pool.map(lambda each: _compared(root, each), (x for x in linked if not x.sound))
    _learn(index, found, kept)
    return kept


def _link(root: Path, folder: Path, series: Series, entries: Iterable[Entry]) -> Iterator[_Linked]:
    (folder / series.folder).mkdir(parents=True)
    for entry in entries:
        below = series.path(entry.chunk)
        source, path = f"{root}/{below}", f"{folder}/{below}"
        with suppress(FileNotFoundError):  # taken out of the lake since it was listed
            before = os.stat(source)  # noqa: PTH116 (a Path costs more than the question)
            link(source, path)
            after = os.stat(path)  # noqa: PTH116 (as above)
            known = entry.sha256 is not None and Stamp.of(after) == entry.stamp
            yield _Linked(series, entry, path, known and carry(before, after))


def _compared(root: Path, linked: _Linked) -> FrozenFile:
    series, entry = linked.series, linked.entry
    try:
        return FrozenFile(series, _hashed(Path(linked.path), series, entry))
    except ValueError as error:
        with only_writer(root, series):
            read_sound(root, series, entry)
        raise CorruptFile(f"{root}/{series.path(entry.chunk)} cannot be kept: {error}") from error


def _hashed(path: Path, series: Series, entry: Entry) -> Entry:
    """Give the entry of the version that a link points to: perhaps not the one that was listed.

    Raises `ValueError` for bytes that are not those that were written.
    """
    stat = path.stat()
    if Stamp.of(stat) != entry.stamp:
        footer, stamp = read_footer(path, series)
        entry = Entry(entry.chunk, stamp, footer)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        verify(content, entry.sha256)
    remember(stat)
    return replace(entry, sha256=found)


def _learn(index: Index, found: Listed, files: Iterable[FrozenFile]) -> None:
    """Tell the index new hashes, of the versions that the index knows."""
    unknown = {
        (series, entry.chunk): entry.stamp
        for series, entries in found
        for entry in entries
        if entry.sha256 is None
    }
    learned: dict[Series, list[Entry]] = {}
    for series, entry in files:
        if unknown.get((series, entry.chunk)) == entry.stamp:
            learned.setdefault(series, []).append(entry)
    for series, entries in learned.items():
        index.put(series, entries)
