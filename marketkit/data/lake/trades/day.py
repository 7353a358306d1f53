"""One day of one market's trades on disk, in one Parquet file only ever replaced whole.

What is known of the day lies in the footer, as in a chunk of candles, and so do the files of the
archive that it came from: one `os.replace` commits all of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.format import seal
from marketkit.data.lake.format.chunk import KEY, Stamp
from marketkit.data.lake.format.encoding import given_back
from marketkit.data.lake.format.footer import Tail, read_end, read_tail
from marketkit.data.lake.format.layout import SUFFIX
from marketkit.data.lake.format.nonsense import NONSENSE, UNREADABLE, is_moment
from marketkit.data.lake.format.provenance import NO_ARCHIVE, Provenance, provenance_of
from marketkit.data.lake.trades.layout import TradeSeries, day_span, is_day
from marketkit.disk import write_atomic
from marketkit.errors import CorruptFile, NewerFormat
from marketkit.schema import SIDE, TIME, TRADE, Schema
from marketkit.settings import library_version
from marketkit.timeframe import iso

FORMAT = 1  # of files of trades; one of a later format is refused
KIND = "trade"

# What a file holds. `seq` is the place of a trade in its day: the order of those of one
# millisecond. What only REST and the stream tell is null where the archive alone spoke.
STORED: Schema = {
    "symbol": pl.String(),
    "time": TIME,
    "seq": pl.Int64(),
    **{name: kind for name, kind in TRADE.items() if name not in {"symbol", "time"}},
}
# As the files are read: words are text there.
ON_DISK: Schema = {**STORED, "side": pl.String()}

# What the footers of all days begin with, as pyarrow writes it: who only reads loads no pyarrow.
SCHEMA = (
    b"\x15\x04\x19\xac5\x00\x18\x06schema\x15\x12\x00\x15\x0c%\x02\x18\x06symbol%\x00L\x1c\x00"
    b"\x00\x00\x15\x04%\x02\x18\x04time%\x12L\x8c\x11\x1c\x1c\x00\x00\x00\x00\x00\x15\x04%\x02"
    b"\x18\x03seq\x00\x15\n%\x02\x18\x05price\x00\x15\n%\x02\x18\x06volume\x00\x15\x0c%\x02\x18"
    b"\x04side%\x00L\x1c\x00\x00\x00\x15\n%\x02\x18\nprev_close\x00\x15\n%\x02\x18\x0c"
    b"change_price\x00\x15\x04%\x02\x18\rsequential_id\x00\x16"
)
_ROW_GROUP = 65_536  # rows: a busy day has some hundred thousand
_WRITER: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["symbol", "price", "side", "prev_close"],
    "column_encoding": {
        "time": "DELTA_BINARY_PACKED",
        "seq": "DELTA_BINARY_PACKED",
        "sequential_id": "DELTA_BINARY_PACKED",
        "volume": "BYTE_STREAM_SPLIT",
        "change_price": "BYTE_STREAM_SPLIT",
    },
    "write_statistics": ["time"],
    "store_schema": False,
    "write_page_checksum": True,
}


@dataclass(frozen=True, slots=True)
class DayFooter:
    """The footer of a day; times in ms UTC.

    In `covered` no trade is missing; `first` and `last` are the times of its rows, None where it
    has none. `archive` are the files of the archive that rows came in.
    """

    covered: Spans
    rows: int
    first: int | None
    last: int | None
    archive: Provenance = field(default=NO_ARCHIVE, kw_only=True)


class DayEntry(NamedTuple):
    """One file of a day: the name of the day, the version and the footer."""

    day: str
    stamp: Stamp
    footer: DayFooter


def describe(rows: pl.DataFrame, covered: Spans, archive: Provenance) -> DayFooter:
    """Give the footer of a day with these rows, sorted by time."""
    times = rows["time"].cast(pl.Int64)
    ends = (times[0], times[-1]) if rows.height else (None, None)
    return DayFooter(covered, rows.height, *ends, archive=archive)


def read_footer(path: Path, series: TradeSeries) -> tuple[DayFooter, Stamp]:
    """Read the footer of the day at `path`.

    Raises `CorruptFile` if it is not a day of this series, `NewerFormat` if a later marketkit wrote
    it, and `FileNotFoundError` if there is none.
    """
    with path.open("rb", buffering=0) as file:
        return _footer(file, path, series), Stamp.of(os.fstat(file.fileno()))


def read_day(path: Path, series: TradeSeries) -> tuple[pl.DataFrame, DayFooter]:
    """Read rows and footer of one version, after the bytes were compared with the seal.

    Raises as `read_footer`.
    """
    with path.open("rb", buffering=0) as file:
        footer = _footer(file, path, series)
        file.seek(0)
        content = file.readall()
    try:
        return decode(content, footer), footer
    except (ValueError, *UNREADABLE) as error:
        raise CorruptFile(f"{path} cannot be read: {error}") from error


def decode(content: bytes, footer: DayFooter) -> pl.DataFrame:
    """Give the rows of a file. Raises `ValueError` for other bytes than the written ones."""
    if not seal.check(content):
        raise ValueError("it has no seal")
    rows = pl.read_parquet(content, hive_partitioning=False)
    if dict(rows.schema) != dict(ON_DISK) or rows.height != footer.rows:
        raise ValueError("its rows are not those that its footer tells of")
    return rows.with_columns(pl.col("side").cast(SIDE))


def write_day(path: Path, rows: pl.DataFrame, footer: DayFooter, series: TradeSeries) -> Stamp:
    """Put rows and footer in the place of any file at `path`, as one step for every reader.

    A kill or a full disk at any point leaves the old file as it was, and at worst a temporary one.
    """
    content = seal.seal(encode(rows, _said(footer, series))).content
    return Stamp.of(write_atomic(path, lambda file: file.write(content)))


@given_back
def encode(rows: pl.DataFrame, said: bytes) -> bytes:
    """Give the bytes of a day, not sealed yet; made in memory, so that hashing reads no file."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and only for who writes
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    kinds = {"time": pa.timestamp("ms", tz="UTC"), "seq": pa.int64(), "sequential_id": pa.int64()}
    # Words that come again and again are written as they lie here, by number.
    kinds |= dict.fromkeys(("symbol", "side"), pa.dictionary(pa.uint32(), pa.large_string()))
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in STORED])
    spelt = rows.with_columns(pl.col("symbol").cast(pl.Categorical))
    table = spelt.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
    output = pa.BufferOutputStream()
    with pq.ParquetWriter(output, schema, **_WRITER) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        writer.add_key_value_metadata({KEY: said})
    content: bytes = output.getvalue().to_pybytes()
    return content


