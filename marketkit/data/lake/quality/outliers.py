"""Candles that are not of the market's own moves: spikes, and runs of slots at other prices. Pure.

Steps are judged in logarithms, by the market's usual step from one slot to the next. A spike goes
away from both its neighbours and comes back, and so does a run of slots; a market that moves for
good is none. Where one end alone is known the shorter side of a step is the odd one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from marketkit.data.lake.transfer.strangers import usual_move
from marketkit.schema import TIME, Schema
from marketkit.timeframe import Timeframe

OUTLIER: Schema = {"time": TIME, "far": pl.Float64(), "impossible": pl.Boolean()}

_FAR = 30.0  # usual moves; of real minutes one step in 7,000 is longer, and most of these stay
_LEAST = math.log(1.05)  # a market that hardly moves may do so much for once
_NEVER, _NEVER_LEAST = 100.0, math.log(1.5)  # so far, and by so much, no market goes and returns
_WHOLE = 20  # candles that jump away and back as one: no market does, however near
_UNKNOWN = math.log(8) / _NEVER  # a usual move, where too few candles tell of one
_RETURNS = 0.5  # of the way out; the way back of a spike is no shorter
_MANY = 2_000  # steps of one series that are worth an own look, each of which costs the square
_VALUE = 1e-3  # by which turnover may be off for rounding, of trades of a few cents, too
_CENT = 1e-6  # turnover in quote currency that rounding alone may be


def outliers(rows: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    """Give the candles of one market, sorted by time, beyond the market's own moves.

    Columns are `OUTLIER`: how far a candle lies from its neighbours, in usual moves, and whether no
    market moves so.
    """
    if rows.height < 2:
        return pl.DataFrame(schema=dict(OUTLIER))
    usual = usual_move(rows, timeframe) or _UNKNOWN
    spikes = _spikes(rows, timeframe, usual)
    rest = rows.join(spikes, on="time", how="anti", maintain_order="left")
    both = pl.concat([spikes, _runs(rest, timeframe, usual)])
    return both.unique("time", keep="first").sort("time")


def wrong_turnover(rows: pl.DataFrame) -> pl.Series:
    """Give the times of candles with a turnover beyond volume and prices."""
    least, most = (pl.col(price) * pl.col("volume") for price in ("low", "high"))
    value = pl.col("value")
    off = (value < least * (1 - _VALUE) - _CENT) | (value > most * (1 + _VALUE) + _CENT)
    return rows.filter(off)["time"]


def _spikes(rows: pl.DataFrame, timeframe: Timeframe, usual: float) -> pl.DataFrame:
    """Give single candles with a price that is far from both neighbours, on the same side."""
    before = pl.col("close").shift(1)
    after = pl.col("open").shift(-1)
    ms = pl.col("time").cast(pl.Int64)
    slots = ((ms.shift(-1) - ms.shift(1)) / timeframe.width).clip(1)
    up = pl.min_horizontal(*((pl.col("high") / each).log() for each in (before, after)))
    down = pl.min_horizontal(*((each / pl.col("low")).log() for each in (before, after)))
    both = before.is_not_null() & after.is_not_null()
    step = pl.when(both).then(pl.max_horizontal(up, down))
    # All of the candle lies apart, where a wick begins and ends at its neighbours.
    into, out = (pl.col("open") / before).log(), (pl.col("close") / after).log()
    gap = pl.when(into * out > 0).then(pl.min_horizontal(into.abs(), out.abs())).otherwise(0.0)
    scale = slots.sqrt() * usual
    jumps = (gap / scale > _NEVER) & (gap > _LEAST)
    return _judged(rows.select("time", step=step, far=step / scale, jumps=jumps))


def _judged(steps: pl.DataFrame) -> pl.DataFrame:
    """Keep far steps, and mark impossible ones: the farthest, and jumps there and back."""
    far = steps.filter((pl.col("far") > _FAR) & (pl.col("step") > _LEAST))
    never = (pl.col("far") > _NEVER) & (pl.col("step") > _NEVER_LEAST)
    return far.select("time", "far", impossible=never | pl.col("jumps"))


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring candles without a far step between, by number, and the step before."""

    first: int
    end: int
    step: float
    far: float
    returns: bool = False

    @property
    def jumps(self) -> bool:
        """Whether no market goes away and comes back so."""
        return self.returns and (self.far > _NEVER or self.length >= _WHOLE)

    @property
    def length(self) -> int:
        return self.end - self.first


def _runs(rows: pl.DataFrame, timeframe: Timeframe, usual: float) -> pl.DataFrame:
    """Give the candles of runs apart from their neighbours."""
    runs = _cut(rows, timeframe, usual)
    odd = list[_Run]()
    while len(runs) > 1 and (found := _oddest(runs)) is not None:
        odd.append(found[1])
        runs = _without(runs, found[0])
    times = rows["time"]
    parts = [
        pl.DataFrame({"time": times[run.first : run.end]}).with_columns(
            step=pl.lit(abs(run.step)), far=pl.lit(run.far), jumps=pl.lit(run.jumps)
        )
        for run in odd
    ]
    return _judged(pl.concat(parts)) if parts else pl.DataFrame(schema=dict(OUTLIER))


def _cut(rows: pl.DataFrame, timeframe: Timeframe, usual: float) -> list[_Run]:
    """Cut candles where one opens far from where the one before closed."""
    step = (pl.col("open") / pl.col("close").shift(1)).log()
    slots = (pl.col("time").diff().cast(pl.Int64) / timeframe.width).clip(1)
    far = step.abs() / (slots.sqrt() * usual)
    steps = rows.select(step=step, far=far).with_row_index("at")
    cuts = steps.filter((pl.col("far") > _FAR) & (pl.col("step").abs() > _LEAST))
    if cuts.height > _MANY:
        cuts = cuts.top_k(_MANY, by="far").sort("at")
    starts = [(0, 0.0, 0.0), *cuts.select("at", "step", "far").iter_rows()]
    ends = [*cuts["at"].to_list(), rows.height]
    return [_Run(at, end, *told) for (at, *told), end in zip(starts, ends, strict=True)]


def _oddest(runs: list[_Run]) -> tuple[int, _Run] | None:
    """Give the shortest run that is apart, with the way out or back that is the shorter one.

    Runs at an end, of which less is known, come last.
    """
    last = len(runs) - 1
    for at in sorted(range(len(runs)), key=lambda each: (each in {0, last}, runs[each].length)):
        run = runs[at]
        into = runs[at] if at else None
        out = runs[at + 1] if at < last else None
        # Both neighbours of a run that returns are one market.
        beside = sum(runs[each].length for each in (at - 1, at + 1) if 0 <= each <= last)
        if run.length >= beside:
            continue
        if into is None or out is None:
            told = into or out
            return at, _Run(run.first, run.end, told.step, told.far)  # type: ignore[union-attr]
        returns = into.step * out.step < 0
        shorter = min(into, out, key=lambda each: abs(each.step))
        if returns and abs(shorter.step) > _RETURNS * max(abs(into.step), abs(out.step)):
            return at, _Run(run.first, run.end, shorter.step, shorter.far, returns=True)
    return None


def _without(runs: list[_Run], at: int) -> list[_Run]:
    """Take a run out, and join the neighbours."""
    if at == 0:
        second = runs[1]
        return [_Run(second.first, second.end, 0.0, 0.0), *runs[2:]]
    if at + 1 == len(runs):
        return runs[:-1]
    before, after = runs[at - 1], runs[at + 1]
    joined = _Run(before.first, after.end, before.step, before.far)
    return [*runs[: at - 1], joined, *runs[at + 2 :]]
