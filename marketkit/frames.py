"""Shape a frame for the caller: Polars, pandas or Arrow, time zone, long or wide.

The shape of a pandas frame follows the call alone, never what the answer happens to hold. Of one
market (a `str` that is no glob) the index is `time`, and what cannot differ from row to row is in
`frame.attrs`: `symbol`, and the `state` of candles where all are closed. So the candles of one
market are numbers throughout. A list, even of one, has `symbol` in its index and every column.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import polars as pl

from marketkit.errors import InputError, MissingExtra, nearest
from marketkit.schema import NUMBERS, TIMEFRAME
from marketkit.timeframe import TIMEFRAMES, Timeframe
from marketkit.window import UTC_DAYS, parse_session

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FrameKind = Literal["polars", "pandas", "arrow"]
Precision = Literal["float", "decimal"]
OnError = Literal["raise", "skip"]
Frame: TypeAlias = Any  # a polars or pandas DataFrame or a pyarrow Table, as `frame` says


def one_of(name: str, value: str, kinds: Any) -> None:
    """Refuse a value that is not among a Literal's, naming the argument and the nearest match."""
    known = get_args(kinds)
    if value not in known:
        raise InputError(f"{name}={value!r}{nearest(str(value), known)} (one of {' '.join(known)})")


def check_zone(tz: str) -> None:
    """Refuse a time zone that does not exist, naming the one that is meant."""
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InputError(f"unknown time zone tz={tz!r}{_meant_zone(tz)}") from None


def _meant_zone(tz: object) -> str:
    text = str(tz).strip().casefold()
    if text in _SEOUL:
        return ": write tz='Asia/Seoul'"
    names = {name.casefold(): name for name in available_timezones()}
    cities = {name.rpartition("/")[2]: names[name] for name in names}
    if found := names.get(text) or cities.get(text.replace(" ", "_")):
        return f": write tz={found!r}"
    return f"{nearest(str(tz), names.values())}; give a name such as Asia/Seoul"


# The spellings of Korea's time that people type: it has no summer time and is one zone.
_SEOUL = {"kst", "seoul", "korea", "utc+9", "utc+09:00", "gmt+9", "+9", "+09:00", "한국", "서울"}


@dataclass(slots=True)
class Defaults:
    """The frame, time zone and session of calls that do not say their own.

    `session` is for candles of `1h` and wider: narrower ones have none. `clock` gives the
    exchange's time in ms UTC, where somebody knows it.
    """

    frame: FrameKind = "polars"
    tz: str = "UTC"
    session: str = UTC_DAYS
    clock: Callable[[], int] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.set(self.frame, self.tz, self.session)

    def set(self, frame: FrameKind | None, tz: str | None, session: str | None) -> None:
        """Change the given ones, all or none. Raises `InputError`."""
        wanted = self.frame_of(frame), self.tz_of(tz), self.session_of(session)
        one_of("frame", wanted[0], FrameKind)
        check_zone(wanted[1])
        parse_session(wanted[2], TIMEFRAMES["1d"])
        self.frame, self.tz, self.session = wanted

    def frame_of(self, frame: FrameKind | None) -> FrameKind:
        """Give a call's own frame, or the default."""
        return self.frame if frame is None else frame

    def tz_of(self, tz: str | None) -> str:
        """Give a call's own time zone, or the default."""
        return self.tz if tz is None else tz

    def session_of(self, session: str | None) -> str:
        """Give a call's own session, or the default."""
        return self.session if session is None else session


DEFAULTS = Defaults()  # of the functions of the package


def finish(
    data: pl.DataFrame,
    *,
    frame: FrameKind,
    tz: str,
    index: Collection[str],
    fixed: Mapping[str, str | None] | None = None,
) -> Frame:
    """Convert times to `tz`, and the frame to pandas or Arrow if asked.

    In pandas one index column `time` is a `DatetimeIndex`, several are a `MultiIndex`; Enum columns
    become categoricals. `fixed` columns are the same in every row: pandas has them in `attrs`, with
    the value given here where there is no row to ask. Arrow has no index, and every column.
    """
    if tz != "UTC":
        zoned = pl.selectors.datetime(time_zone="*").dt.convert_time_zone(tz)
        data = data.with_columns(zoned)
    if frame == "arrow":
        return _arrow(data)
    return data if frame == "polars" else _pandas(data, list(index), fixed or {})


