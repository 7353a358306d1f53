"""A lake and the unsettled candles beside, which lie in a small lake of their own, seen as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.audit import audit as audits
from marketkit.data.lake.audit import away, images
from marketkit.data.lake.audit import repair as repairs
from marketkit.data.lake.audit.findings import AUDIT
from marketkit.data.lake.audit.widths import with_narrower
from marketkit.data.lake.store.index import Index, UnkeptIndex
from marketkit.data.lake.store.rows import times_of
from marketkit.data.lake.store.store import Store
from marketkit.data.lake.store.unsettled import FOLDER, Unsettled
from marketkit.errors import LakeError
from marketkit.timeframe import TIMEFRAMES
from marketkit.window import EVER


def audit(store: Store, *, tier: bool = False) -> pl.DataFrame:
    """List the faults of a lake and of the one beside, and unsettled candles that do not add up.

    With `tier` those of images come last.
    """
    rows = images.look() if tier else ()
    return pl.concat([_audit(store), pl.DataFrame(rows, schema=dict(AUDIT), orient="row")])


def _audit(store: Store) -> pl.DataFrame:
    if store.mirror is not None:
        return away.audit(store.mirror)
    found = audits.audit(store.root)
    if not _is_there(store.root / FOLDER):
        return found
    beside = audits.audit(store.root / FOLDER)
    rows = [*_unsettled(store.root, store.source)] if beside.is_empty() else []
    more = pl.DataFrame(rows, schema=dict(AUDIT), orient="row")
    return pl.concat([found, _below(beside), more])


def repair(store: Store, *, dry_run: bool) -> pl.DataFrame:
    """Mend a lake and the one beside; see `Lake.repair`."""
    if store.mirror is not None:
        return away.repair(store.mirror, dry_run=dry_run)
    root, index = store.root, store.index
    found = repairs.repair(root, index, dry_run=dry_run)
    side = root / FOLDER
    if not _is_there(side):
        return found
    return pl.concat([found, _below(repairs.repair(side, Index(side), dry_run=dry_run))])


def _is_there(side: Path) -> bool:
    try:
        return side.is_dir()
    except OSError:  # of a lake that may not be read: the audit of that says so
        return False


def _below(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(path=pl.lit(f"{FOLDER}/") + pl.col("path"))


def _unsettled(root: Path, source: str) -> Iterator[tuple[str, ...]]:
    store = Store(root, source=source)
    store.index = UnkeptIndex(root)
    beside = Unsettled(store, UnkeptIndex)
    for timeframe in TIMEFRAMES.values():
        for symbol in beside.symbols(timeframe):
            try:
                found = store.select([symbol], timeframe)
                rows = beside.read(found, EVER, [symbol])
                slots = Spans((time, timeframe.next(time)) for time in times_of(rows).to_list())
                told = list(with_narrower(store, symbol, rows, slots, timeframe))
            except LakeError:  # told of by its own finding
                continue
            for each in told:
                yield FOLDER, symbol, timeframe.name, "differs", f"unsettled: {each}"
