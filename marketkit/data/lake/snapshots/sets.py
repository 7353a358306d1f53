"""Frozen sets of a lake in a bucket: versions of one Delta table of copies that nobody replaces.

`tables/candles` is the table. A set is a version of it and, below `tables/sets`, a manifest; which
names there are stands in a small object that the newest commit tells of. So the commit is what
gives a name or takes one: it is put where none is yet, all others come before or after, and a kill
before it leaves nothing but copies and small objects that nobody names. `vacuum` deletes such.
Copies are made of what they are called after, and found again by the next set; after a vacuum new
ones are of a new era, for the old names may be about to go.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.objects import Objects
from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.copies import TABLES, Chunk, copy, object_of
from marketkit.data.lake.snapshots.delta import Added
from marketkit.data.lake.snapshots.manifest import (
    Frozen,
    FrozenFile,
    Manifest,
    manifest_of,
)
from marketkit.data.lake.snapshots.names import SETS, TABLE, Change, Named, Names, State
from marketkit.data.lake.snapshots.table import FrozenTable, described, listed
from marketkit.data.lake.store.left_out import name_of
from marketkit.data.lake.store.mirror import together
from marketkit.errors import CorruptFile, InputError, LakeError
from marketkit.settings import library_version

AT_ONCE = 16  # copies made side by side: the store works on them, and each is waited for
_Known = Mapping[tuple[str, str | None], int]  # the eras of copies, by path and hash


class Sets:
    """The frozen sets of the lake whose objects are given; `url` is the address of the lake."""

    def __init__(self, objects: Objects, url: str) -> None:
        self.objects = objects
        self.url = url
        self._names = Names(objects, url)

    def freeze(
        self, name: str, chunks: Sequence[Chunk], created: int, failures: dict[str, LakeError]
    ) -> Frozen | None:
        """Keep chunks under a name; `created` is in ms UTC.

        A series with a chunk that cannot be copied is left out, and named in `failures`; None where
        that leaves nothing. Raises `InputError` for a name that is taken.
        """
        there: set[str] = set()

        def commit(state: State) -> Frozen | None:
            self._refuse_taken(name, state)
            latest = self._manifest(state.latest) if state.latest else None
            known = {} if latest is None else _copies(latest)
            kept = self._copied(chunks, known, state.era, there, failures)
            if not kept:
                return None
            eras = {each.path: known.get(_key(each), state.era) for each in kept}
            eras = {path: era for path, era in eras.items() if era}
            manifest = Manifest.of(name, created, library_version(), kept, eras=eras)
            self._add(state, manifest, self._live(state, latest))
            return manifest.summary

        return self._names.serially(commit)

    def state(self) -> State:
        """Look at the newest: which names there are. Raises `CorruptFile`, `NewerFormat`."""
        return self._names.state()

    def manifest(self, name: str) -> Manifest:
        """Read the manifest of a set. Raises `InputError` if there is none."""
        return self._manifest(self.state().named(name).manifest)

    def table(self, name: str) -> FrozenTable:
        """Say how the table of a set is read."""
        named = self.state().named(name)
        manifest = self._manifest(named.manifest)
        return described(manifest, "candles", f"{self.url}/{TABLE}", named.version)

    def delete(self, name: str) -> None:
        """Take a name away; its copies stay until `vacuum`."""

        def commit(state: State) -> None:
            state.named(name)
            left = {each: known for each, known in state.sets.items() if each != name}
            change = Change([], _now(state), f"delete {name}")
            self._names.commit(replace(state, sets=left), change)

        self._names.serially(commit)

    def vacuum(self) -> int:
        """Delete what no name and no newest version needs, and give the bytes."""

        def commit(state: State) -> dict[str, Any]:
            needed = self._needed(state)
            found = dict(self.objects.list(f"{TABLES}/"))
            log = f"{TABLE}/{delta.LOG}/"
            doomed = {
                key: version
                for key, version in found.items()
                if key not in needed and not key.startswith(log)
            }
            if doomed:  # from here on nobody counts on them
                change = Change([], _now(state), "vacuum")
                self._names.commit(replace(state, era=state.era + 1), change)
            return doomed

        doomed = self._names.serially(commit)
        together(lambda key: self.objects.delete(key, doomed[key]), list(doomed))
        return sum(version.size for version in doomed.values())

    def _copied(
        self,
        chunks: Sequence[Chunk],
        known: _Known,
        era: int,
        there: set[str],
        failures: dict[str, LakeError],
    ) -> list[FrozenFile]:
        """Make the copies that lack, and give what was kept."""

        def named(kept: FrozenFile) -> str:
            return object_of(kept, known.get(_key(kept), era))

        files = [FrozenFile(chunk.series, chunk.entry) for chunk in chunks]
        have = there | {named(each) for each in files if _key(each) in known}

        def one(chunk: Chunk) -> FrozenFile | LakeError | None:
            try:
                return copy(self.objects, chunk, named, have)
            except CorruptFile as error:
                return error

        kept: list[FrozenFile] = []
        for chunk, result in zip(chunks, together(one, chunks, AT_ONCE), strict=True):
            if isinstance(result, LakeError):
                failures[name_of(chunk.series)] = result
            elif result is not None:
                kept.append(result)
        kept = [each for each in kept if name_of(each.series) not in failures]
        there |= set(map(named, kept))
        return kept

    def _add(self, state: State, manifest: Manifest, live: set[str]) -> None:
        """Commit a set: the files that the version before has not, and those that it has more."""
        wanted = {file.path: file for file in stored(manifest)}
        moment = manifest.created
        lines = delta.head("candles", self.url, moment) if state.tip.version < 0 else []
        lines += [delta.removed(path, moment) for path in sorted(live - wanted.keys())]
        lines += [delta.added(wanted[path], moment) for path in sorted(wanted.keys() - live)]
        key = f"{SETS}/{manifest.name}-{secrets.token_hex(8)}.json"
        self.objects.put(key, manifest.spell().encode(), None)
        named = Named(state.tip.version + 1, key, manifest.summary)
        sets = {**state.sets, manifest.name: named}
        change = Change(lines, moment, f"freeze {manifest.name}")
        self._names.commit(replace(state, sets=sets, latest=key), change)

    def _live(self, state: State, latest: Manifest | None) -> set[str]:
        """Give the paths of the files that the newest version has, below the table."""
        live = set() if latest is None else {file.path for file in stored(latest)}
        for commit in state.tip.since:
            new, gone = delta.changes(commit)
            live = live - gone | new
        return live

    def _needed(self, state: State) -> set[str]:
        """Name the objects that some name or the newest version needs."""
        manifests = {each.manifest for each in state.sets.values()}
        manifests |= {state.latest} if state.latest else set()
        needed = set(manifests)
        needed |= {state.names_at} if state.names_at else set()
        for manifest in together(self._manifest, sorted(manifests)):
            needed |= {f"{TABLE}/{file.path}" for file in stored(manifest)}
        for commit in state.tip.since:
            needed |= {f"{TABLE}/{path}" for path in delta.changes(commit)[0]}
        return needed

    def _manifest(self, key: str) -> Manifest:
        try:
            return manifest_of(json.loads(self.objects.read(key)[0]), f"{self.url}/{key}")
        except (FileNotFoundError, *NONSENSE) as error:
            said = f"{self.url}/{key} is not the manifest of a frozen set: {error!r}"
            raise CorruptFile(said) from error

    def _refuse_taken(self, name: str, state: State) -> None:
        if name in state.sets:
            raise InputError(f"a frozen set is called {name!r} already; sets never change")


def stored(manifest: Manifest) -> Iterable[Added]:
    """Give the files of a set as the table has them: where the copies lie, below the table."""
    for kept, file in zip(manifest.files, listed(manifest, "candles"), strict=True):
        key = object_of(kept, manifest.eras.get(kept.path, 0))
        yield file._replace(path=key.removeprefix(f"{TABLE}/"))


def _copies(manifest: Manifest) -> _Known:
    """Give the eras of the copies that the newest version has: they may be counted on."""
    return {_key(each): manifest.eras.get(each.path, 0) for each in manifest.files}


def _key(kept: FrozenFile) -> tuple[str, str | None]:
    return kept.path, kept.entry.sha256


def _now(state: State) -> int:
    """Give a moment for commits that are no set's: that of the newest one."""
    return max((each.summary.created for each in state.sets.values()), default=0)
