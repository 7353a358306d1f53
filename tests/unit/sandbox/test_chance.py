"""The random part of a made-up day."""

from __future__ import annotations

import pytest

from marketkit.sandbox.chance import DRAWS, GAPS, Chance, Day, Plan, gap, is_maintenance
from marketkit.sandbox.control import moment
from marketkit.sandbox.ticks import Tick
from marketkit.sandbox.widths import DAY

START = moment("2026-11-19")
USUAL = Day(START, Tick(1000, 1), 150_000, 152_500, 148_000, 151_000, 300_000_000_000, 30, 1400)


@pytest.mark.parametrize("traded", [1.0, 0.6, 0.2, 0.01])
def test_about_the_share_of_minutes_trades_between_the_first_and_the_final_one(traded):
    drawn = Chance.of(Plan(USUAL, 7, traded))
    assert drawn.minutes == sorted(set(drawn.minutes))
    assert drawn.minutes[0] >= USUAL.first
    assert drawn.minutes[-1] == USUAL.final
    assert len(drawn.minutes) == pytest.approx(1370 * traded, rel=0.15, abs=12)
    assert len(drawn.draws) == DRAWS * len(drawn.minutes)
    assert drawn.top != drawn.bottom


def test_a_market_and_a_day_have_their_own_chance_and_always_the_same():
    drawn = Chance.of(Plan(USUAL, 7, 0.5))
    assert drawn == Chance.of(Plan(USUAL, 7, 0.5))
    assert drawn != Chance.of(Plan(USUAL, 8, 0.5))
    assert drawn != Chance.of(Plan(USUAL._replace(start=START + DAY), 7, 0.5))


def test_the_walk_turns_at_the_days_prices_and_ends_with_the_close():
    drawn = Chance.of(Plan(USUAL, 7, 0.6))
    turns = dict(drawn.turns(USUAL))
    assert turns[len(drawn.minutes)] == USUAL.close
    assert (turns[0], turns[drawn.top], turns[drawn.bottom]) == (USUAL.open, USUAL.high, USUAL.low)
    assert list(turns) == sorted(turns)


def test_a_gap_is_up_to_three_steps_either_way_and_never_none():
    assert {gap(draw, GAPS) for draw in range(GAPS)} == {-3, -2, -1, 1, 2, 3}
    assert gap(GAPS, GAPS) == gap(65_535, GAPS) == 0


def test_a_quarter_ends_with_three_hours_of_maintenance():
    last = moment("2026-09-30")
    assert [is_maintenance(last, minute) for minute in (1079, 1080, 1259, 1260)] == [
        False,
        True,
        True,
        False,
    ]
    assert not is_maintenance(last - DAY, 1100)
    silent = Chance.of(Plan(USUAL._replace(start=last), 7, 1.0)).minutes
    assert not {*range(1080, 1260)} & {*silent}
