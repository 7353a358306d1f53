"""Frozen sets: the lake of one moment, kept under a name and changed by nothing.

`snapshots/<name>/candles/...` are second names (hard links) of the files of the lake, as those
below `trades/` are. Writers only ever put new files in the place of old ones, so what a second name
points to stays as it was, and keeping it costs nothing until then. A set is made and taken away in
a folder with a hidden name and renamed in one step: a kill leaves at worst such a folder, which the
next that freezes sweeps.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from marketkit.coverage import ONE_ANSWER
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import Entry, read_footer
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.marker import FROZEN
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.format.refusal import not_allowed, unreadable
from marketkit.data.lake.format.strangers import is_stranger
from marketkit.data.lake.snapshots import delta
from marketkit.data.lake.snapshots.days import link_days, problem_of
from marketkit.data.lake.snapshots.linking import link_all
from marketkit.data.lake.snapshots.manifest import (
    Frozen,
    FrozenFile,
    Manifest,
    is_name,
    read_manifest,
)
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.left_out import brief, say, sources, survey
from marketkit.data.lake.trades.days import stored
from marketkit.disk import (
    TEMPORARY,
    link,
    make_folder,
    new_folder,
    sha256,
    sync_folder,
    sync_tree,
    write_new,
)
from marketkit.disk.system import rename
from marketkit.errors import CorruptFile, InputError, LakeError, NewerFormat, NotWritable, nearest
from marketkit.net import fork
from marketkit.schema import TIME, Schema
from marketkit.settings import library_version
from marketkit.timeframe import Timeframe

TABLES = ("candles", "trades")  # folders of a set, each with files of the same columns
SETS: Schema = {
    "name": pl.String(),
    "created": TIME,
    "files": pl.Int64(),
    "rows": pl.Int64(),
    "bytes": pl.Int64(),
    "hash": pl.String(),
}
PROBLEMS: Schema = {"path": pl.String(), "problem": pl.String()}

_FOLDER = "snapshots"
_LITTER = re.compile(rf"\.[0-9a-f]+{re.escape(TEMPORARY)}")  # as `new_folder` names them
_WAIT = 60.0  # seconds to wait for somebody else who freezes


def freeze(root: Path, index: Index, name: str) -> Frozen:
    """Keep every file of a lake under a name.

    Each file is one that a writer completed, and its bytes are compared with their proof: damage is
    never kept as if it were sound. A series with a damaged file, which is set aside, or with one
    that may not be read is no part of the set, as a warning says. Raises `CorruptFile`, with no set
    made, where that leaves nothing.
    """
    marker.check(root)
    _refuse_taken(root, name)
    found, failures = survey(index, sources(root))
    if not any(found.values()) and not any(map(partial(stored, root), sources(root, "trades"))):
        say(failures, anything=False)
        raise InputError(f"there are no candles to freeze in {root}")
    with keeping(root), new_folder(root / _FOLDER) as folder:
        _refuse_taken(root, name)
        files, spoilt = link_all(root, index, folder, list(found.items()))
        days, unsound = link_days(root, folder)
        failures |= spoilt | unsound
        if not files and not days:
            say(failures, anything=False)
        # machine's clock: a lake is frozen without an exchange, and "created" is for people
        created = time.time_ns() // 1_000_000
        manifest = Manifest.of(name, created, library_version(), files, days)
        write_new(folder / FROZEN, manifest.spell())
        # All of it must be down before the set has its name.
        sync_tree(folder)
        rename(folder, root / _FOLDER / name)
        sync_folder(root / _FOLDER)
    say(failures, anything=True)
    return manifest.summary


def frozen(root: Path) -> pl.DataFrame:
    """Give one row for each set, oldest first; of one that cannot be read only the name."""
    rows = [_summary(root, name) for name in names(root)]
    return pl.DataFrame(rows, schema=dict(SETS), orient="row").sort(
        "created", "name", nulls_last=True
    )


def verify(root: Path, name: str) -> pl.DataFrame:
    """Give one row for each file of a set that differs from the manifest."""
    folder = folder_of(root, name)
    try:
        problems = list(_problems(folder, read_manifest(folder)))
    except CorruptFile as error:
        problems = [(FROZEN, brief(error)[0])]
    rows = [(shown(path), shown(problem)) for path, problem in problems]
    return pl.DataFrame(rows, schema=dict(PROBLEMS), orient="row")


def check_intact(root: Path, name: str) -> None:
    """Raise `CorruptFile` for a set with a byte other than the frozen one."""
    for path, problem in verify(root, name).rows():
        raise CorruptFile(f"the frozen set {name} is not as it was frozen: {path} {problem}")


def thaw(root: Path, name: str, into: Path) -> None:
    """Make a new lake with the candles of a set, all at once or not at all."""
    check_intact(root, name)
    if into.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{into} lies inside the lake {root}")
    thaw_folder(folder_of(root, name), into)


def thaw_folder(folder: Path, into: Path, linked: Callable[[str, str], None] = link) -> None:
    """Make a new lake with the files of the set in a folder, all at once or not at all.

    `linked` gives a file a second name.
    """
    if into.exists() and not (into.is_dir() and not any(into.iterdir())):
        raise InputError(f"{into} is there already: name a new folder")
    with _refusals_named(into):
        make_folder(into.parent)
        with new_folder(into.parent) as new:
            manifest = read_manifest(folder)
            for below in manifest.paths:
                (new / below).parent.mkdir(parents=True, exist_ok=True)
                linked(f"{folder}/{below}", f"{new}/{below}")
            marker.prepare(new)
            sync_tree(new)
            with suppress(FileNotFoundError):
                into.rmdir()
            rename(new, into)
            sync_folder(into.parent)


def delete(root: Path, name: str) -> None:
    """Remove a set in one step, so that no half of a set is ever found."""
    with keeping(root):
        doomed = root / _FOLDER / f".{secrets.token_hex(8)}{TEMPORARY}"
        folder = folder_of(root, name)
        if folder.is_symlink():  # of a set that is kept elsewhere only the name is ours
            folder.unlink()
            return
        rename(folder, doomed)
        sync_folder(doomed.parent)
        shutil.rmtree(doomed)


def folder_of(root: Path, name: str) -> Path:
    """Give the folder of a set. Raises `InputError` with the nearest names if there is none."""
    fork.check()
    known = names(root)
    if name not in known:
        raise InputError(f"no frozen set is called {name!r}{nearest(str(name), known)}")
    return root / _FOLDER / name


def litter(root: Path) -> list[Path]:
    """List the folders of processes that are freezing or deleting now, or died in between."""
    found = (root / _FOLDER).glob(f".*{TEMPORARY}")
    return sorted(each for each in found if _LITTER.fullmatch(each.name) and not each.is_symlink())


@contextmanager
def keeping(root: Path) -> Iterator[None]:
    """Hold the lock for making, publishing or deleting sets; leftovers of the dead are swept.

    Raises `NotWritable`, also for what fails inside because the disk is full or refuses.
    """
    with _refusals_named(root):
        marker.prepare(root)
        path = root / ".locks" / "snapshots.lock"
        make_folder(path.parent)
        try:
            lock = FileLock(path).acquire(timeout=_WAIT)
        except Timeout as error:
            raise LakeError(f"another has held {path} for {_WAIT:.0f}s") from error
        with lock:
            for folder in litter(root):
                shutil.rmtree(folder, ignore_errors=True)
            yield


class FrozenIndex(Index):
    """The manifest of a frozen set in place of a look at the files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._entries: dict[Series, list[Entry]] = {}
        for kept in read_manifest(folder).files:
            self._entries.setdefault(kept.series, []).append(kept.entry)

    def look(self, wanted: Sequence[Series]) -> list[list[Entry]]:
        """List the chunks of each series in the order of time."""
        return [self._entries.get(series, []) for series in wanted]

    def survey(
        self, wanted: Sequence[Series]
    ) -> tuple[dict[Series, list[Entry]], dict[Series, LakeError]]:
        """List the same by series; no file is looked at, and so none fails."""
        return dict(zip(wanted, self.look(wanted), strict=True)), {}

    def stored(self, source: str, timeframe: Timeframe) -> list[Series]:
        """List every series of a timeframe, sorted by symbol."""
        wanted = (source, timeframe)
        return [each for each in self._entries if (each.source, each.timeframe) == wanted]

    def _try(self, _use: object) -> None:
        """Keep no database in a folder that nothing is written to."""


