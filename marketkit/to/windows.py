"""Candles for models: windows of inputs and of later targets, without a look ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from marketkit.errors import InputError, MissingExtra
from marketkit.timeframe import Timeframe, parse_time
from marketkit.to.intake import BAR, candles, slots

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    _Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Windows:
    """Inputs and targets of a model, one window a row, oldest first within each market.

    `x` has the shape (windows, window, columns), `y` (windows, horizon). `symbol` is the market of
    each window; `start`, `time` and `until` are moments in UTC (`datetime64[ms]`): the first input
    candle opens at `start`, the last one closes at `time`, and the last target at `until`. At
    `time` all of `x` is known and none of `y`.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    symbol: npt.NDArray[np.object_]
    start: npt.NDArray[np.datetime64]
    time: npt.NDArray[np.datetime64]
    until: npt.NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Give input and target of one window, as torch's `DataLoader` asks for items."""
        return self.x[index].copy(), self.y[index].copy()

    def split(self, at: str | date | datetime) -> tuple[Windows, Windows]:
        """Part the windows at a moment, to learn from the first and to test with the second.

        No candle is in both: windows that reach across `at`, with their inputs or their targets,
        are in neither. Raises `InvalidRange` for a moment that cannot be read.
        """
        import numpy as np  # noqa: PLC0415 - of an extra

        moment = np.datetime64(parse_time(at), "ms")
        return self._only(self.until <= moment), self._only(self.start >= moment)

    def torch(self) -> Any:
        """Give a `torch.utils.data.TensorDataset` of `x` and `y` in float64.

        It holds each window on its own, `window` times the memory of the candles; a `DataLoader` of
        the `Windows` themselves needs none of that. float32 would have 178,344,992 for 178,345,000
        won: turn prices to returns or scale them, then call `.float()`. Raises `ImportError`
        without torch.
        """
        from torch import from_numpy  # noqa: PLC0415 - optional, and large
        from torch.utils.data import TensorDataset  # noqa: PLC0415

        # Windows share their numbers and are only for reading, of which torch knows nothing.
        return TensorDataset(from_numpy(self.x.copy()), from_numpy(self.y.copy()))

    def _only(self, kept: npt.NDArray[np.bool_]) -> Windows:
        return Windows(*(getattr(self, each.name)[kept] for each in fields(self)))

    def __repr__(self) -> str:
        markets = len(set(self.symbol))
        return f"Windows({len(self)} of {markets} markets, x {self.x.shape}, y {self.y.shape})"


class _Shape(NamedTuple):
    """The sizes of a window, in slots."""

    window: int
    horizon: int
    stride: int
    purge: int

    @property
    def span(self) -> int:
        """All slots from the first input to the last target."""
        return self.window + self.purge + self.horizon


def numpy(
    frame: Any,
    timeframe: str | Timeframe,
    *,
    window: int,
    horizon: int = 1,
    stride: int = 1,
    purge: int = 0,
    columns: Sequence[str] = BAR,
    target: str = "close",
    symbol: str | None = None,
) -> Windows:
    """Cut candles into windows: `window` slots of `columns`, then `horizon` slots of `target`.

    All sizes are in slots of `timeframe`. `purge` slots between inputs and targets belong to
    neither, so that a target shares nothing with an input that is averaged over time; a window
    begins every `stride` slots from the first candle of its market. `horizon=0` gives inputs
    alone, the newest one too. Any numeric column of the frame may be asked for, such as an
    indicator of your own. Numbers are the frame's in float64: neither scaled nor rounded.

    Empties and gaps: a window is made of slots that follow each other, each with a number in every
    column. Where a slot has no row, or a null (`fill="null"`, the first values of an indicator),
    all windows over it are left out; with `fill="forward"` empties count as the rows that they are.
    No window goes from one market into another. Times may be of any zone and come out in UTC.

    Raises `InputError` for sizes that make no sense, a column that is not there, a forming candle,
    two candles of one time, and times without a zone or that are no slots of `timeframe`.

    >>> import marketkit as mk, polars as pl
    >>> hours = pl.datetime_range(
    ...     pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 2), "1h", time_zone="UTC", eager=True
    ... )
    >>> frame = pl.DataFrame({"time": hours, "close": range(25)})
    >>> made = mk.to.numpy(frame, "1h", window=3, horizon=2, purge=1, columns=["close"])
    >>> made.x[0, :, 0].tolist(), made.y[0].tolist(), str(made.time[0])
    ([0.0, 1.0, 2.0], [4.0, 5.0], '2026-01-01T03:00:00.000')
    """
    shape = _checked(_Shape(window, horizon, stride, purge))
    if not columns:
        raise InputError("columns=[] leaves nothing to learn from: name one at least")
    needs = list(dict.fromkeys([*columns, target] if horizon else columns))
    if find_spec("numpy") is None:
        raise MissingExtra("numpy", "engines")
    rows = candles(frame, needs=needs, symbol=symbol, timeframe=timeframe)
    width = slots(rows, timeframe)
    each = [
        _of_market(group, width, shape, list(columns), target)
        for _, group in rows.group_by("symbol", maintain_order=True)
    ] or [_of_market(rows, width, shape, list(columns), target)]
    return each[0] if len(each) == 1 else _joined(each)