def wide_columns(wide: str | Collection[str]) -> list[str]:
    """Give the columns to lay out wide. Raises `InputError` for one without numbers."""
    columns = [wide] if isinstance(wide, str) else list(wide)
    if not columns:
        raise InputError("wide=[] names no column: write wide='close'")
    for column in columns:
        if column not in NUMBERS:
            hint = nearest(str(column), NUMBERS)
            raise InputError(f"wide={column!r}{hint} (one or several of {' '.join(NUMBERS)})")
    return list(dict.fromkeys(columns))


def widen(data: pl.DataFrame, wide: str | Collection[str], symbols: Sequence[str]) -> pl.DataFrame:
    """Lay candles out with a row for each time and a column for each symbol, sorted by time.

    A single column's name is the symbol's, of several each is called `close_KRW-BTC`. Where a
    symbol has no candle there is a null: no price is made up.
    """
    index = [name for name in ("timeframe", "time") if name in data.columns]
    table = data.select(pl.struct(index).unique().sort().alias("at")).unnest("at")
    for column in wide_columns(wide):
        part = data.pivot("symbol", on_columns=symbols, index=index, values=column)  # noqa: PD010 - of pandas
        if not isinstance(wide, str):
            part = part.rename({symbol: f"{column}_{symbol}" for symbol in symbols})
        table = table.join(part, on=index, how="left", maintain_order="left")
    return table


def finish_wide(
    data: pl.DataFrame,
    wide: str | Collection[str],
    symbols: Sequence[str],
    *,
    frame: FrameKind,
    tz: str,
) -> Frame:
    """Shape candles that `widen` lays out; in pandas times are the index.

    There the columns are an `Index` of symbols, and of several columns a `(column, symbol)`
    MultiIndex.
    """
    table = widen(data, wide, symbols)
    index = table.columns[: table.columns.index("time") + 1]
    shaped = finish(table, frame=frame, tz=tz, index=index)
    if frame == "pandas":
        import pandas as pd  # noqa: PLC0415 - it was there a moment ago

        levels = [*([] if isinstance(wide, str) else [wide_columns(wide)]), list(symbols)]
        names = ["column", "symbol"][-len(levels) :]
        shaped.columns = (
            pd.Index(levels[0], name=names[0])
            if len(levels) == 1
            else pd.MultiIndex.from_product(levels, names=names)
        )
    return shaped


def with_timeframe(data: pl.DataFrame, timeframe: str) -> pl.DataFrame:
    """Add the column that tells candles of several widths apart, behind the symbol."""
    column = pl.lit(timeframe, dtype=TIMEFRAME).alias("timeframe")
    return data.select("symbol", column, pl.exclude("symbol"))


_CHANCE = 10_000  # one in so many series may look like a wider timeframe by accident