def names(root: Path) -> list[str]:
    """List the names of the sets, sorted."""
    folder = root / _FOLDER
    try:
        sets = [each for each in folder.iterdir() if is_name(each.name) and each.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(each.name for each in sets)


def check_name(name: str) -> None:
    """Refuse what cannot name a frozen set."""
    if not is_name(name):
        raise InputError(
            f"{name!r} cannot name a frozen set: up to 100 letters, digits and . _ -,"
            " with a letter or digit first and no dot last"
        )


def _refuse_taken(root: Path, name: str) -> None:
    check_name(name)
    if os.path.lexists(root / _FOLDER / name):
        raise InputError(f"a frozen set is called {name!r} already; sets never change")


@contextmanager
def _refusals_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except LakeError:
        raise
    except OSError as error:
        raise NotWritable(f"{folder} cannot be written: {error}") from error


def _summary(root: Path, name: str) -> tuple[object, ...]:
    try:
        said = read_manifest(root / _FOLDER / name).summary
    except (CorruptFile, NewerFormat):
        return name, None, None, None, None, None
    return name, said.created, said.files, said.rows, said.bytes, said.hash


def _problems(folder: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest.name != folder.name:
        yield FROZEN, f"is that of the set {manifest.name!r}"
    for kept in manifest.files:
        problem = _problem(folder / kept.path, kept)
        if problem:
            yield kept.path, problem
    for day in manifest.days:
        if (problem := problem_of(folder / day.path, day)) is not None:
            yield day.path, problem
    known = set(manifest.paths)
    for path in sorted(each for top in TABLES for each in (folder / top).rglob("*")):
        below = path.relative_to(folder).as_posix()
        published = f"{below}/".startswith(tuple(f"{top}/{delta.LOG}/" for top in TABLES))
        ours = below not in known and not published and not is_stranger(path.name)
        if ours and not path.is_dir():
            yield below, "is not in the manifest"


def _problem(path: Path, kept: FrozenFile) -> str | None:
    try:
        if sha256(path) != kept.entry.sha256:
            return f"its bytes are not those that were frozen ({path.stat().st_size} of them)"
        footer, stamp = read_footer(path, kept.series)
    except FileNotFoundError:
        return "is missing"
    except PermissionError:
        return not_allowed(path)
    except (OSError, CorruptFile, NewerFormat) as error:
        return str(error)
    told = kept.entry.footer
    if told.rests_on == ONE_ANSWER:  # an older marketkit, which froze the set, reads no more
        footer = replace(footer, rests_on=ONE_ANSWER)
    if (footer, stamp.size) != (told, kept.entry.stamp.size):
        return "the manifest says of it what the file does not"
    return None
