"""SQL over the lake: DuckDB sees the candles as views, and nothing else of the machine.

The files are opened here and handed over open. A query that named them would open them more than
once, and break when a writer replaces one in between; and DuckDB would have to be let at the disk,
where a query can write as well as read. What the lake knows of each file, its symbol and its span
of time, lets a query pass by the files it does not need.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.data.lake.format.chunk import Entry, Version
from marketkit.data.lake.format.layout import chunk_span
from marketkit.data.lake.format.nonsense import UNREADABLE
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.away import bring, held_of, let_go, reading
from marketkit.data.lake.store.left_out import say
from marketkit.data.lake.store.pending import Patched
from marketkit.data.lake.store.scan import Files, allow_open, broken_of, open_file, read
from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.store.verified import known_of, verify_files
from marketkit.data.lake.trades.day import ON_DISK
from marketkit.data.lake.trades.store import TradeStore
from marketkit.disk import temporary_folder
from marketkit.errors import CorruptFile, InputError, LakeError, MissingExtra
from marketkit.schema import ROW, TIME, empty
from marketkit.timeframe import TIMEFRAMES, Timeframe
from marketkit.window import EVER

_ALL = "candles"
_TRADES = re.compile(r'(?:\bfrom|\bjoin|,)\s*"?trades\b', re.IGNORECASE)  # where a table is named
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",  # variables of the caller are no tables
}
# What DuckDB says, up to 1.x and since, when the rows it is handed break off.
_BUT = re.compile(r"!=|<>|\bnot\b|\bexcept\b", re.IGNORECASE)  # a code that is named to be left out
# Kinds that come as no column, or as bytes of DuckDB's own.
_ODD = re.compile(r"INTERVAL|\bBIT\b|\bUNION\b|BIGNUM|VARINT|TIME WITH TIME ZONE")
_PER_DAY = {"Date": 1, "ms": 86_400_000, "us": 86_400_000_000}  # ns reach from 1677 to 2262
_EPOCH = date(1970, 1, 1).toordinal()
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
    import pyarrow as pa  # noqa: PLC0415 - slow, and only for this

    with ExitStack() as stack:
        spill = stack.enter_context(temporary_folder("sql"))
        connection = duckdb.connect(":memory:", config={**_CLOSED, "temp_directory": str(spill)})
        stack.enter_context(connection)
        offered = _offer(connection, store, text, stack)
        try:
            rows = connection.sql(text)
            frame: pl.DataFrame | None = None if rows is None else _spelt(rows).pl()
        except duckdb.Error as error:
            if _UNREADABLE.search(str(error)):
                raise CorruptFile(f"{broken_of(offered.paths)} cannot be read: {error}") from error
            raise InputError(f"DuckDB refuses the query: {error}") from error
        except (*UNREADABLE, pa.ArrowException) as error:
            first, _, _ = str(error).partition("\n")
            raise InputError(
                f"no frame can hold what the query gives: {first.partition(' Hint')[0]};\n"
                "cast the column in the query, as in 'select x::varchar'"
            ) from error
    if frame is None:
        raise InputError("the query gives no rows: only reading is possible, as in 'select ...'")
    _refuse_far(frame)
    say(offered.failures, anything=bool(offered.paths))
    return frame.cast({pl.Datetime("us", "UTC"): TIME})


class _Offered(NamedTuple):
    """The files behind the views of a query, and the series that could not be offered."""

    paths: list[Path]
    failures: dict[str, LakeError]


def _offer(connection: Any, store: Store, text: str, stack: ExitStack) -> _Offered:
    """Make the views that the text of a query names."""
    named = set(re.findall(rf"\b{_ALL}(?:_\w+)?\b", text.lower()))
    wanted = [each for each in TIMEFRAMES.values() if named & {_ALL, view_of(each)}]
    connection.execute("SET TimeZone = 'UTC'")
    offered, symbols = _Offered([], {}), set[str]()
    for timeframe in wanted:
        files: list[_File] = []
        try:
            selection = store.select(None, timeframe)
        except CorruptFile as failure:
            offered.failures[f"all {timeframe}"] = failure
        else:
            offered.failures.update(selection.failures)
            files, broken = _opened(_files(selection), stack)
            offered.failures.update({f"{name} {timeframe}": each for name, each in broken.items()})
        connection.register(view_of(timeframe), _dataset(timeframe, files))
        offered.paths.extend(each.path for each in files)
        symbols.update(each.symbol for each in files)
    if _TRADES.search(text):
        offered.paths.extend(_offer_trades(connection, store, stack))
    _refuse_broken(text, symbols, offered.failures)
    if _ALL in named:
        connection.execute(f"CREATE VIEW {_ALL} AS {_union(wanted)}")
    connection.execute("SET lock_configuration = true")
    return offered


def _offer_trades(connection: Any, store: Store, stack: ExitStack) -> list[Path]:
    """Make the view of all trades, of the markets that can be read."""
    from pyarrow import dataset as ds  # noqa: PLC0415 - slow, and only for this

    paths = TradeStore(store.root, store.source).paths(None, EVER)
    allow_open(2 * len(paths))
    kind = ds.ParquetFileFormat()
    parts = [kind.make_fragment(stack.enter_context(_open_sound(path))) for path in paths]
    schema = empty(ON_DISK).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    connection.register("trades", ds.FileSystemDataset(parts, schema, kind))
    return paths


def _spelt(rows: Any) -> Any:
    """Have columns of kinds that no frame has come as text."""
    odd = [
        f"CAST({name} AS VARCHAR) AS {name}"
        for name, kind in (
            ('"' + name.replace('"', '""') + '"', str(kind))
            for name, kind in zip(rows.columns, rows.types, strict=True)
        )
        if _ODD.search(kind)
    ]
    return rows.project(f"* REPLACE ({', '.join(odd)})") if odd else rows


def _refuse_far(frame: pl.DataFrame) -> None:
    """Refuse times that no calendar of Python has, as `'infinity'::timestamp`."""
    for name, kind in frame.schema.items():
        per_day = _PER_DAY.get(kind.time_unit if isinstance(kind, pl.Datetime) else str(kind))
        if per_day is None:
            continue
        days = frame[name].to_physical().drop_nulls()
        low, high = ((each.toordinal() - _EPOCH) * per_day for each in (date.min, date.max))
        if not days.is_between(low, high).all():
            raise InputError(
                f"column {name!r} has times outside of the years 1 to 9999:"
                f" cast it in the query, as in 'select {name}::varchar'"
            )


def _refuse_broken(text: str, sound: set[str], failures: Mapping[str, LakeError]) -> None:
    """Raise the failure of a series that a query asks about alone, as far as the text tells."""
    broken = {name.partition(" ")[0]: failure for name, failure in failures.items()}
    named = {symbol for symbol in sound | broken.keys() if f"'{symbol}'" in text}
    if named and named <= broken.keys() - sound and not _BUT.search(text):
        raise broken[min(named)]


class _File(NamedTuple):
    """One file with candles, and the open file where there is one."""

    path: Path
    symbol: str
    entry: Entry
    opened: Any = None


def _files(selection: Selection) -> list[_File]:
    """List the files with candles."""
    found = [
        (series, entry)
        for series, entries in selection.found.values()
        for entry in entries
        if entry.footer.rows
    ]
    return [
        _File(selection.root / series.path(entry.chunk), series.symbol, entry)
        for series, entry in bring(found)
    ]


def _opened(files: Sequence[_File], stack: ExitStack) -> tuple[list[_File], dict[str, CorruptFile]]:
    """Open files for as long as the stack lives; a symbol with one that cannot be gives none."""
    allow_open(len(files))
    opened: list[_File] = []
    broken: dict[str, CorruptFile] = {}
    for each in files:
        if each.symbol not in broken:
            try:
                opened.append(each._replace(opened=stack.enter_context(_open(each))))
            except CorruptFile as failure:
                broken[each.symbol] = failure
    let_go(held_of((each.path, each.entry) for each in files).values())
    return [each for each in opened if each.symbol not in broken], broken


def _dataset(timeframe: Timeframe, files: Iterable[_File]) -> Any:
    """Make open files one table."""
    import pyarrow as pa  # noqa: PLC0415 - slow, and only for this
    from pyarrow import dataset as ds  # noqa: PLC0415 - as above

    time_type = pa.timestamp("ms", "UTC")

    def promise(symbol: str, chunk: str) -> Any:
        """Promise symbol and span of any version of a file, for a writer may replace one."""
        start, end = (pa.scalar(edge, time_type) for edge in chunk_span(timeframe, chunk))
        time = ds.field("time")
        return (ds.field("symbol") == symbol) & (time >= start) & (time < end)

    kind = ds.ParquetFileFormat()
    parts = [
        kind.make_fragment(each.opened, partition_expression=promise(each.symbol, each.entry.chunk))
        for each in files
    ]
    schema = empty(ROW).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return ds.FileSystemDataset(parts, schema, kind)


def _union(timeframes: Iterable[Timeframe]) -> str:
    return " UNION ALL ".join(  # of our own names only
        f"SELECT symbol, '{timeframe}' AS timeframe, * EXCLUDE (symbol) FROM {view_of(timeframe)}"  # noqa: S608
        for timeframe in timeframes
    )


def _open(file: _File) -> Any:
    """Open a file of candles for pyarrow; with waiting pages, both together."""
    known = known_of([(file.path, file.entry)])
    if isinstance(file.entry, Patched):
        waiting = {file.path: file.entry}
        return _whole(Files([file.path], None, known=known, patched=waiting))
    return reading(file.entry, lambda: _open_sound(file.path, known))


def _whole(files: Files) -> Any:
    """Write a file with the waiting pages, in memory."""
    import pyarrow as pa  # noqa: PLC0415 - slow, and only for this

    content = BytesIO()
    read(files).write_parquet(content)
    return pa.BufferReader(content.getvalue())


def _open_sound(path: Path, known: Mapping[Path, Version] | None = None) -> Any:
    """Open a file for pyarrow, after a comparison of the bytes with the proof."""
    import pyarrow as pa  # noqa: PLC0415 - as above

    with open_file(path) as looked:
        verify_files([(path, looked)], known or {})
    try:
        return pa.OSFile(os.fsencode(path))  # of a text it would think that it is UTF-8
    except OSError as error:
        raise unreadable(path, error) from error
