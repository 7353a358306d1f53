"""The first sheet of an Excel workbook, as cells of text."""

from __future__ import annotations

from io import BytesIO

import polars as pl

from marketkit.data.lake.transfer.sources.columns import Given, is_header
from marketkit.errors import InputError, MissingExtra

_MIDNIGHT = " 00:00:00"
_LINES = 20  # rows above a header: more than anybody leaves


def read_sheet(content: bytes, given: Given) -> pl.DataFrame:
    """Give the cells below the header of a workbook's first sheet as strings, null where empty.

    Raises `InputError`, and `MissingExtra` where no reader of workbooks is installed.
    """
    try:
        cells = pl.read_excel(BytesIO(content), has_header=False, infer_schema_length=0)
    except ModuleNotFoundError as error:
        raise MissingExtra("fastexcel", "excel") from error
    except Exception as error:  # the reader has errors of its own kind
        raise InputError("cannot be read: no whole Excel workbook (.xlsx)") from error
    for at, row in enumerate(cells.head(_LINES).iter_rows()):
        names = ["" if cell is None else str(cell).strip() for cell in row]
        if is_header(names, given):
            return _named(cells.slice(at + 1), names)
    first = ["" if cell is None else str(cell) for cell in cells.row(0)]
    return _named(cells.slice(1), first)


def _named(cells: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Name the columns; of two of one name, and of none, the first counts."""
    kept = [at for at, name in enumerate(names) if name not in names[:at]]
    columns = cells.get_columns()
    return pl.DataFrame([_days(columns[at].cast(pl.String)).alias(names[at]) for at in kept])


def _days(column: pl.Series) -> pl.Series:
    """Give days as such: a workbook keeps midnights."""
    if column.str.ends_with(_MIDNIGHT).all() and column.null_count() < len(column):
        return column.str.strip_suffix(_MIDNIGHT)
    return column
