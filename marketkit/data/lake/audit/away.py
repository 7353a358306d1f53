"""The audit of a lake in a bucket: every object is read, laid down beside, and looked at as a file.

No writer leaves litter in a bucket, and there is no index to compare: that of a machine is a cache
by version. What is mended goes by the version that was looked at: an object that another has
replaced since is left to him.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.audit import audit as audits
from marketkit.data.lake.audit.chunk import inspect
from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.audit.repair import REPAIR
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import spell_chunk
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.format.objects import Conflict, Removing, Version
from marketkit.data.lake.places import mark
from marketkit.data.lake.places.locks import held
from marketkit.data.lake.store import away_care
from marketkit.data.lake.store.mirror import Mirror, together, writable
from marketkit.data.lake.store.revisions import LOG_SUFFIX
from marketkit.data.lake.store.unsettled import FOLDER
from marketkit.disk import make_folder
from marketkit.errors import LakeError

_COPY = ".audit-"  # how the folders of copies begin, in the mirror
_OTHERS = (f"{FOLDER}/", "corrupt/", "tables/")  # looked at elsewhere, or by a person


class _Copy(NamedTuple):
    """The objects of a lake as files below `root`, and the version of each."""

    root: Path
    versions: dict[str, Version]


def audit(mirror: Mirror) -> pl.DataFrame:
    """List the faults of a lake and of the one of unsettled candles below."""
    with _copied(mirror) as copy:
        found = audits.audit(copy.root)
    if mirror.root.name == FOLDER or not (below := mirror.below(FOLDER)).check():
        return found
    return pl.concat([found, _below(audit(below))])


def repair(mirror: Mirror, *, dry_run: bool = False) -> pl.DataFrame:
    """Mend a lake as `repair.repair` does one on a disk. Raises `NotWritable`."""
    found = _repair(mirror, dry_run=dry_run)
    if mirror.root.name == FOLDER or not (below := mirror.below(FOLDER)).check():
        return found
    return pl.concat([found, _below(repair(below, dry_run=dry_run))])


def _repair(mirror: Mirror, *, dry_run: bool) -> pl.DataFrame:
    with _copied(mirror) as copy, writable(mirror.url):
        found, done = audits.look(copy.root), dict[str, Finding]()
        for each in found:
            if each.path not in done and each.action != "left" and not dry_run:
                done[each.path] = _mended(mirror, copy, each)
    told = [_told(each, done.get(each.path, each)) for each in found]
    rows = [(*each.place, each.finding, each.action, shown(each.detail)) for each in told]
    return pl.DataFrame(rows, schema=dict(REPAIR), orient="row")


def _told(found: Finding, done: Finding) -> Finding:
    """Give a finding with what was done to its object, and the reason where that was nothing."""
    detail = done.detail if done.action == "left" else found.detail
    return replace(found, action=done.action, detail=detail)


def _mended(mirror: Mirror, copy: _Copy, found: Finding) -> Finding:
    try:
        _mend(mirror, copy, found)
    except (LakeError, OSError) as failure:
        if isinstance(failure, Conflict) and not isinstance(failure, Removing):
            return found  # another has replaced it, or mended it as well
        said = f"{found.detail}; this could not be mended: {failure}"
        return replace(found, action="left", detail=said)
    return found


def _mend(mirror: Mirror, copy: _Copy, found: Finding) -> None:
    if found.path == marker.NAME:
        if (version := copy.versions.get(marker.NAME)) is not None:
            away_care.keep(mirror, marker.NAME, version)
            mark.replace(mirror.objects, version)
        mirror.distrust()
        mirror.prepare()
    elif found.path.endswith(LOG_SUFFIX):
        _mend_log(mirror, copy, found.path.removesuffix(LOG_SUFFIX))
    elif found.action == "mended" and isinstance(found.series, Series):
        trusted = inspect(copy.root / found.path, found.series).trusted
        if trusted is not None:
            away_care.keep(mirror, found.path, copy.versions[found.path])
            content, _ = spell_chunk(trusted.rows, trusted.footer, found.series)
            mirror.put(found.path, content, copy.versions[found.path])
    else:
        _set_aside(mirror, copy, found.path)


def _set_aside(mirror: Mirror, copy: _Copy, key: str) -> None:
    version = copy.versions[key]
    away_care.keep(mirror, key, version)
    mirror.objects.delete(key, version)
    (mirror.root / key).unlink(missing_ok=True)


def _mend_log(mirror: Mirror, copy: _Copy, folder: str) -> None:
    """Keep the lines that can be read, of each object of a log that has others."""
    for key in [each for each in copy.versions if each.startswith(f"{folder}/")]:
        log = audits.read_log(copy.root / _piece(key))
        if log.wrong or log.half:
            away_care.keep(mirror, key, copy.versions[key])
            content = b"".join(line + b"\n" for line in log.good)
            mirror.objects.put(key, content, copy.versions[key])
            (mirror.root / _piece(key)).unlink(missing_ok=True)


@contextmanager
def _copied(mirror: Mirror) -> Iterator[_Copy]:
    """Lay all objects down in a folder of their own for as long as they are looked at."""
    make_folder(mirror.root)
    for left in mirror.root.glob(f"{_COPY}*"):
        with suppress(LakeError), _own(left):  # another audit is at work there
            shutil.rmtree(left, ignore_errors=True)
    root = mirror.root / f"{_COPY}{secrets.token_hex(8)}"
    with _own(root):
        try:
            root.mkdir(mode=0o700)
            keys = [key for key, _ in mirror.objects.list("") if _is_judged(key)]
            fetched = together(lambda key: _fetch(mirror, root, key), keys)
            versions = dict(each for each in fetched if each is not None)
            _join_logs(root, sorted(versions))
            yield _Copy(root, versions)
        finally:
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _own(root: Path) -> Iterator[None]:
    """Hold the lock of a copy, which a process that was killed does not any more."""
    lock = root.parent / ".locks" / f"{root.name.removeprefix('.')}.lock"
    with held(lock, 0.0):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no file that is open
                lock.unlink()


def _is_judged(key: str) -> bool:
    return not key.startswith((".", *_OTHERS))


def _fetch(mirror: Mirror, root: Path, key: str) -> tuple[str, Version] | None:
    with suppress(FileNotFoundError):  # deleted since it was listed
        content, version = mirror.objects.read(key)
        path = root / (_piece(key) if _is_piece(key) else key)
        make_folder(path.parent)
        path.write_bytes(content)
        return key, version
    return None


def _is_piece(key: str) -> bool:
    return key.startswith("revisions/") and key.count("/") == 4 and key.endswith(LOG_SUFFIX)


def _piece(key: str) -> str:
    """Give the place of an object of a log in a folder of this machine, beside the whole log."""
    return f".{key}"


def _join_logs(root: Path, keys: list[str]) -> None:
    """Put the objects of each log together, as on a disk."""
    for key in filter(_is_piece, keys):
        path = root / f"{key.rpartition('/')[0]}{LOG_SUFFIX}"
        make_folder(path.parent)
        with path.open("ab") as log:
            log.write((root / _piece(key)).read_bytes())


def _below(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(path=pl.lit(f"{FOLDER}/") + pl.col("path"))
