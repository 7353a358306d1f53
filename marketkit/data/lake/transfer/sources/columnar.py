"""Parquet, Arrow and Feather files of anybody, by a reader that no bytes can crash."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import polars as pl

from marketkit.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(content: bytes) -> pl.DataFrame:
    """Give the columns of a Parquet file that hold one value a row. Raises `InputError`."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and seldom wanted
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(BytesIO(content), page_checksum_verification=True) as file:
            return _frame(file.read())
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise InputError("cannot be read: no whole Parquet file") from error


def read_arrow(content: bytes) -> pl.DataFrame:
    """Give the columns of an Arrow or Feather file that hold one value a row.

    Raises `InputError`.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.feather  # noqa: PLC0415 - as above

    try:
        return _frame(pyarrow.feather.read_table(BytesIO(content), memory_map=False))
    except (pa.ArrowException, OSError, MemoryError, ValueError):
        pass
    try:
        with pa.ipc.open_stream(BytesIO(content)) as stream:
            return _frame(stream.read_all())
    except (pa.ArrowException, OSError, MemoryError, ValueError) as error:
        raise InputError("cannot be read: no whole Arrow file") from error


def _frame(table: pa.Table) -> pl.DataFrame:
    import pyarrow as pa  # noqa: PLC0415 - as above

    table.validate(full=True)
    known = [name for name in table.column_names if table.column_names.count(name) == 1]
    flat = [name for name in known if not pa.types.is_nested(table.schema.field(name).type)]
    columns = [_in_utc(table.column(name)) for name in flat]
    frame = pl.from_arrow(pa.table(columns, names=flat))
    if not isinstance(frame, pl.DataFrame):  # for the types: of a table it is one
        raise InputError("cannot be read: no table")
    return frame


def _in_utc(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give zoned times in UTC: zones such as +09:00 are names that not all know."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp(kind.unit, "UTC"))
    return column
