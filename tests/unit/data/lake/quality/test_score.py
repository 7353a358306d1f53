"""The points of a day, and what is said of those that are lost."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.data.lake.quality.score import SOUND, scored

SOUND_DAY = {
    "slots": 1_440,
    "before_listing": 0.0,
    "unfetchable": 0.0,
    "unknown": 0.0,
    "longest_hole": 0,
    "compared": 25,
    "differing": 0,
    "opens": 0,
    "worst_share": 0.0,
    "widths": "",
    "trade_slots": None,
    "trade_differs": None,
    "checked": None,
    "check_differs": None,
    "revised": 0,
    "outliers": 0,
    "impossible": 0,
    "worst_move": None,
    "wrong_turnover": 0,
}


def score(**found: object) -> tuple[float | None, str]:
    schema = {
        name: pl.Float64() if isinstance(value, float) or name == "worst_move" else pl.Int64()
        for name, value in SOUND_DAY.items()
    } | {"widths": pl.String()}
    told = scored(pl.DataFrame([SOUND_DAY | found], schema))
    return told["score"][0], told["reasons"][0]


def test_a_sound_day_has_all_points_and_no_reason():
    assert score() == (100.0, "")
    assert score(trade_slots=1_440, trade_differs=0, checked=200, check_differs=0) == (100.0, "")


@pytest.mark.parametrize(
    ("found", "points", "said"),
    [
        (
            {"unknown": 0.25, "longest_hole": 200},
            75.0,
            "25.0 % not known, longest hole 200 of 1440 slots (-25.0)",
        ),
        (
            {"unknown": 1 / 1_440, "longest_hole": 1},
            99.0,
            "0.07 % not known, longest hole 1 of 1440 slots (-1.0)",
        ),
        (
            {"differing": 2, "worst_share": 1.0, "widths": "1 of 24 slots differ from 1h (high)"},
            30.0,
            "1 of 24 slots differ from 1h (high) (-70.0)",
        ),
        (
            {"differing": 1, "opens": 1, "widths": "1 of 1 slots differ from 1h (open)"},
            99.0,
            "1 of 1 slots differ from 1h (open) (-1.0)",
        ),
        (
            {"trade_slots": 100, "trade_differs": 1},
            69.6,
            "1 of 100 slots differ from trades (-30.4)",
        ),
        (
            {"outliers": 1, "worst_move": 35.2},
            98.0,
            "candles far from their neighbours: 1, by up to 35 usual moves (-2.0)",
        ),
        (
            {"outliers": 3, "impossible": 1, "worst_move": 9_000.0},
            50.0,
            "candles far from their neighbours: 3, by up to 9000 usual moves (-50.0)",
        ),
        (
            {"wrong_turnover": 4},
            50.0,
            "candles whose turnover fits no price: 4 (-50.0)",
        ),
        ({"revised": 72}, 95.0, "candles revised: 72 (-5.0)"),
        ({"revised": 1_440}, 90.0, "candles revised: 1440 (-10.0)"),
    ],
)
def test_each_reason_has_its_price(found, points, said):
    assert score(**found) == (points, said)


def test_the_share_is_of_what_can_be_known():
    told = score(unknown=0.25, before_listing=0.5, longest_hole=3)
    assert told == (50.0, "50.0 % not known, longest hole 3 of 1440 slots (-50.0)")


def test_a_day_of_which_nothing_can_be_had_has_no_score():
    assert score(before_listing=0.5, unfetchable=0.5) == (None, "")


def test_no_day_has_less_than_nothing_and_every_reason_is_told():
    points, said = score(
        unknown=0.5, differing=1, worst_share=1.0, widths="all", impossible=1, outliers=1,
        worst_move=1e3,
    )  # fmt: skip
    assert points == 0.0
    assert said.count("; ") == 2


def test_what_happens_on_sound_days_leaves_them_sound():
    points, _ = score(
        outliers=1, worst_move=40.0, differing=1, opens=1, widths="open", revised=20
    )  # fmt: skip
    assert points >= SOUND
