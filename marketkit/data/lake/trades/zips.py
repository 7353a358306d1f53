"""A zip of the archive as trades: one member, checked and read. Opens the one file."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.trades.day import Origin
from marketkit.data.lake.trades.rows import TradePage
from marketkit.errors import InputError, plain
from marketkit.exchange.upbit.archive.keys import TRADE_HEADER, ArchiveFile
from marketkit.schema import SIDE, TIME
from marketkit.timeframe import iso

MOST_BYTES = 2 << 30  # of a member: a busy day of trades as text is 20 MB
MOST_RATIO = 250  # digits are packed to a fifth
_HARMLESS = 1 << 20  # bytes that may be of any ratio
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
)
_BOM = b"\xef\xbb\xbf"
_RAW = {
    "seq": pl.Int64(),
    "timestamp": pl.Int64(),
    "volume": pl.Float64(),
    "price": pl.Float64(),
    "ask_bid": pl.String(),
}


def read_zip(
    path: Path,
    file: ArchiveFile,
    origins: tuple[Origin, ...] = (),
    *,
    most_bytes: int = MOST_BYTES,
    most_ratio: int = MOST_RATIO,
) -> TradePage:
    """Read the trades of a zip, and the whole period of its name as what they cover.

    Raises `InputError`, naming the fault, for a zip that is broken, that has another member than
    the name says, that unpacks to more than the bounds, or whose rows are no trades of the period.
    """
    try:
        content = _unpacked(path, file.member, most_bytes, most_ratio)
        rows = rows_of(content, file)
    except InputError as error:
        raise InputError(f"{file.key} is refused: {error}") from error
    return TradePage(rows, Spans([file.span]), origins)


def rows_of(content: bytes, file: ArchiveFile) -> pl.DataFrame:
    """Read the member of a zip: rows of `schema.TRADE` and `seq`. Raises `InputError`."""
    content = content.removeprefix(_BOM)
    header, _, _ = content.partition(b"\n")
    if header.rstrip(b"\r") != TRADE_HEADER.encode():
        said = plain(header.decode("utf-8", "replace"), 80)
        raise InputError(f"its first line is {said!r} and not {TRADE_HEADER!r}")
    raw = _table(content)
    _refuse_outside(raw, file)
    side = pl.col("ask_bid").str.strip_chars().str.to_uppercase()
    try:
        return raw.select(
            symbol=pl.lit(file.shelf.market),
            time=pl.col("timestamp").cast(TIME),
            seq="seq",
            price="price",
            volume="volume",
            side=side.cast(SIDE),
        )
    except pl.exceptions.PolarsError:
        odd = raw.filter(~side.is_in(SIDE.categories))["ask_bid"]
        raise InputError(f"ask_bid has {plain(str(odd.first()), 20)!r}, no BID or ASK") from None


def _table(content: bytes) -> pl.DataFrame:
    try:
        raw = pl.read_csv(content, schema=_RAW, rechunk=True)
    except pl.exceptions.PolarsError as error:
        said = plain(" ".join(str(error).split()), 120)
        raise InputError(f"its rows are no trades: {said}") from error
    if sum(raw.null_count().row(0)):
        broken = raw.with_row_index("row").filter(pl.any_horizontal(pl.all().is_null()))
        raise InputError(f"row {broken['row'][0] + 1:,} lacks a number")
    return raw


def _refuse_outside(raw: pl.DataFrame, file: ArchiveFile) -> None:
    start, end = file.span
    outside = raw.filter(~pl.col("timestamp").is_between(start, end, closed="left"))
    if outside.height:
        said = plain(str(outside["timestamp"][0]), 20)
        raise InputError(
            f"{outside.height:,} rows lie outside of {iso(start)} to {iso(end)}, the first has the"
            f" timestamp {said}"
        )


def _unpacked(path: Path, member: str, most_bytes: int, most_ratio: int) -> bytes:
    try:
        with zipfile.ZipFile(path) as packed:
            info = _only(packed.infolist(), member)
            most = min(most_bytes, max(_HARMLESS, info.compress_size * most_ratio))
            with packed.open(info) as file:
                content = file.read(most + 1)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"no whole zip: {plain(str(error), 120)}") from error
    if len(content) > most:
        raise InputError(f"it unpacks to more than {most >> 20:,} MiB")
    return content


def _only(members: list[zipfile.ZipInfo], member: str) -> zipfile.ZipInfo:
    if [each.orig_filename for each in members] != [member]:
        said = ", ".join(plain(repr(each.orig_filename), 80) for each in members[:3])
        raise InputError(f"it holds {said or 'nothing'} and not just {member!r}")
    return members[0]
