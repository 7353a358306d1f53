"""The score of a day: 100 less the points of each reason. Pure.

What is not known costs its share of the day. What cannot be, or contradicts the exchange's own word
in another width, costs most of the score at once, for the numbers of such a day are not to be used
unseen. What happens on sound days, too, costs a point or two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

SOUND = 90.0  # from here on: what happens on sound days, too, costs less than ten points
_ALL = 100.0
_WRONG, _WRONG_SHARE = 30.0, 40.0  # one false slot of a day, and the rest by their share
_IMPOSSIBLE = 50.0  # a price or a turnover that no market has: half of the trust at once
_USUAL = 1.0  # such as a day that opens elsewhere than its first hour: one in thirty does
_ODD = 2.0  # a candle that is worth a look
_REVISED = 10.0  # at most: revised numbers are known to be right now
_LEAST = 1.0  # an unknown slot of a thousand is to be seen


class Reason(NamedTuple):
    """A reason for lost points, in words; both null where there is no such reason."""

    points: pl.Expr
    said: pl.Expr


def scored(days: pl.DataFrame) -> pl.DataFrame:
    """Add `score` and `reasons` to the columns of `QUALITY`, `widths` and `worst_share`.

    A day of which nothing can be had (before the listing, past what the exchange keeps) has no
    score.
    """
    reasons = list(_reasons())
    points = [each.points.fill_null(0.0) for each in reasons]
    said = [
        pl.when(each.points > 0).then(pl.format("{} (-{})", each.said, _number(each.points)))
        for each in reasons
    ]
    score = (_ALL - pl.sum_horizontal(points)).clip(0.0).round(1)
    return days.with_columns(
        score=pl.when(_possible() > 0).then(score),
        reasons=pl.concat_str(said, separator="; ", ignore_nulls=True),
    )


def _possible() -> pl.Expr:
    """Give the share of the day that the exchange could tell of."""
    return 1 - pl.col("before_listing") - pl.col("unfetchable")


def _number(points: pl.Expr) -> pl.Expr:
    return points.round(1)


def _share(name: str, of: str) -> pl.Expr:
    return pl.col(name) / pl.col(of)


def _wrong(differing: pl.Expr, of: str) -> pl.Expr:
    """Give the price of slots that differ."""
    share = differing / pl.col(of)
    return pl.when(differing > 0).then(_WRONG + _WRONG_SHARE * share)


def _reasons() -> Iterator[Reason]:
    unknown = _ALL * pl.col("unknown") / _possible()
    yield Reason(
        pl.when((pl.col("unknown") > 0) & (_possible() > 0)).then(
            pl.max_horizontal(pl.lit(_LEAST), unknown)
        ),
        pl.format(
            "{} % not known, longest hole {} of {} slots", unknown.round(2), "longest_hole", "slots"
        ),
    )
    differing = pl.col("differing") - pl.col("opens")
    opens = pl.when(pl.col("differing") > 0).then(pl.lit(_USUAL))
    # The pair that differs most: one spike is one hour of 24, and the only day.
    worst = pl.when(differing > 0).then(_WRONG + _WRONG_SHARE * pl.col("worst_share"))
    yield Reason(pl.coalesce(worst, opens), pl.col("widths"))
    trades = pl.format("{} of {} slots differ from trades", "trade_differs", "trade_slots")
    yield Reason(_wrong(pl.col("trade_differs"), "trade_slots"), trades)
    checks = pl.format("{} of {} slots differ from REST", "check_differs", "checked")
    yield Reason(_wrong(pl.col("check_differs"), "checked"), checks)
    odd = pl.when(pl.col("outliers") > 0).then(pl.lit(_ODD))
    never = pl.when(pl.col("impossible") > 0).then(pl.lit(_IMPOSSIBLE))
    yield Reason(
        pl.coalesce(never, odd),
        pl.format(
            "candles far from their neighbours: {}, by up to {} usual moves",
            "outliers",
            pl.col("worst_move").round(0).cast(pl.Int64),
        ),
    )
    yield Reason(
        pl.when(pl.col("wrong_turnover") > 0).then(pl.lit(_IMPOSSIBLE)),
        pl.format("candles whose turnover fits no price: {}", "wrong_turnover"),
    )
    revised = (_ALL * _share("revised", "slots")).clip(_LEAST, _REVISED)
    yield Reason(
        pl.when(pl.col("revised") > 0).then(revised),
        pl.format("candles revised: {}", "revised"),
    )