def torch(
    frame: Any,
    timeframe: str | Timeframe,
    *,
    window: int,
    horizon: int = 1,
    stride: int = 1,
    purge: int = 0,
    columns: Sequence[str] = BAR,
    target: str = "close",
    symbol: str | None = None,
) -> Any:
    """Cut candles into a `torch.utils.data.TensorDataset` of windows: items are pairs (x, y).

    Arguments, empties, zones and errors are those of `numpy`, whose result has times and `split`,
    too, and turns into this by its method `torch()`. Tensors are float64, for the reason named
    there. Raises `ImportError` without torch.
    """
    return numpy(
        frame,
        timeframe,
        window=window,
        horizon=horizon,
        stride=stride,
        purge=purge,
        columns=columns,
        target=target,
        symbol=symbol,
    ).torch()


def _checked(shape: _Shape) -> _Shape:
    lowest = _Shape(window=1, horizon=0, stride=1, purge=0)
    for name, value, least in zip(_Shape._fields, shape, lowest, strict=True):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InputError(f"{name}={value!r} makes no window: a whole number from {least} on")
    return shape


def _of_market(
    rows: pl.DataFrame, width: Timeframe, shape: _Shape, columns: list[str], target: str
) -> Windows:
    """Cut the candles of one market."""
    import numpy as np  # noqa: PLC0415 - of an extra

    used = [*columns, target] if shape.horizon else columns
    whole = rows.select(pl.all_horizontal(pl.col(used).is_not_null())).to_series().to_numpy()
    opens, numbers, ends = (each[whole] for each in _slots(rows["time"].dt.epoch("ms"), width))
    at = _starts(numbers, shape)
    x = _views(rows.select(columns).to_numpy()[whole], shape.window, at, shape.stride)
    after = rows.select(target if shape.horizon else columns[:1]).to_numpy()[whole]
    y = _views(after, shape.horizon, at + shape.window + shape.purge, shape.stride)
    return Windows(
        x=np.moveaxis(x, -1, 1),
        y=y[:, 0],
        symbol=np.full(len(at), rows["symbol"].first(), object),
        start=opens[at].astype("datetime64[ms]"),
        time=ends[at + shape.window - 1].astype("datetime64[ms]"),
        until=ends[at + shape.span - 1].astype("datetime64[ms]"),
    )


def _slots(times: pl.Series, width: Timeframe) -> tuple[_Integers, _Integers, _Integers]:
    """Give the start of each slot, the number from the first on, and the end."""
    import numpy as np  # noqa: PLC0415 - of an extra

    opens = times.to_numpy()
    if not width.is_calendar:
        return opens, (opens - opens[:1]) // width.width, opens + width.width
    numbers = np.array([width.count(times[0], time) for time in times], np.int64)
    return opens, numbers, np.array([width.next(time) for time in times], np.int64)


def _starts(numbers: _Integers, shape: _Shape) -> _Integers:
    """Give the rows at which a window begins whose slots follow each other without a gap."""
    import numpy as np  # noqa: PLC0415 - of an extra

    first, last = numbers[: max(len(numbers) - shape.span + 1, 0)], numbers[shape.span - 1 :]
    together = last - first == shape.span - 1
    return np.flatnonzero(together & (first % shape.stride == 0))


def _views(values: Any, length: int, at: _Integers, stride: int) -> Any:
    """Give `length` rows from each of `at` on, along a last axis."""
    import numpy as np  # noqa: PLC0415 - of an extra

    if not length or not len(at):
        return np.empty((len(at), values.shape[1], length))
    every = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    # Without gaps no number is copied: minutes of a year in windows of an hour would be gigabytes.
    even = bool((np.diff(at) == stride).all())
    return every[at[0] : at[-1] + 1 : stride] if even else every[at]


def _joined(each: Sequence[Windows]) -> Windows:
    import numpy as np  # noqa: PLC0415 - of an extra

    parts = {field.name: [getattr(one, field.name) for one in each] for field in fields(Windows)}
    return Windows(**{name: np.concatenate(arrays) for name, arrays in parts.items()})
