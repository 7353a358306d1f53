"""A slope that outliers do not move, and how sure it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

_BIN = 60.0  # seconds: looks two seconds apart say the same
_SURE = 1.96  # of a normal distribution, for 95 %
HOUR = 3600.0


class Slope(NamedTuple):
    """What values grow by in an hour, and the interval of 95 %."""

    low: float
    middle: float
    high: float


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Fit a line by Theil and Sen to the medians of minutes.

    The middle is the median of the slopes of all pairs of minutes; the interval is Sen's, between
    the two of their ranks that Kendall's statistic gives. It takes minutes as independent.
    """
    minutes: dict[int, list[float]] = {}
    for time, value in zip(times, values, strict=True):
        minutes.setdefault(int(time // _BIN), []).append(value)
    points = [(minute * _BIN, statistics.median(several)) for minute, several in minutes.items()]
    count = len(points)
    slopes = sorted(
        HOUR * (later[1] - early[1]) / (later[0] - early[0])
        for early, later in combinations(points, 2)
    )
    if not slopes:
        return Slope(-math.inf, 0.0, math.inf)
    spread = _SURE * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, round((len(slopes) - spread) / 2) - 1)
    high = min(len(slopes) - 1, round((len(slopes) + spread) / 2))
    return Slope(slopes[low], statistics.median(slopes), slopes[high])
