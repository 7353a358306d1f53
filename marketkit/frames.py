"""Shape a frame for the caller: time zone, Polars or pandas."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from marketkit.errors import InputError, MissingExtra, nearest

if TYPE_CHECKING:
    import pandas as pd

FrameKind = Literal["polars", "pandas"]
Precision = Literal["float", "decimal"]
OnError = Literal["raise", "skip"]
Frame: TypeAlias = Any  # a polars.DataFrame or a pandas.DataFrame, as `frame` says


def one_of(name: str, value: str, kinds: Any) -> None:
    """Refuse a value that is not among a Literal's, naming the argument and the nearest match."""
    known = get_args(kinds)
    if value not in known:
        raise InputError(f"{name}={value!r}{nearest(str(value), known)} (one of {' '.join(known)})")


def check_zone(tz: str) -> None:
    """Refuse a time zone that does not exist."""
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InputError(f"unknown time zone tz={tz!r}; give a name such as Asia/Seoul") from None


def finish(data: pl.DataFrame, *, frame: FrameKind, tz: str, index: Collection[str]) -> Frame:
    """Convert times to `tz`, and the frame to pandas with the index columns `index` if asked.

    In pandas one index column `time` is a `DatetimeIndex`, `symbol` and `time` are a `MultiIndex`;
    Enum columns become categoricals.
    """
    if tz != "UTC":
        zoned = pl.selectors.datetime(time_zone="*").dt.convert_time_zone(tz)
        data = data.with_columns(zoned)
    return data if frame == "polars" else _pandas(data, list(index))


def _pandas(data: pl.DataFrame, index: list[str]) -> pd.DataFrame:
    try:
        import pandas  # noqa: F401, ICN001, PLC0415 - optional, and slow to import
    except ImportError:
        raise MissingExtra("pandas", "pandas") from None
    _add_methods_to_pandas()
    converted: pd.DataFrame = data.to_pandas()
    return converted.set_index(index)


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
    """Give pandas' frames the methods, where pandas is loaded and they have none."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and not hasattr(getattr(pandas, "DataFrame", None), "mk"):
        pandas.api.extensions.register_dataframe_accessor("mk")(FrameMethods)


pl.api.register_dataframe_namespace("mk")(FrameMethods)
pl.api.register_lazyframe_namespace("mk")(FrameMethods)
_add_methods_to_pandas()
