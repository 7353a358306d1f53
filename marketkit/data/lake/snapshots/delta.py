"""Frozen sets as Delta tables: a log beside the files, which stay untouched."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from marketkit.data.lake.snapshots.snapshot import DELTA_LOG, check_intact, folder_of, keeping
from marketkit.disk import sync_file, sync_folder, sync_tree
from marketkit.errors import MissingExtra, NotWritable

# Keys of the path, and no columns of the files: a Delta table may not have a name twice.
_KEYS = ("source", "timeframe", "series")


def publish(root: Path, name: str) -> Path:
    """Write the Delta log of a frozen set, once, and give the folder of the table.

    The log is one file that appears when it is complete, so a table is there or is not, and it is
    down when the call returns. One that a power cut left without its content is written again.
    Raises `CorruptFile` for a set that is not as it was frozen: others would read it unasked.
    """
    try:
        import deltalake  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise MissingExtra("deltalake", "delta") from None
    table = folder_of(root, name) / "candles"
    if _is_table(table):
        with suppress(PermissionError):  # then nothing was written here since long ago
            _put_down(table / DELTA_LOG)
        return table
    check_intact(root, name)
    with keeping(root):
        if not _is_table(table):  # nobody else was faster
            shutil.rmtree(table / DELTA_LOG, ignore_errors=True)
            _write(table, name)
        _put_down(table / DELTA_LOG)
    return table


def _is_table(table: Path) -> bool:
    """Say whether the log of a table is there and can be read."""
    from deltalake import DeltaTable  # noqa: PLC0415 - an extra
    from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra

    try:
        DeltaTable(str(table))
    except (DeltaError, OSError, ValueError):
        return False
    return True


def _write(table: Path, name: str) -> None:
    from deltalake import Field, Schema, convert_to_deltalake  # noqa: PLC0415 - an extra
    from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra
    from deltalake.schema import PrimitiveType  # noqa: PLC0415 - an extra

    try:
        convert_to_deltalake(
            str(table),
            mode="ignore",
            partition_by=Schema([Field(key, PrimitiveType("string")) for key in _KEYS]),
            partition_strategy="hive",
            name=name,
        )
    except DeltaError as error:
        raise NotWritable(f"no Delta log of {name} was written: {error}") from error


def _put_down(log: Path) -> None:
    """Have the log survive a power cut: files first, then their names, then the folder's own."""
    for path in sorted(each for each in log.rglob("*") if each.is_file()):
        sync_file(path)
    sync_tree(log)
    sync_folder(log.parent)
