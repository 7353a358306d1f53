"""Numbers given to a provider: the length of waits, and the rates of requests."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from marketkit.errors import InputError, nearest
from marketkit.exchange.dialect import RateLimit

_SUCH = "write such as {'candles': (10, 1.0)}: at most 10 requests in 1.0 seconds"


def check_seconds(name: str, value: object, *, above_zero: bool = False) -> None:
    """Refuse an impossible length of time in seconds, naming the argument."""
    if not _is_number(value) or value < 0 or (above_zero and value == 0):  # type: ignore[operator]
        least = "above 0" if above_zero else "of 0 or more"
        raise InputError(f"{name}={value!r} is no time in seconds: give a number {least}")


def read_limits(limits: object, groups: Collection[str]) -> dict[str, RateLimit]:
    """Read the limits of some rate groups. Raises `InputError` that names group and value."""
    if not isinstance(limits, Mapping):
        raise InputError(f"limits={limits!r}: {_SUCH}")
    return {group: _limit(group, limit, groups) for group, limit in limits.items()}


def _limit(group: object, limit: object, groups: Collection[str]) -> RateLimit:
    if group not in groups:
        hint = nearest(str(group), groups)
        raise InputError(f"limits: unknown group {group!r}{hint} (one of {' '.join(groups)})")
    requests, seconds = limit if isinstance(limit, tuple | list) and len(limit) == 2 else (0, 0)
    whole = isinstance(requests, int) and not isinstance(requests, bool) and requests > 0
    if not whole or not _is_number(seconds) or seconds <= 0:
        raise InputError(f"limits: {group!r} has {limit!r}: {_SUCH}")
    return RateLimit(requests, seconds)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
