"""The thirteen candle widths: the start, the end and the name of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60_000
HOUR: Final = 3_600_000
DAY: Final = 86_400_000
WEEK: Final = 7 * DAY
_FIRST_MONDAY: Final = 4 * DAY  # 1970-01-05


@dataclass(frozen=True, slots=True)
class Width:
    """One candle width; `ms` is nominal for months and years."""

    name: str
    ms: int
    every: str  # as polars truncates
    months: int = 0

    def floor(self, time: int) -> int:
        """Return the start of the candle that `time` falls into (ms UTC)."""
        if self.months:
            return _month_floor(time, self.months)
        origin = _FIRST_MONDAY if self.ms == WEEK else 0
        return time - (time - origin) % self.ms

    def end(self, start: int) -> int:
        """Return the end of the candle that starts at `start`."""
        if self.months:
            # The longest month or year from the first is inside the next one.
            return _month_floor(start + (31 if self.months == 1 else 366) * DAY, self.months)
        return start + self.ms


def _month_floor(time: int, months: int) -> int:
    moment = datetime.fromtimestamp(time // SECOND, UTC)
    month = moment.month if months == 1 else 1
    return int(datetime(moment.year, month, 1, tzinfo=UTC).timestamp()) * SECOND


WIDTHS: Final = {
    width.name: width
    for width in (
        Width("1s", SECOND, "1s"),
        *(Width(f"{n}m", n * MINUTE, f"{n}m") for n in (1, 3, 5, 10, 15, 30)),
        Width("1h", HOUR, "1h"),
        Width("4h", 4 * HOUR, "4h"),
        Width("1d", DAY, "1d"),
        Width("1w", WEEK, "1w"),
        Width("1M", 30 * DAY, "1mo", months=1),
        Width("1y", 365 * DAY, "1y", months=12),
    )
}
ALIASES: Final = {"60m": "1h", "240m": "4h", "1sec": "1s", "1mo": "1M"} | {
    f"{n}min": f"{n}m" for n in (1, 3, 5, 10, 15, 30)
}
MINUTE_UNITS: Final = {
    unit: WIDTHS[ALIASES.get(f"{unit}m", f"{unit}m")]
    for unit in ("1", "3", "5", "10", "15", "30", "60", "240")
}


def width_named(name: str) -> Width | None:
    """Return the width called `name`, in a user's or a lake's spelling."""
    return WIDTHS.get(ALIASES.get(name, name))
