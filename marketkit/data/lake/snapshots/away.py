"""Frozen sets of a lake in a bucket, on this machine: made there, read through files kept here.

A set that is read lies below the mirror of its lake, as a folder like one on a disk, with the files
that somebody asked for; each is compared with the manifest when it comes. The folder may go at any
time.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import fields
from pathlib import Path

import polars as pl

from marketkit.data.lake.format.chunk import Entry, Stamp
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.marker import FROZEN
from marketkit.data.lake.places.bucket import Bucket
from marketkit.data.lake.snapshots.copies import Chunk, hashed, object_of
from marketkit.data.lake.snapshots.delta import Table
from marketkit.data.lake.snapshots.manifest import Frozen, FrozenFile, read_manifest
from marketkit.data.lake.snapshots.sets import Sets
from marketkit.data.lake.snapshots.snapshot import (
    PROBLEMS,
    SETS,
    FrozenIndex,
    check_name,
    thaw_folder,
)
from marketkit.data.lake.snapshots.table import FrozenTable
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.left_out import name_of, say, survey
from marketkit.data.lake.store.mirror import Away, Held, Mirror, together, writable
from marketkit.data.lake.store.room import room_at
from marketkit.disk import link
from marketkit.errors import CorruptFile, InputError, LakeError
from marketkit.frames import one_of

_FOLDER = "frozen"  # below a mirror; each set lies in a folder of its own there
_ORIGIN = "origin.json"  # beside a manifest: where the files of the set come from
_NAMES = [each.name for each in fields(Entry)]


class Frozens:
    """The frozen sets of a lake in a bucket."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._sets = Sets(mirror.objects, mirror.url)

    def freeze(self, index: Index, name: str) -> Frozen:
        """Keep every chunk of the lake under a name; raises as `snapshot.freeze`."""
        self._mirror.check()
        check_name(name)
        found, failures = survey(index, self._sources())
        chunks = [
            Chunk(series, each, each.version)
            for series, entries in found.items()
            for each in entries
            if isinstance(each, Away)
        ]
        if not chunks:
            say(failures, anything=False)
            raise InputError(f"there are no candles to freeze in {self._mirror.url}")
        with writable(self._mirror.url):
            self._mirror.prepare()
            known = self._hashed(index, chunks, failures)
            # machine's clock: a lake is frozen without an exchange, and "created" is for people
            told = self._sets.freeze(name, known, time.time_ns() // 1_000_000, failures)
        say(failures, anything=told is not None)
        if told is None:
            raise InputError(f"all candles of {self._mirror.url} went while they were frozen")
        return told

    def frozen(self) -> pl.DataFrame:
        """Give one row for each set, oldest first."""
        told = [named.summary for named in self._sets.state().sets.values()]
        rows = [(t.name, t.created, t.files, t.rows, t.bytes, t.hash) for t in told]
        return pl.DataFrame(rows, schema=dict(SETS), orient="row").sort("created", "name")

    def verify(self, name: str) -> pl.DataFrame:
        """Read every copy of a set, and give one row for each that is not as it was frozen."""
        manifest = self._sets.manifest(name)

        def problem(kept: FrozenFile) -> str | None:
            key = object_of(kept, manifest.eras.get(kept.path, 0))
            try:
                content, _ = self._mirror.objects.read(key)
            except FileNotFoundError:
                return "is missing"
            if hashlib.sha256(content).hexdigest() != kept.entry.sha256:
                return f"its bytes are not those that were frozen ({len(content)} of them)"
            return None

        problems = zip(manifest.files, together(problem, manifest.files), strict=True)
        rows = [(kept.path, said) for kept, said in problems if said is not None]
        return pl.DataFrame(rows, schema=dict(PROBLEMS), orient="row")

    def folder(self, name: str) -> Path:
        """Have the manifest of a set here, and give the folder that its files come to."""
        key = self._sets.state().named(name).manifest
        number = key.removesuffix(".json").rpartition("-")[2]
        below = f"{_FOLDER}/{number}/{name}"
        folder = self._mirror.root / below
        if not (folder / FROZEN).is_file():
            content, _ = self._mirror.objects.read(key)
            origin = {"url": self._mirror.url}
            self._mirror.lay(f"{below}/{_ORIGIN}", json.dumps(origin).encode())
            self._mirror.lay(f"{below}/{FROZEN}", content)
        read_manifest(folder)
        return folder

    def index(self, folder: Path) -> AwayFrozenIndex:
        """Look at the folder of a set."""
        return AwayFrozenIndex(folder, self._mirror.objects)

    def table(self, name: str, of: Table) -> FrozenTable:
        """Say how the table of a set is read."""
        one_of("of", of, Table)
        table = self._sets.table(name)
        if of == "trades":  # a lake in a bucket has no trades
            raise InputError(f"the frozen set {name!r} has no trades")
        return table

    def thaw(self, name: str, into: Path) -> None:
        """Make a lake on this machine with the candles of a set."""
        folder = self.folder(name)
        held = {each.path: each for each in self.index(folder).mirror.bring_all()}

        def linked(path: str, target: str) -> None:
            held[str(Path(path))].read(lambda: link(path, target))

        thaw_folder(folder, into, linked)

    def delete(self, name: str) -> None:
        """Take the name of a set away."""
        with writable(self._mirror.url):
            self._sets.delete(name)

    def vacuum(self) -> int:
        """Delete the copies that no set has any more, and give their bytes."""
        with writable(self._mirror.url):
            return self._sets.vacuum()

    def _sources(self) -> list[str]:
        keys = (key for key, _ in self._mirror.objects.list("candles/source="))
        return sorted({key.split("/")[1].removeprefix("source=") for key in keys})

    def _hashed(
        self, index: Index, chunks: list[Chunk], failures: dict[str, LakeError]
    ) -> list[Chunk]:
        """Learn the hashes that nobody here knows, for next time, too."""
        known: list[Chunk] = []
        learned: dict[Series, list[Entry]] = {}
        results = together(lambda each: hashed(self._mirror.objects, each), chunks)
        for chunk, result in zip(chunks, results, strict=True):
            if isinstance(result, LakeError):
                failures[name_of(chunk.series)] = result
            elif result is not None:
                known.append(result)
                if chunk.entry.sha256 is None and result.version == chunk.version:
                    learned.setdefault(chunk.series, []).append(result.entry)
        for series, entries in learned.items():
            index.put(series, entries)
        return [each for each in known if name_of(each.series) not in failures]


class SetMirror(Mirror):
    """The folder of a set, whose files are fetched from the copies in the bucket."""

    def __init__(self, root: Path, url: str, bucket: Bucket | None = None) -> None:
        super().__init__(root, url, bucket, room_at(root.parents[3]))  # below, see `Frozens.folder`
        manifest = read_manifest(root)
        self._kept = {kept.path: kept for kept in manifest.files}
        self._eras = manifest.eras

    def bring_all(self) -> list[Held]:
        """Have all files of the set here, as `bring` does."""
        return self.bring([(path, kept.entry.stamp) for path, kept in self._kept.items()])

    def _fetch(self, key: str, stamp: Stamp) -> None:
        kept = self._kept[key]
        there = object_of(kept, self._eras.get(key, 0))
        if self._is_here(key, stamp):  # another has fetched it meanwhile
            return
        try:
            content, _ = self.objects.read(there)
        except FileNotFoundError:
            raise CorruptFile(f"{self.url}/{there} is missing: was the set deleted?") from None
        if hashlib.sha256(content).hexdigest() != kept.entry.sha256:
            raise CorruptFile(f"{self.url}/{there} has other bytes than were frozen")
        self.lay(key, content, stamp.mtime_ns)


class AwayFrozenIndex(FrozenIndex):
    """The manifest of a set in a bucket, whose files come when they are asked for."""

    def __init__(self, folder: Path, bucket: Bucket | None = None) -> None:
        super().__init__(folder)
        self.url = str(json.loads((folder / _ORIGIN).read_bytes())["url"])
        self.name = folder.name
        self.mirror = SetMirror(folder, self.url, bucket)
        self._entries = {
            series: [self._away(each) for each in entries]
            for series, entries in self._entries.items()
        }

    def _away(self, entry: Entry) -> Away:
        return Away(**{name: getattr(entry, name) for name in _NAMES}, mirror=self.mirror)
