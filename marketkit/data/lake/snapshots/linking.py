"""Files of the lake get second names in a frozen set, with the hash of the bytes behind each.

Bytes are compared with their proof first, so that damage is never kept as if it were sound: each
version once in a process, for later sets of the same files would cost as long as a copy of them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from marketkit.data.lake.format.chunk import Entry, Stamp, read_footer
from marketkit.data.lake.format.layout import SUFFIX, Series
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.format.verify import verify
from marketkit.data.lake.snapshots.manifest import FrozenFile
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.left_out import name_of
from marketkit.data.lake.store.verified import carry, remember
from marketkit.data.lake.store.write import only_writer, read_sound
from marketkit.disk import link
from marketkit.errors import CorruptFile, LakeError

_AT_ONCE = 4  # files compared side by side: hashing leaves the other threads alone
_TOGETHER = 32  # files that one thread compares before it takes more
Listed = Sequence[tuple[Series, list[Entry]]]


class _Linked(NamedTuple):
    """A file with a second name; `sound` says that this process has compared the bytes."""

    series: Series
    entry: Entry
    path: str
    sound: bool


def link_all(
    root: Path, index: Index, folder: Path, found: Listed
) -> tuple[list[FrozenFile], dict[str, LakeError]]:
    """Give listed files second names below `folder`, and the index the hashes missing there.

    A series with bytes that are not those that were written, or that may not be read, gets none:
    such come second, by their names, with the reason. Bytes that rotted are set aside.
    """
    linked: list[_Linked] = []
    spoilt: dict[Series, LakeError] = {}
    for series, entries in found:
        try:
            linked += _link(root, folder, series, entries)
        except PermissionError as error:
            spoilt[series] = unreadable(error.filename or root / series.folder, error)
    kept = [FrozenFile(each.series, each.entry) for each in linked if each.sound]
    new = [each for each in linked if not each.sound]
    for each, result in zip(new, _all_compared(root, new), strict=True):
        if isinstance(result, LakeError):
            spoilt.setdefault(each.series, result)
        else:
            kept.append(result)
    if spoilt:
        index.survey(list(spoilt))  # looks again, and so forgets what was set aside
        for series in spoilt:
            shutil.rmtree(folder / series.folder, ignore_errors=True)
        kept = [each for each in kept if each.series not in spoilt]
    if new:
        _learn(index, found, kept)
    return kept, {name_of(series): failure for series, failure in spoilt.items()}


def _link(root: Path, folder: Path, series: Series, entries: Iterable[Entry]) -> Iterator[_Linked]:
    there, here = f"{root}/{series.folder}", f"{folder}/{series.folder}"
    os.makedirs(here)  # noqa: PTH103 (of text, as all here: files are thousands)
    for entry in entries:
        source, path = f"{there}/{entry.chunk}{SUFFIX}", f"{here}/{entry.chunk}{SUFFIX}"
        try:
            before = os.stat(source)  # noqa: PTH116
            link(source, path)
            after = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:  # taken out of the lake since it was listed
            continue
        known = entry.sha256 is not None and Stamp.of(after) == entry.stamp
        yield _Linked(series, entry, path, known and carry(before, after))


def _all_compared(root: Path, several: list[_Linked]) -> Iterator[FrozenFile | LakeError]:
    """Compare files side by side, some at a time: to pass a single one on takes half as long."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        parts = [several[at : at + _TOGETHER] for at in range(0, len(several), _TOGETHER)]
        for results in pool.map(lambda part: [_compared(root, each) for each in part], parts):
            yield from results


def _compared(root: Path, linked: _Linked) -> FrozenFile | LakeError:
    """Compare the bytes behind a second name, or give the reason why that cannot be done."""
    series, entry = linked.series, linked.entry
    try:
        return FrozenFile(series, _hashed(linked.path, series, entry))
    except ValueError as error:
        try:
            with only_writer(root, series):
                read_sound(root, series, entry)
        except (LakeError, OSError) as failure:
            if isinstance(failure, LakeError):
                return failure
        return CorruptFile(f"{root / series.path(entry.chunk)} cannot be kept: {error}")
    except PermissionError as error:
        return unreadable(root / series.path(entry.chunk), error)
    except LakeError as failure:
        return failure


def _hashed(path: str, series: Series, entry: Entry) -> Entry:
    """Give the entry of the version that a link points to: perhaps not the one that was listed.

    Raises `ValueError` for bytes that are not those that were written.
    """
    with FileIO(path) as file:
        stat, content = os.fstat(file.fileno()), file.readall()
    if Stamp.of(stat) != entry.stamp:
        footer, stamp = read_footer(Path(path), series)
        entry = Entry(entry.chunk, stamp, footer)
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        verify(content, entry.sha256)
        entry = replace(entry, sha256=found)
    remember(stat)
    return entry


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