def wider(timeframe: Timeframe, times: Sequence[int]) -> Timeframe | None:
    """Give the wider timeframe that all times are slots of, where chance does not explain that."""
    for each in reversed(TIMEFRAMES.values()):
        if each.width <= timeframe.width:
            break
        # As many steps by accident are as rare as this; no more of them are counted than it takes.
        steps = min(len(times) - 1, _CHANCE.bit_length())
        rare = (each.width // timeframe.width) ** steps >= _CHANCE
        if rare and _steps_by(each, times):
            return each
    return None


def _steps_by(timeframe: Timeframe, times: Sequence[int]) -> bool:
    if timeframe.is_calendar:
        return all(timeframe.floor(time) == time for time in times)
    steps = (later - time for time, later in itertools.pairwise(times))
    return all(step % timeframe.width == 0 for step in steps)


def _arrow(data: pl.DataFrame) -> pa.Table:
    # Plain strings and dictionaries: pandas, DuckDB and older readers know no views.
    return data.to_arrow(compat_level=pl.CompatLevel.oldest())


def _pandas(data: pl.DataFrame, index: list[str], fixed: Mapping[str, str | None]) -> pd.DataFrame:
    try:
        import pandas  # noqa: F401, ICN001, PLC0415 - optional, and slow to import
    except ImportError:
        raise MissingExtra("pandas", "pandas") from None
    _add_methods_to_pandas()
    told = {
        name: data[name][0] if data.height and name in data.columns else value
        for name, value in fixed.items()
    }
    converted = _by_columns(data.drop(told, strict=False), index)
    converted.attrs.update(told)
    return converted


def _by_columns(data: pl.DataFrame, index: list[str]) -> pd.DataFrame:
    """Convert to pandas; numbers are copied once, into one block that may be written to."""
    numbers = [name for name, kind in data.schema.items() if kind == pl.Float64]
    labels = [name for name in data.columns if isinstance(data.schema[name], pl.Enum)]
    plain = {*index} <= {"symbol", "time"} and {*data.columns} == {*numbers, *labels, *index}
    if not plain or index[-1] != "time" or any(data.select(index).null_count().row(0)):
        return data.to_pandas().set_index(index)
    import numpy as np  # noqa: PLC0415 - pandas, which was there a moment ago, has loaded it
    import pandas as pd  # noqa: PLC0415 - as above

    block = np.empty((len(numbers), data.height))
    for name, row in zip(numbers, block, strict=True):
        _copy(data[name], row)
    alike: Any = data.head(1).to_pandas().set_index(index)
    rows = _times(data["time"]) if index == ["time"] else _pairs(data, alike.index.levels[0].dtype)
    frame = pd.DataFrame(block.T, index=rows, columns=numbers, copy=False)
    for name in labels:
        codes: Any = data[name].to_physical().cast(pl.Int16).fill_null(-1).to_numpy()
        values: Any = pd.Categorical.from_codes(codes, dtype=alike[name].dtype)
        frame.insert(list(alike).index(name), name, values)
    return frame


def _times(column: pl.Series) -> pd.DatetimeIndex:
    import pandas as pd  # noqa: PLC0415 - as above

    kind = cast("pl.Datetime", column.dtype)
    moments = column.to_physical().to_numpy().view(f"M8[{kind.time_unit}]")
    times = pd.DatetimeIndex(moments, tz="UTC", name="time")
    return times.tz_convert(ZoneInfo(kind.time_zone or "UTC"))


def _pairs(data: pl.DataFrame, names: Any) -> pd.MultiIndex:
    """Give the index of symbols, of the type `names`, and times, without looking at each pair."""
    import pandas as pd  # noqa: PLC0415 - as above

    listed, spread = (data[name].unique().sort() for name in ("symbol", "time"))
    whose = data["symbol"].cast(pl.Enum(listed)).to_physical()
    levels = [pd.Index(listed.to_list(), dtype=names), _times(spread)]
    codes: Any = [whose.to_numpy(), (data["time"].rank("dense") - 1).to_numpy()]
    return pd.MultiIndex(levels, codes, names=["symbol", "time"], verify_integrity=False)


def _copy(column: pl.Series, into: Any) -> None:
    at = 0
    for chunk in column.get_chunks():
        into[at : at + chunk.len()] = chunk.to_numpy()
        at += chunk.len()


class FrameMethods:
    """The methods that marketkit gives frames of Polars and pandas, as `frame.mk`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    @property
    def plot(self) -> Any:
        """Charts: `frame.mk.plot.candles()`, or `frame.mk.plot()` for the one that fits."""
        # By name: charts stand above this module, and are loaded when one is wanted.
        return importlib.import_module("marketkit.notebook.charts.accessor").Plots(self._frame)


def _add_methods_to_pandas() -> None:
    """Give pandas' frames the methods, where pandas is loaded."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and not hasattr(getattr(pandas, "DataFrame", None), "mk"):
        pandas.api.extensions.register_dataframe_accessor("mk")(FrameMethods)


pl.api.register_dataframe_namespace("mk")(FrameMethods)
pl.api.register_lazyframe_namespace("mk")(FrameMethods)
_add_methods_to_pandas()
