"""Whether prices can be of the market and the zone that a file is taken for. Pure.

Distances of prices are judged in logarithms, against the moves that the market itself makes from
one slot to the next: where file and lake both have a candle, and at each seam, where the rows of
one follow on those of the other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.transfer.sheet import Faults
from marketkit.timeframe import DAY, HOUR, Timeframe, iso

SHIFT = 9 * HOUR  # by which times of Korea that are taken for UTC come late

_ROUNDED = 1e-5  # apart: prices of which somebody wrote six figures
_MANY = 20  # candles met, of which half must not close otherwise
_SOME = 8  # candles met, from which on a usual move is more than their usual distance can be
_MOVES = 10  # moves that tell how a market moves
_LEAST = 1e-4  # a usual move: no market stands stiller than that for long
_UNKNOWN = math.log(8)  # too far for a market of whose moves nothing is known
# In usual moves. Of real minutes and hours one step in 7,000 is longer than the first, and one in
# 200 longer than the second: so seldom at both ends that only another market or zone explains it.
_FAR, _FAR_AT_BOTH = 30.0, 11.0
_FAR_AMONG_FILES = 100.0  # of one call: there are hundreds of seams, and days begin with a start
_MET_FEW, _MET_SOME = 30.0, 5.0  # the same for candles of one slot, which should not differ at all
_ONE_CORRECTED = math.log(1.1)  # one or two candles may have been false by so much
_SUSPICIOUS = 3.0  # a seam, in usual moves, that is worth a look at the zone
_ALIKE, _DIFFERENT = 0.9, 3  # the share of candles, and the least count of prices, to be the same

_LAKE = -1  # in place of the number of a file


class _Seam(NamedTuple):
    """Two neighbouring candles of different origin; `far` is the step in usual moves."""

    before: int
    after: int
    far: float
    close_before: float
    close: float
    time: int

    @property
    def of_lake(self) -> bool:
        """Whether one of both is of the lake."""
        return _LAKE in (self.before, self.after)


def strangers(rows: pl.DataFrame, stored: pl.DataFrame, timeframe: Timeframe) -> Faults:
    """Name the files with prices of another market.

    `rows` are candles of files with their `file`, `stored` those of the lake around and between,
    both sorted by time, each time once.
    """
    if stored.is_empty() and rows["file"].n_unique() < 2:
        return {}  # nothing to compare with
    rows = rows.select(pl.col("file").cast(pl.Int64), "time", "close", "volume")
    stored = stored.select(pl.lit(_LAKE, pl.Int64).alias("file"), "time", "close", "volume")
    usual = usual_move(stored, timeframe) or usual_move(rows, timeframe)
    faults = _met(rows, stored, usual)
    rows = rows.filter(~pl.col("file").is_in(list(faults)))
    while seams := _seams(rows, stored, usual, timeframe):
        late = _shifted(rows, stored, seams, timeframe)
        worst = _worst(seams) if late is None else late
        if worst is None:
            break
        faults[worst[0]] = worst[1]
        rows = rows.filter(pl.col("file") != worst[0])
    return faults


def usual_move(rows: pl.DataFrame, timeframe: Timeframe) -> float | None:
    """Give the usual step in logarithms from one slot to the next, None where few are known."""
    step = pl.col("close").log().diff().abs()
    slots = pl.col("time").diff().cast(pl.Int64) / timeframe.width
    moves = rows.select(step / slots.sqrt()).to_series().drop_nulls()
    moves = moves.filter(moves > 0)
    if moves.len() < _MOVES:
        return None
    middle = moves.median()
    return max(_LEAST, middle) if isinstance(middle, float) else None


def _met(rows: pl.DataFrame, stored: pl.DataFrame, usual: float | None) -> Faults:
    """Name the files that close otherwise than the lake where both have candles."""
    both = rows.join(stored.select("time", was="close"), on="time")
    if both.is_empty():
        return {}
    apart = (pl.col("close") / pl.col("was")).log().abs()
    found = both.group_by("file").agg(
        met=pl.len(), differing=(apart > _ROUNDED).sum(), apart=apart.median()
    )
    return {
        file: f"closes otherwise than the lake in {differing:,} of the {met:,} candles that both"
        " have: another symbol or time zone? (force=True takes it all the same)"
        for file, met, differing, distance in found.iter_rows()
        if (met >= _MANY and differing > met / 2) or distance > _too_far(met, usual)
    }


def _too_far(met: int, usual: float | None) -> float:
    """Give the middle distance from which on candles met are not of one market."""
    if usual is None:
        return _UNKNOWN
    if met >= _SOME:
        return _MET_SOME * usual
    return _MET_FEW * usual if met > 2 else max(_MET_FEW * usual, _ONE_CORRECTED)


def _seams(
    rows: pl.DataFrame, stored: pl.DataFrame, usual: float | None, timeframe: Timeframe
) -> list[_Seam]:
    """Give the places where candles of one origin follow on candles of another."""
    line = rows
    if stored.height:  # what both have is judged where they met
        alone = rows.join(stored.select("time"), on="time", how="anti")
        line = pl.concat([alone, stored]).sort("time")
    line = line.select("file", "time", "close")
    line = line.with_columns(pl.all().shift(1).name.suffix("_before"))
    step = (pl.col("close") / pl.col("close_before")).log().abs()
    ms = (pl.col("time") - pl.col("time_before")).cast(pl.Int64)
    slots = (ms / timeframe.width).clip(1)
    too_far = pl.when(step > _UNKNOWN).then(math.inf).otherwise(0.0)
    far = too_far if usual is None else step / (slots.sqrt() * usual)
    met = line.filter(pl.col("file") != pl.col("file_before"))
    told = met.select(
        *("file_before", "file", far.alias("far"), "close_before", "close"),
        pl.col("time").cast(pl.Int64),
    )
    return list(map(_Seam._make, told.iter_rows()))


def _worst(seams: list[_Seam]) -> tuple[int, str] | None:
    """Give the file with the worst seams, None where all fit."""
    steps: dict[int, list[_Seam]] = {}
    for seam in seams:
        for file in (seam.before, seam.after):
            steps.setdefault(file, []).append(seam)
    steps.pop(_LAKE, None)
    bad = {file: some for file, some in steps.items() if _do_not_fit(some)}
    if not bad:
        return None
    worst = max(bad, key=lambda file: (*_blame(bad[file]), file))  # of two alike the later
    told = max(bad[worst], key=lambda each: each.far)
    return worst, (
        f"does not go on where its neighbours end: {told.close_before:g} goes on as {told.close:g}"
        f" at {iso(told.time)}, further than this market moves: another symbol or time zone?"
        " (force=True takes it all the same)"
    )


def _blame(seams: list[_Seam]) -> tuple[float, int]:
    """Give the share and the count of seams that are too far: blame goes to the greater first."""
    far = sum(each.far > (_FAR_AT_BOTH if each.of_lake else _FAR_AMONG_FILES) for each in seams)
    return far / len(seams), far


def _do_not_fit(seams: list[_Seam]) -> bool:
    """Say whether the seams of a file, with the lake or with other files, are too far."""
    lake = sorted(each.far for each in seams if each.of_lake)
    files = sorted(each.far for each in seams if not each.of_lake)
    if files and files[(len(files) - 1) // 2] > _FAR_AMONG_FILES:
        return True
    if len(lake) <= 2 and max(lake, default=0.0) > _FAR:
        return True
    return len(lake) >= 2 and lake[(len(lake) - 1) // 2] > _FAR_AT_BOTH


def _shifted(
    rows: pl.DataFrame, stored: pl.DataFrame, seams: list[_Seam], timeframe: Timeframe
) -> tuple[int, str] | None:
    """Find a file that has the lake's own candles, nine hours late or early."""
    if timeframe.width >= DAY or stored.is_empty():
        return None
    for file, far in _farthest(seams).items():
        own = rows.filter(pl.col("file") == file)
        for by, word in ((SHIFT, "late"), (-SHIFT, "early")):
            late = own.with_columns(pl.col("time").dt.offset_by(f"{-by}ms"))
            both = late.join(stored, on="time", suffix="_lake")
            same = both.filter(_same("close") & _same("volume"))
            if same.height and _is_no_chance(same, both.height, far):
                zone = "tz='Asia/Seoul'" if by > 0 else "tz='UTC'"
                return file, (
                    f"has {same.height:,} candles that the lake has, each nine hours {word}:"
                    f" are its times of another zone, such as {zone}?"
                    " (force=True takes it all the same)"
                )
    return None


def _farthest(seams: list[_Seam]) -> dict[int, float]:
    """Give the widest step of each file that has a seam with the lake."""
    far: dict[int, float] = {}
    for each in seams:
        if each.of_lake:
            for file in {each.before, each.after} - {_LAKE}:
                far[file] = max(each.far, far.get(file, 0.0))
    return far


def _same(name: str) -> pl.Expr:
    return pl.col(name) == pl.col(f"{name}_lake")


def _is_no_chance(same: pl.DataFrame, met: int, far: float) -> bool:
    """Say whether candles are the same by no chance: by their number, or by a seam, too."""
    if same.height < _ALIKE * met:
        return False
    distinct = same.select("close", "volume").n_unique()
    many = same.height >= _SOME and distinct >= _ALIKE * same.height
    return many or (far > _SUSPICIOUS and same["close"].n_unique() >= _DIFFERENT)
