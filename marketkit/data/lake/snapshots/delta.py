"""Frozen sets as Delta tables: a log beside the files, which stay untouched."""

from __future__ import annotations

from pathlib import Path

from marketkit.data.lake.snapshots.snapshot import check_intact, folder_of, keeping
from marketkit.errors import MissingExtra, NotWritable

# Keys of the path, and no columns of the files: a Delta table may not have a name twice.
_KEYS = ("source", "timeframe", "series")


def publish(root: Path, name: str) -> Path:
    """Write the Delta log of a frozen set, once, and give the folder of the table.

    The log is one file that appears when it is complete, so a table is there or is not. Raises
    `CorruptFile` for a set that is not as it was frozen: others would read it without a question.
    """
    try:
        from deltalake import DeltaTable, Field, Schema, convert_to_deltalake  # noqa: PLC0415 - an extra
        from deltalake.exceptions import DeltaError  # noqa: PLC0415 - an extra
        from deltalake.schema import PrimitiveType  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra("deltalake", "delta") from None
    table = folder_of(root, name) / "candles"
    if DeltaTable.is_deltatable(str(table)):
        return table
    check_intact(root, name)
    with keeping(root):
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
    return table
