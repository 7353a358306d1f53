"""Mend without guessing; the rest becomes unknown, and the bytes are kept aside.

Nothing is ever thrown away but litter: a file that is replaced or taken out of the lake lies under
`corrupt/<time>/` as it was. What a repair takes out of the lake is no longer covered, so that the
next backfill asks for it again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import polars as pl

from marketkit.data.lake.audit.audit import look, read_log
from marketkit.data.lake.audit.chunk import inspect
from marketkit.data.lake.audit.findings import FINDING, Finding
from marketkit.data.lake.format import marker
from marketkit.data.lake.format.chunk import Stamp, write_chunk
from marketkit.data.lake.format.journal import FOLDER
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.nonsense import shown
from marketkit.data.lake.snapshots.snapshot import keeping
from marketkit.data.lake.store import database
from marketkit.data.lake.store.aside import Aside
from marketkit.data.lake.store.index import Index
from marketkit.data.lake.store.journals import Journals
from marketkit.data.lake.store.pages import compact
from marketkit.data.lake.store.place import Place
from marketkit.data.lake.store.write import only_writer
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.disk import write_atomic
from marketkit.disk.system import remove
from marketkit.errors import LakeError, NotWritable
from marketkit.schema import Schema

ACTION = pl.Enum(["removed", "mended", "set aside", "remade", "left"])
REPAIR: Schema = {
    "path": pl.String(),
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "finding": FINDING,
    "action": ACTION,
    "detail": pl.String(),
}


def repair(root: Path, index: Index, *, dry_run: bool = False) -> pl.DataFrame:
    """Mend each finding as far as that can be done, and say how.

    `left` is what only a person can judge: files of a later marketkit, names that mean nothing,
    what this user may not read, and what could not be mended. Raises `NotWritable` or `LakeError`
    where nothing could be.
    """
    found = look(root)
    if not dry_run:
        try:
            failures = _mend_all(root, index, found)
        except LakeError:
            raise
        except OSError as error:
            raise NotWritable(f"the lake {root} cannot be written: {error}") from error
        found = [_told(each, failures.get(each.path)) for each in found]
    rows = [(*each.place, each.finding, each.action, shown(each.detail)) for each in found]
    return pl.DataFrame(rows, schema=dict(REPAIR), orient="row")


def _told(found: Finding, failure: Exception | None) -> Finding:
    if failure is None:
        return found
    said = f"{found.detail}; this could not be mended: {failure}"
    return replace(found, action="left", detail=said)


def _mend_all(root: Path, index: Index, found: list[Finding]) -> dict[str, Exception]:
    """Mend each file once, however many findings there are; give the paths that could not be.

    Where that are all, the first failure is raised.
    """
    failures: dict[str, Exception] = {}
    todo = {each.path: each for each in found if each.action != "left"}
    # A file that cannot be kept is not to be mended first.
    todo |= {each.path: each for each in found if each.action == "set aside"}
    if todo:
        aside = Aside(root)
        if todo.pop("lake.json", None) is not None and (root / "lake.json").exists():
            aside.move(root / "lake.json")
        marker.prepare(root)
        for each in todo.values():
            try:
                _mend(root, each, aside)
            except (OSError, LakeError) as failure:
                failures[each.path] = failure
        if failures and len(failures) == len(todo):
            raise next(iter(failures.values()))
        for each in todo.values():
            if each.action == "set aside" and isinstance(each.series, Series):
                with suppress(LakeError):
                    index.entries(each.series)  # looks again, and so forgets what is gone
    return failures


def _mend(root: Path, found: Finding, aside: Aside) -> None:
    path, series = root / found.path, found.series
    if found.finding == "index":
        database.remove(root)
    elif found.path.startswith("snapshots/"):
        with keeping(root):
            pass  # it sweeps
    elif series is None and found.action == "set aside":
        with suppress(FileNotFoundError):  # somebody else was faster
            aside.move(path)
    elif series is None:
        remove(path)
    elif isinstance(series, Series) and _is_journal(found):
        compact(Place(root, Index(root), Journals(root)), series)
    else:
        with only_writer(root, series):
            _mend_in_series(path, series, found, aside)


def _is_journal(found: Finding) -> bool:
    """Say whether a journal is to be taken into chunks, and damaged parts to be kept aside."""
    return found.path.startswith(f"{FOLDER}/") and found.action == "mended"


def _mend_in_series(path: Path, series: Series | TradeSeries, found: Finding, aside: Aside) -> None:
    """Mend a file that no writer can be at."""
    if found.stamp is None:
        _mend_beside_chunks(path, found, aside)
    elif not path.exists() or Stamp.of(path.stat()) != found.stamp:
        pass  # somebody else has replaced or mended it since
    elif found.action == "set aside" or not isinstance(series, Series):
        aside.move(path)
    else:
        trusted = inspect(path, series).trusted
        if trusted is not None:
            aside.link(path)
            write_chunk(path, trusted.rows, trusted.footer, series)


def _mend_beside_chunks(path: Path, found: Finding, aside: Aside) -> None:
    if found.action == "mended":
        _mend_log(path, aside)
    else:
        remove(path)


def _mend_log(path: Path, aside: Aside) -> None:
    """Keep the lines of a log of revisions that can be read."""
    lines = read_log(path).good
    aside.link(path)
    write_atomic(path, lambda file: file.writelines(line + b"\n" for line in lines))
