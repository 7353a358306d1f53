"""Where recorded messages lie: channels and times to relative paths, and back. Pure.

`channel=trade/date=2026-11-20/05.parquet` holds what came from 05:00 to 06:00 UTC, of all symbols,
in the order it came. While the hour lasts it is in parts, `05.<when>.part.parquet`, that are made
one file when it is over. All names are lower case.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from marketkit.coverage import Span
from marketkit.disk import TEMPORARY
from marketkit.exchange.upbit import channels as upbit_channels
from marketkit.timeframe import DAY, HOUR

JOURNAL = "journal.jsonl"
LOCK = ".recorder.lock"

_CHANNEL = "channel="
# Digits of ours only: `\d` would take those of every script.
_DATE = re.compile(r"date=([0-9]{4}-[0-9]{2}-[0-9]{2})")
_FILE = re.compile(r"([01][0-9]|2[0-3])(\.[0-9]+\.part)?\.parquet")
_HALF = re.compile(rf"({_FILE.pattern})(\.[0-9a-z]+)+{re.escape(TEMPORARY)}")


class Hour(NamedTuple):
    """An hour of a channel; `start` is ms UTC."""

    channel: str
    start: int

    @property
    def folder(self) -> str:
        """The folder of the files, below the root."""
        return f"{channel_folder(self.channel)}/date={_moment(self.start):%Y-%m-%d}"

    @property
    def file(self) -> str:
        """The name of the file of the whole hour."""
        return f"{_moment(self.start):%H}.parquet"

    @property
    def span(self) -> Span:
        """The times of the hour."""
        return Span(self.start, self.start + HOUR)

    def part(self, number: int) -> str:
        """Name a part of the hour; lower numbers come first."""
        return f"{_moment(self.start):%H}.{number:020d}.part.parquet"


def hour_of(channel: str, received: int) -> Hour:
    """Give the hour in which something came.

    >>> hour = hour_of("trade", 1_704_085_199_999)
    >>> f"{hour.folder}/{hour.file}"
    'channel=trade/date=2024-01-01/04.parquet'
    """
    return Hour(channel, received - received % HOUR)


def channel_folder(channel: str) -> str:
    """Give the folder of a channel, below the root."""
    return f"{_CHANNEL}{channel}"


def channel_of(folder: str) -> str | None:
    """Give the channel whose folder has this name, or None for any other name."""
    name = folder.removeprefix(_CHANNEL)
    return name if name != folder and name in _channels() else None


def day_of(folder: str) -> int | None:
    """Give the day whose folder has this name as ms UTC, or None."""
    found = _DATE.fullmatch(folder)
    try:
        day = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
    return None if day is None else int(day.timestamp()) * 1000


def hour_of_file(channel: str, day: int, name: str) -> Hour | None:
    """Give the hour whose file or part has this name, or None."""
    found = _FILE.fullmatch(name)
    return Hour(channel, day + int(found[1]) * HOUR) if found else None


def is_part(name: str) -> bool:
    """Say whether a file is a part of an hour."""
    found = _FILE.fullmatch(name)
    return found is not None and found[2] is not None


def is_part_of(hour: Hour, name: str) -> bool:
    """Say whether a name, found in a file, is that of a part of just this hour."""
    day = hour.start - hour.start % DAY
    return is_part(name) and hour_of_file(hour.channel, day, name) == hour


def is_half(name: str) -> bool:
    """Say whether a file is one of ours that was never finished."""
    return _HALF.fullmatch(name) is not None


@cache
def _channels() -> frozenset[str]:
    return frozenset(upbit_channels.message_types())


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time // 1000, UTC)
