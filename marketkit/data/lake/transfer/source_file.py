"""Candle files from elsewhere, read into rows: columns found or given, time zones never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from marketkit.data.lake.format.nonsense import UNREADABLE
from marketkit.data.lake.format.verify import decode
from marketkit.data.lake.transfer.source_table import SourceTable
from marketkit.errors import InputError, nearest
from marketkit.frames import check_zone
from marketkit.schema import NUMBERS, ROW, TIME

# Names in circulation, as `_plain` spells them; the most telling first, for files with the fields
# of the wire also have a `timestamp`, which is that of the last trade.
_SPELLINGS = {
    "time": (
        *("candledatetimeutc", "candledatetime", "datetimeutc", "time", "datetime", "opentime"),
        *("timestamp", "date", "candledatetimekst", "datetimekst", "indexlevel0", "index", ""),
    ),
    "open": ("open", "openingprice", "openprice"),
    "high": ("high", "highprice"),
    "low": ("low", "lowprice"),
    "close": ("close", "tradeprice", "closeprice"),
    "volume": ("volume", "candleacctradevolume", "acctradevolume"),
    "value": ("value", "candleacctradeprice", "acctradeprice", "turnover", "quotevolume"),
    "symbol": ("symbol", "market", "code"),
}
_OPTIONAL = ("value", "symbol")
_ZONES = {"utc": "UTC", "kst": "Asia/Seoul"}  # what the end of a column's name says
_FORMATS = (
    *("%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%z"),
    *("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d"),
)
_MILLISECONDS_FROM = 100_000_000_000  # smaller numbers since 1970 are seconds


def _parquet(path: Path) -> pl.DataFrame:
    """Read a Parquet file of anybody, after a reader that no bytes can crash has."""
    decode(str(path))
    return pl.read_parquet(path, hive_partitioning=False)


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": lambda path: pl.read_csv(path, infer_schema_length=None),
    ".parquet": _parquet,
    ".arrow": pl.read_ipc,
    ".feather": pl.read_ipc,
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of candles, the given names of columns, and the zone of naive times.

    Raises `InputError` for names of columns that no candle has and for an unknown zone.
    """

    path: Path
    columns: Mapping[str, str]
    tz: str | None

    def __post_init__(self) -> None:
        for ours in self.columns:
            if ours not in _SPELLINGS:
                known = " ".join(_SPELLINGS)
                raise InputError(f"columns: a candle has no {ours!r} (one of {known})")
        if self.tz is not None:
            check_zone(self.tz)

    def read(self, symbol: str) -> pl.DataFrame:
        """Give the rows of a symbol in the order of the file, in the columns of `ROW`.

        Raises `InputError` naming the file.
        """
        raw = self._raw()
        names = self._names(raw.columns)
        if "symbol" in names:
            raw = self._of_symbol(raw, names["symbol"], symbol)
        time = self._times(raw[names["time"]])
        try:
            return raw.select(
                pl.lit(symbol).alias("symbol"),
                time.alias("time"),
                *(pl.col(names[name]).cast(pl.Float64).alias(name) for name in NUMBERS[:-1]),
                (pl.col(names["value"]) if "value" in names else pl.lit(None))
                .cast(pl.Float64)
                .alias("value"),
            ).select(*ROW)
        except pl.exceptions.PolarsError as error:
            raise self.wrong(f"a price or volume is no number: {error}") from error

    def table(self) -> SourceTable:
        """Read all rows, of whatever market."""
        raw = self._raw()
        names = self._names(raw.columns)
        said = {"symbol": names.get("symbol"), "state": "state" if "state" in raw.columns else None}
        texts = {
            ours: pl.lit(None, pl.String) if theirs is None else pl.col(theirs).cast(pl.String)
            for ours, theirs in said.items()
        }
        value = pl.col(names["value"]) if "value" in names else pl.lit(None)
        rows = raw.select(
            texts["symbol"].str.replace(r"^CRIX\.UPBIT\.", "").alias("symbol"),
            self._times(raw[names["time"]]).alias("time"),
            *(pl.col(names[name]).cast(pl.Float64).alias(name) for name in NUMBERS[:-1]),
            value.cast(pl.Float64).alias("value"),
            texts["state"].alias("state"),
        )
        return SourceTable(self.path, rows, self.path.stat().st_mtime_ns // 1_000_000)

    def wrong(self, what: str) -> InputError:
        """Make the error that names a fault of the file."""
        return InputError(f"{self.path}: {what}")

    def _raw(self) -> pl.DataFrame:
        reader = _READERS.get(self.path.suffix.lower())
        if reader is None:
            raise self.wrong(f"not a kind of file that can be read (one of {' '.join(_READERS)})")
        try:
            raw = reader(self.path)
        except (OSError, ValueError, *UNREADABLE) as error:
            raise self.wrong(f"cannot be read: {error}") from error
        if raw.is_empty():
            raise self.wrong("has no rows")
        return raw

    def _names(self, available: list[str]) -> dict[str, str]:
        """Find the file's name of each column."""
        for ours, theirs in self.columns.items():
            if theirs not in available:
                raise self.wrong(
                    f"has no column {theirs!r} for {ours}{nearest(theirs, available)}"
                    f" (it has {', '.join(available)})"
                )
        plain = {_plain(name): name for name in reversed(available)}
        names = dict(self.columns)
        for ours, spellings in _SPELLINGS.items():
            found = next((plain[each] for each in spellings if each in plain), None)
            if ours not in names and found is not None:
                names[ours] = found
            elif ours not in names and ours not in _OPTIONAL:
                raise self.wrong(
                    f"has no column that is known to be the {ours}; say columns={{{ours!r}: ...}}"
                    f" (it has {', '.join(available)})"
                )
        return names

    def _of_symbol(self, raw: pl.DataFrame, column: str, symbol: str) -> pl.DataFrame:
        """Keep the rows of a symbol, if the file names a symbol for each row."""
        said = raw[column].cast(pl.String).str.replace(r"^CRIX\.UPBIT\.", "")
        names = said.unique()
        if symbol not in names and not names.str.contains("^[A-Z0-9]+-[A-Z0-9]+$").all():
            return raw
        kept = raw.filter(said == symbol)
        if kept.is_empty():
            others = ", ".join(names.sort()[:5])
            raise self.wrong(f"has candles of {others}, not of {symbol}")
        return kept

    def _times(self, column: pl.Series) -> pl.Series:
        """Read a column of times of any kind as UTC."""
        if column.dtype.is_numeric():
            return self._from_numbers(column)
        if column.dtype == pl.String:
            column = self._from_text(column)
        if column.dtype == pl.Date:
            column = column.cast(pl.Datetime("ms"))
        if not isinstance(column.dtype, pl.Datetime):
            raise self.wrong(f"column {column.name!r} holds {column.dtype}, not times")
        if column.dtype.time_zone is None:
            column = self._zoned(column)
        return column.dt.convert_time_zone("UTC").cast(TIME)

    def _from_numbers(self, column: pl.Series) -> pl.Series:
        try:
            numbers = column.cast(pl.Int64)
        except pl.exceptions.PolarsError as error:
            raise self.wrong(f"column {column.name!r} holds no times: {error}") from error
        if (numbers != column).any():
            raise self.wrong(f"column {column.name!r} holds fractions, not times")
        newest = numbers.max()
        is_seconds = isinstance(newest, int) and newest < _MILLISECONDS_FROM
        return (numbers * (1000 if is_seconds else 1)).cast(TIME)

    def _from_text(self, column: pl.Series) -> pl.Series:
        text = column.str.strip_chars().str.replace(" ", "T").str.replace("Z$", "+00:00")
        for each in _FORMATS:
            try:
                return text.str.to_datetime(each, time_unit="ms")
            except pl.exceptions.PolarsError:
                continue
        bad = next((value for value in column if not _is_time(value)), column[0])
        raise self.wrong(f"column {column.name!r} holds {bad!r}, which is no time like the others")

    def _zoned(self, column: pl.Series) -> pl.Series:
        """Give times that carry no zone the one that the caller or the column's name says."""
        said = next(
            (zone for end, zone in _ZONES.items() if _plain(column.name).endswith(end)), None
        )
        zone = said if self.tz is None else self.tz
        if zone is None:
            raise self.wrong(
                f"the times of column {column.name!r} carry no zone: say which it is, as in"
                " tz='UTC' or tz='Asia/Seoul'"
            )
        if said not in (None, zone):
            raise self.wrong(f"column {column.name!r} says {said}, not tz={zone!r}")
        try:
            return column.dt.replace_time_zone(zone)
        except pl.exceptions.PolarsError as error:
            raise self.wrong(f"column {column.name!r} in tz={zone!r}: {error}") from error


def _plain(name: str) -> str:
    """Spell a column's name without the signs that people set differently."""
    return name.lower().replace("_", "").replace(" ", "")


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError):
        return False
    return True


def read_tables(
    paths: Sequence[Path], columns: Mapping[str, str], tz: str | None, encoding: str | None
) -> Iterator[SourceTable | InputError]:
    """Read files one by one into the rows that claims are judged by."""
    del encoding
    for path in paths:
        file = SourceFile(path, columns, tz)
        try:
            yield file.table()
        except pl.exceptions.PolarsError as error:
            yield file.wrong(f"a price or volume is no number: {error}")
        except InputError as error:
            yield error
