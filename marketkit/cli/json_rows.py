"""Frames of any columns as JSON.

Times are ISO, with the offset of their zone where they have one; durations are ISO, too. Decimals
with places are strings, digit for digit, and whole ones numbers; bytes are hexadecimal digits. What
JSON has no word for, as a number that is none, is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

_KINDS = {1_000: "%.3f", 1_000_000: "%.6f", 1_000_000_000: "%.9f"}  # parts of a second
_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def as_list(frame: pl.DataFrame) -> str:
    """Write a frame as a list of objects."""
    spelt = _with_iso_times(frame)
    if _is_plain(spelt):
        return spelt.write_json()
    return f"[{','.join(_objects(spelt))}]"


def as_lines(frame: pl.DataFrame) -> str:
    """Write a frame as objects, each in a line."""
    spelt = _with_iso_times(frame)
    if _is_plain(spelt):
        return spelt.write_ndjson()
    return "".join(f"{each}\n" for each in _objects(spelt))


def _with_iso_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Spell the times of columns, to the millisecond or as finely as given."""
    import polars as pl  # noqa: PLC0415 - slow to import, and `--help` needs none

    spelt = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Datetime):
            form = f"%Y-%m-%dT%H:%M:%S{_places(frame[name], kind)}"
            spelt.append(pl.col(name).dt.strftime(form if kind.time_zone is None else f"{form}%:z"))
    return frame.with_columns(spelt)


def _places(times: pl.Series, kind: pl.Datetime) -> str:
    per_second = _PER_SECOND[kind.time_unit]
    wanted = (many for many in _KINDS if many >= per_second or _is_whole(times, per_second // many))
    return _KINDS[next(wanted)]


def _is_whole(times: pl.Series, unit: int) -> bool:
    return not (times.to_physical() % unit != 0).any()


def _is_plain(frame: pl.DataFrame) -> bool:
    """Say whether polars writes every column as meant here."""
    import polars as pl  # noqa: PLC0415 - as above

    whole = {pl.Int128: False, pl.UInt128: False}  # which would be strings
    return not any(
        kind.is_nested() or kind.is_decimal() or kind in whole or kind in (pl.Binary, pl.Object)
        for kind in frame.dtypes
    )


def _objects(frame: pl.DataFrame) -> Iterator[str]:
    for row in frame.iter_rows(named=True):
        yield json.dumps(_plain(row), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one line for each kind of value
    """Turn a value into words of JSON."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value.as_tuple().exponent in {0, 1} else f"{value:f}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        fine = "milliseconds" if value.microsecond % 1000 == 0 else "microseconds"
        return value.isoformat(timespec=fine)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"
    return _plain(list(value)) if hasattr(value, "__iter__") else str(value)


def _key(key: Any) -> str:
    spelt = _plain(key)
    return spelt if isinstance(spelt, str) else json.dumps(spelt)