def footer_of(said: Mapping[str, Any], series: TradeSeries, span: Span) -> DayFooter:
    """Understand a footer meant for this place. Raises the errors of `NONSENSE` for any other."""
    for name, value in {"kind": KIND, "symbol": series.symbol}.items():
        if said[name] != value:
            raise ValueError(f"{name}: {said[name]!r} is not {value!r}")
    numbers = (said["rows"], said["first"], said["last"])
    if not all(number is None or is_moment(number) for number in numbers) or numbers[0] is None:
        raise ValueError(f"{numbers} are no number of rows, and no times")
    covered = Spans((int(start), int(end)) for start, end in said["covered"])
    if covered.clip(*span) != covered:
        raise ValueError(f"what is covered reaches beyond {iso(span.start)} to {iso(span.end)}")
    if any(time is not None and time not in covered for time in numbers[1:]):
        raise ValueError("its rows are not covered")
    return DayFooter(covered, *numbers, archive=provenance_of(said))


def _said(footer: DayFooter, series: TradeSeries) -> bytes:
    said = {
        "format": FORMAT,
        "kind": KIND,
        "symbol": series.symbol,
        "covered": [list(span) for span in footer.covered],
        "rows": footer.rows,
        "first": footer.first,
        "last": footer.last,
        "library": library_version(),
        **footer.archive.said(),
        **seal.UNSEALED,
    }
    return json.dumps(said).encode()


def _footer(file: FileIO, path: Path, series: TradeSeries) -> DayFooter:
    day = path.name.removesuffix(SUFFIX)
    if not is_day(day):
        raise CorruptFile(f"{path} is not named like a day of trades")
    try:
        end = read_end(file)
        if seal.check_footer(end or b"") is None:
            raise ValueError("it has no seal")
        tail = read_tail(end, SCHEMA, KEY) or _read_slowly(file)
        said = json.loads(tail.value)
        newer = said["format"] > FORMAT
    except (OSError, *NONSENSE, *UNREADABLE) as error:
        raise CorruptFile(f"{path} is not a file of trades of marketkit: {error!r}") from error
    if newer:
        raise NewerFormat(
            f"{path} has format {said['format']}; this marketkit reads up to {FORMAT}: update it"
        )
    try:
        footer = footer_of(said, series, day_span(day))
        if footer.rows != tail.rows:
            raise ValueError(f"it has {tail.rows} rows and tells of {footer.rows}")
    except NONSENSE as error:
        raise CorruptFile(f"{path} contradicts itself: {error!r}") from error
    return footer


def _read_slowly(file: FileIO) -> Tail:
    """Read a tail that `read_tail` leaves to a library. Raises `ValueError` for other columns."""
    file.seek(0)
    content = BytesIO(file.readall())
    if list(pl.read_parquet_schema(content)) != list(ON_DISK):
        raise ValueError(f"its columns are not {list(ON_DISK)}")
    content.seek(0)
    value = pl.read_parquet_metadata(content)[KEY.decode()].encode()
    content.seek(0)
    rows = pl.scan_parquet(content).select(pl.len()).collect().item()
    return Tail(int(rows), value)
