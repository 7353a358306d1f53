"""Merge an answer with stored rows: the newer wins, and every revision is told. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.lake.store.rows import only, split, times_of, within
from marketkit.schema import NUMBERS

_FEW = 64  # spans, up to which cutting costs less than sorting


class Revision(NamedTuple):
    """One number of one slot that changed; `time` in ms UTC.

    `old` is None where the slot was proved empty, `new` is None where it is proved empty now.
    """

    time: int
    column: str
    old: float | None
    new: float | None


class Merged(NamedTuple):
    """The rows of both, how many of the new ones say anything new, and the revisions."""

    rows: pl.DataFrame
    changed: int
    revisions: list[Revision]


class _Met(NamedTuple):
    """Stored and new rows of the same times, and the rows of times on one side only."""

    times: list[int]
    old: pl.DataFrame
    new: pl.DataFrame
    vanished: pl.DataFrame
    appeared: pl.DataFrame


def merge(old: pl.DataFrame, new: pl.DataFrame, covering: Spans, covered: Spans) -> Merged:
    """Put the answer for `covering` in the place of the stored rows there.

    Both frames are sorted by time; `covered` are the slots of which `old` tells, `new` lies inside
    `covering`. A stored candle inside `covering` that the answer lacks has vanished; outside of it
    nothing changes. What was unknown and is known now is news and no revision: a candle in a slot
    nobody had asked about, and a turnover that was null. A turnover that the answer does not know
    leaves the stored one.
    """
    if old.is_empty() and not covered:
        return Merged(new, new.height, [])
    stored = only(old, covering)
    new = _with_turnover(stored, new)
    met = _align(stored, new)
    changed, revisions = _differences(met)
    revisions += _gone(met.vanished)
    both = covered & covering
    # Only what was proved empty can be contradicted by a candle; a first answer meets nothing.
    revisions += _come(met.appeared, both) if both else ()
    if not changed and met.appeared.is_empty() and met.vanished.is_empty():
        return Merged(old, 0, [])
    return Merged(
        together(old, new, covering),
        changed + met.appeared.height,
        sorted(revisions, key=lambda revision: revision.time),
    )


def _with_turnover(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    if stored.is_empty() or not new["value"].null_count():
        return new
    known = dict(zip(times_of(stored).to_list(), stored["value"].to_list(), strict=True))
    rows = zip(times_of(new).to_list(), new["value"].to_list(), strict=True)
    values = [known.get(time) if value is None else value for time, value in rows]
    return new.with_columns(pl.Series("value", values, pl.Float64))


def _align(stored: pl.DataFrame, new: pl.DataFrame) -> _Met:
    """Find the rows of both sides. Lists of times do that in a tenth of the cost of a join."""
    old_times, new_times = times_of(stored).to_list(), times_of(new).to_list()
    if old_times == new_times:
        return _Met(new_times, stored, new, stored.clear(), new.clear())
    if not old_times:
        return _Met([], stored, new.clear(), stored, new)
    were, are = set(old_times), set(new_times)
    return _Met(
        [time for time in new_times if time in were],
        stored[_places(old_times, are, there=True)],
        new[_places(new_times, were, there=True)],
        stored[_places(old_times, are, there=False)],
        new[_places(new_times, were, there=False)],
    )


def _places(times: list[int], others: set[int], *, there: bool) -> list[int]:
    return [place for place, time in enumerate(times) if (time in others) is there]


def _differences(met: _Met) -> tuple[int, list[Revision]]:
    """Count the rows that differ, and list the numbers that changed."""
    differing, revisions = set[int](), []
    for column in NUMBERS:
        if met.old[column].equals(met.new[column]):
            continue
        pairs = zip(met.old[column].to_list(), met.new[column].to_list(), strict=True)
        for time, (was, now) in zip(met.times, pairs, strict=True):
            if was != now:
                differing.add(time)
                if was is not None:
                    revisions.append(Revision(time, column, was, now))
    return len(differing), revisions


def _gone(vanished: pl.DataFrame) -> Iterator[Revision]:
    for time, column, number in _numbers(vanished):
        yield Revision(time, column, number, None)


def _come(appeared: pl.DataFrame, empty: Spans) -> Iterator[Revision]:
    for time, column, number in _numbers(appeared):
        if time in empty:
            yield Revision(time, column, None, number)


def _numbers(rows: pl.DataFrame) -> Iterator[tuple[int, str, float]]:
    """Give every known number of some rows."""
    times = times_of(rows).to_list()
    for column in NUMBERS:
        for time, number in zip(times, rows[column].to_list(), strict=True):
            if number is not None:
                yield time, column, number


def together(old: pl.DataFrame, new: pl.DataFrame, covering: Spans) -> pl.DataFrame:
    """Give the old rows outside of spans and the new ones, in the order of time."""
    if len(covering) > _FEW:
        kept = old.filter(~within(old["time"], covering))
        return pl.concat([kept, new], rechunk=True).sort("time")
    outside, inside = split(old, covering)[0], split(new, covering)[1]
    pairs = itertools.zip_longest(outside, inside, fillvalue=new.clear())
    parts = [rows for pair in pairs for rows in pair if rows.height]
    return pl.concat(parts, rechunk=True) if len(parts) > 1 else (parts or [new.clear()])[0]
