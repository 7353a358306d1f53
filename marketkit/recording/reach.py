"""How far the files of a recording reach without a message being missed.

Messages are written every few seconds, hour by hour and in each a part for every channel. A kill,
or a look, in between finds the part of one channel and not yet that of another: nobody can say then
what the other had heard. But no part is begun before all of the last time are down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from marketkit.errors import CorruptFile
from marketkit.recording import files
from marketkit.recording.files import Damaged
from marketkit.recording.layout import Hour, is_part

_TRIES = 20  # looks at files while parts are made one


def heard_until(root: Path, channel: str | None = None) -> int:
    """Give up to when no message of a channel, or of none at all, is missing in the files; ms UTC.

    A channel reaches to its own newest message, and all reach to what lies before the newest part
    of any. 0 where there is nothing.
    """
    for _ in range(_TRIES):
        try:
            ends = {each: _ends(root, each) for each in files.channels(root)}
        except FileNotFoundError:  # parts became one file between the look and the opening
            continue
        own = [newest for name, (newest, _) in ends.items() if channel in {None, name}]
        return max(min(own, default=0), *(before for _, before in ends.values()), 0)
    raise CorruptFile(f"{root} changes faster than it can be read")


def _ends(root: Path, channel: str) -> tuple[int, int]:
    """Give the times of the newest message of a channel, and of the newest before the last part."""
    found = list[int]()
    for name, newest in _newest_first(root, channel):
        found.append(newest)
        # The file of an hour is made when the parts of all channels are down.
        if len(found) > 1 or not is_part(name):
            return found[0], newest
    return (found[0], 0) if found else (0, 0)


def _newest_first(root: Path, channel: str) -> Iterator[tuple[str, int]]:
    """Give the files of a channel with the time of the newest message of each, the newest first."""
    for hour in reversed(files.hours(root, channel)):
        # "05.parquet" sorts behind "05.1763….part.parquet", but holds what came first.
        names = sorted(files.names(root, hour), key=lambda name: (is_part(name), name))
        for name in reversed(names):
            if (newest := _newest(root, hour, name)) is not None:
                yield name, newest


def _newest(root: Path, hour: Hour, name: str) -> int | None:
    """Give when the newest message of a file came, None for a damaged one or one of none."""
    if isinstance(files.looked(root, hour, name), Damaged):
        return None
    with (root / hour.folder / name).open("rb") as file:
        rows = pl.read_parquet(file, columns=["received"])
    latest: int | None = rows.select(pl.col("received").max().dt.epoch("ms")).item()
    return latest
