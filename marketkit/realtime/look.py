"""The facts that cards of streams have in common, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from marketkit.net.handle import Interruption
from marketkit.notebook import words

_SOME = 8  # markets that are named one by one


def some(symbols: Sequence[str]) -> str:
    """Name some markets, and count the others."""
    more = f" and {len(symbols) - _SOME:,} more" if len(symbols) > _SOME else ""
    return f"{', '.join(symbols[:_SOME])}{more}" or "none is left"


def moment(time: int, tz: str) -> str:
    """Write a time (ms UTC) as one of a zone, to the second.

    >>> moment(1_764_115_200_123, "Asia/Seoul")
    '2025-11-26 09:00:00 Asia/Seoul'
    """
    return words.moment(datetime.fromtimestamp(time // 1000, ZoneInfo(tz)))


def interruptions(known: Sequence[Interruption], tz: str) -> str:
    """Count interruptions, and say of the last one when, why, and whether it was made good."""
    if not known:
        return "never"
    last = known[-1]
    if last.failure is not None:
        end = f"missing for ever: {last.failure}"
    elif last.closed is None:
        end = "not made good yet" if last.end is not None else "lasts"
    else:
        end = f"made good at {moment(last.closed, tz)}"
    times = "once" if len(known) == 1 else f"{len(known):,} times"
    return f"{times}, last at {moment(last.start, tz)}: {last.reason} ({end})"
