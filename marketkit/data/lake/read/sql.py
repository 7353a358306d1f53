"""SQL over the lake: DuckDB sees the candles as views, and nothing else of the machine.

The files are opened here and handed over open. A query that named them would open them more than
once, and break when a writer replaces one in between; and DuckDB would have to be let at the disk,
where a query can write as well as read. What the lake knows of each file, its symbol and its span
of time, lets a query pass by the files it does not need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from marketkit.data.lake.format.chunk import Entry
from marketkit.data.lake.format.layout import chunk_span
from marketkit.data.lake.store.scan import allow_open, broken_of, open_file
from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.store.verified import known_of, verify_files
from marketkit.errors import CorruptFile, InputError, MissingExtra
from marketkit.schema import ROW, TIME, empty
from marketkit.timeframe import TIMEFRAMES, Timeframe

_ALL = "candles"
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",  # variables of the caller are no tables
}
# What DuckDB says, up to 1.x and since, when the rows it is handed break off.
_UNREADABLE = re.compile("get_next failed|reading the stream registered")


def view_of(timeframe: Timeframe) -> str:
    """Name the view of a timeframe: `candles_1m`; a month is `1mo`, for SQL ignores case.

    >>> view_of(TIMEFRAMES["1M"])
    'candles_1mo'
    """
    return f"{_ALL}_{timeframe.name if timeframe.name.islower() else timeframe.token}"


def answer(store: Store, text: str) -> pl.DataFrame:
    """Answer a query over the files of a store at this moment."""
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtra("duckdb", "sql") from None
    with ExitStack() as stack:
        spill = stack.enter_context(TemporaryDirectory(prefix="marketkit-sql-"))
        connection = duckdb.connect(":memory:", config={**_CLOSED, "temp_directory": spill})
        stack.enter_context(connection)
        paths = _offer(connection, store, text, stack)
        try:
            rows = connection.sql(text)
            frame: pl.DataFrame | None = None if rows is None else rows.pl()
        except duckdb.Error as error:
            if _UNREADABLE.search(str(error)):
                raise CorruptFile(f"{broken_of(paths)} cannot be read: {error}") from error
            raise InputError(f"DuckDB refuses the query: {error}") from error
        except pl.exceptions.PolarsError as error:
            raise InputError(f"no frame can hold what the query gives: {error}") from error
    if frame is None:
        raise InputError("the query gives no rows: only reading is possible, as in 'select ...'")
    return frame.cast({pl.Datetime("us", "UTC"): TIME})


def _offer(connection: Any, store: Store, text: str, stack: ExitStack) -> list[Path]:
    """Make the views that the text of a query names, and give the files behind each."""
    named = set(re.findall(rf"\b{_ALL}(?:_\w+)?\b", text.lower()))
    found = {
        timeframe: store.select(None, timeframe)
        for timeframe in TIMEFRAMES.values()
        if named & {_ALL, view_of(timeframe)}
    }
    connection.execute("SET TimeZone = 'UTC'")
    paths: list[Path] = []
    for timeframe, selection in found.items():
        files = _files(selection)
        connection.register(view_of(timeframe), _dataset(timeframe, files, stack))
        paths += [path for path, _, _ in files]
    if _ALL in named:
        connection.execute(f"CREATE VIEW {_ALL} AS {_union(found)}")
    connection.execute("SET lock_configuration = true")
    return paths


def _files(selection: Selection) -> list[tuple[Path, str, Entry]]:
    """List the files with candles: path, symbol and entry."""
    return [
        (selection.root / series.path(entry.chunk), series.symbol, entry)
        for series, entries in selection.found.values()
        for entry in entries
        if entry.footer.rows
    ]


def _dataset(timeframe: Timeframe, files: list[tuple[Path, str, Entry]], stack: ExitStack) -> Any:
    """Make files one table; the files stay open for as long as the stack does."""
    import pyarrow as pa  # noqa: PLC0415 - slow, and only for this
    from pyarrow import dataset as ds  # noqa: PLC0415 - as above

    time_type = pa.timestamp("ms", "UTC")

    def promise(symbol: str, chunk: str) -> Any:
        """Promise symbol and span of any version of a file, for a writer may replace one."""
        start, end = (pa.scalar(edge, time_type) for edge in chunk_span(timeframe, chunk))
        time = ds.field("time")
        return (ds.field("symbol") == symbol) & (time >= start) & (time < end)

    allow_open(len(files))
    kind = ds.ParquetFileFormat()
    parts = [
        kind.make_fragment(
            stack.enter_context(_open(path, entry)),
            partition_expression=promise(symbol, entry.chunk),
        )
        for path, symbol, entry in files
    ]
    schema = empty(ROW).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return ds.FileSystemDataset(parts, schema, kind)


def _union(timeframes: Iterable[Timeframe]) -> str:
    return " UNION ALL ".join(  # of our own names only
        f"SELECT symbol, '{timeframe}' AS timeframe, * EXCLUDE (symbol) FROM {view_of(timeframe)}"  # noqa: S608
        for timeframe in timeframes
    )


def _open(path: Path, entry: Entry) -> Any:
    """Open a file for pyarrow, after a comparison of the bytes with the proof."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    with open_file(path) as file:
        verify_files([(path, file)], known_of([(path, entry)]))
    try:
        return pa.OSFile(str(path))
    except OSError as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error
