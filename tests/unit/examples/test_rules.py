"""Each of the seven rules alone, and which of them goes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketkit.examples import rules
from marketkit.examples.indicators import Indicators
from marketkit.examples.parameters import Parameters
from marketkit.examples.rules import RULES, Position, Situation, decide
from marketkit.timeframe import MINUTE

CALM = Indicators(time=MINUTE, close=100.0, change=0.0, rsi=50.0, rsi_before=50.0, count=500)
HELD = Position(size=1.0, average=100.0, bought_at=100.0, peak=100.0)
PARAMETERS = Parameters(
    crash=0.02,
    surge=0.02,
    trail_from=0.006,
    trail=0.004,
    add_step=0.005,
    down_step=0.01,
    profits=((0.01, 0.5), (0.02, 1.0)),
)


def at(position=HELD, **now) -> Situation:
    """A situation that differs from calm in what is said."""
    seen = replace(CALM, **now)
    if position.size:
        position = replace(position, peak=max(position.peak, seen.close))
    return Situation(seen, position, PARAMETERS)


def test_there_are_seven():
    assert len(RULES) == 7


@pytest.mark.parametrize("rule", [name for name in RULES if name != "oversold_entry"])
@pytest.mark.parametrize("close", [50.0, 100.0, 200.0])
def test_without_a_position_only_the_entry_speaks(rule, close):
    assert RULES[rule](at(Position(), close=close, change=close / 100 - 1)) is None


def test_a_calm_candle_says_nothing():
    assert decide(at()) is None
    assert decide(at(Position())) is None


@pytest.mark.parametrize(
    ("before", "now", "enters"),
    [(31.0, 30.0, True), (30.0, 29.0, False), (31.0, 30.1, False), (None, 20.0, False)],
)
def test_the_entry_is_where_rsi_falls_to_oversold(before, now, enters):
    said = rules.oversold_entry(at(Position(), rsi=now, rsi_before=before, change=-0.001))
    assert (said is not None) == enters
    if said is not None:
        assert (said.action, said.size) == ("buy", 1.0)
        assert said.position == HELD


@pytest.mark.parametrize("change", [None, 0.0, -0.02, -0.5])
def test_nothing_is_bought_at_a_price_that_rests_or_crashes(change):
    assert rules.oversold_entry(at(Position(), rsi=0.0, rsi_before=50.0, change=change)) is None


def test_a_crash_within_a_minute_sells_everything():
    said = rules.crash_exit(at(replace(HELD, size=2.5), close=98.0, change=-0.02))
    assert (said.action, said.size, said.position) == ("sell", -2.5, Position())
    assert rules.crash_exit(at(close=98.1, change=-0.019)) is None
    assert rules.crash_exit(at(close=50.0, change=None)) is None


def test_a_stop_trails_the_peak_once_the_peak_was_a_gain():
    peaked = replace(HELD, peak=101.0)
    said = rules.trailing_stop(at(peaked, close=100.5))
    assert (said.action, said.size, said.position) == ("sell", -1.0, Position())
    assert said.reason == "0.50% below the peak of 101"
    assert rules.trailing_stop(at(peaked, close=100.7)) is None
    assert rules.trailing_stop(at(replace(HELD, peak=100.5), close=90.0)) is None


@pytest.mark.parametrize(
    ("peak", "spelled"),
    [(178_345_000.0, "178,345,000"), (1234.5, "1,234.5"), (0.00001234, "0.00001234")],
)
def test_prices_read_as_people_write_them(peak, spelled):
    fallen = replace(HELD, average=peak * 0.9, peak=peak)
    said = rules.trailing_stop(at(fallen, close=peak * 0.95))
    assert said.reason == f"5.00% below the peak of {spelled}"


def test_a_surge_is_given_its_way_for_ten_minutes():
    said = rules.surge_hold(at(close=103.0, change=0.03))
    assert (said.action, said.size) == ("hold", 0.0)
    until = said.position.hold_until
    assert until == CALM.time + 10 * MINUTE
    for rule in (rules.take_profit, rules.adding):
        assert rule(at(said.position, close=103.0, time=until - MINUTE)) is None
        assert rule(at(said.position, close=103.0, time=until)) is not None
    assert rules.trailing_stop(at(said.position, close=102.7, time=until - MINUTE)) is None
    assert rules.trailing_stop(at(replace(said.position, peak=103.0), close=102.0)) is not None


def test_profit_is_taken_as_planned_step_by_step():
    first = rules.take_profit(at(replace(HELD, size=2.0), close=101.0))
    assert (first.action, first.size, first.position.size) == ("sell", -1.0, 1.0)
    assert first.position.average == 100.0
    assert rules.take_profit(at(first.position, close=101.9)) is None
    last = rules.take_profit(at(first.position, close=102.0))
    assert (last.size, last.position) == (-1.0, Position())
    assert "step 2 of 2" in last.reason


def test_a_plan_that_is_done_leaves_the_rest_to_the_stop():
    done = replace(HELD, taken=2)
    assert rules.take_profit(at(done, close=200.0)) is None


def test_a_loser_is_bought_again_below_the_last_purchase_at_most_twice():
    first = rules.averaging_down(at(close=99.0))
    assert (first.action, first.size) == ("buy", 1.0)
    assert (first.position.average, first.position.peak) == (99.5, 99.0)
    assert rules.averaging_down(at(first.position, close=98.5)) is None
    second = rules.averaging_down(at(first.position, close=98.0))
    assert (second.position.size, second.position.averaged) == (3.0, 2)
    assert rules.averaging_down(at(second.position, close=50.0)) is None


def test_a_winner_is_bought_again_above_the_last_purchase_at_most_twice():
    first = rules.adding(at(close=100.6))
    assert (first.action, first.size, first.position.size) == ("buy", 0.5, 1.5)
    assert first.position.bought_at == 100.6
    assert rules.adding(at(first.position, close=100.9)) is None
    second = rules.adding(at(first.position, close=101.2))
    assert second.position.size == 2.0
    assert rules.adding(at(second.position, close=150.0)) is None
    assert rules.adding(at(replace(HELD, taken=1), close=150.0)) is None


def test_below_the_average_nothing_is_added_and_above_it_nothing_averaged():
    low = replace(HELD, bought_at=90.0, average=100.0)
    assert rules.adding(at(low, close=95.0)) is None
    high = replace(HELD, bought_at=110.0, average=100.0)
    assert rules.averaging_down(at(high, close=105.0)) is None


@pytest.mark.parametrize(
    ("now", "position", "first"),
    [
        ({"close": 97.0, "change": -0.03}, replace(HELD, peak=101.0), "crash_exit"),
        ({"close": 98.9, "change": -0.01}, replace(HELD, peak=101.0), "trailing_stop"),
        ({"close": 103.0, "change": 0.03}, HELD, "surge_hold"),
        ({"close": 101.0}, HELD, "take_profit"),
        ({"close": 99.0}, HELD, "averaging_down"),
        ({"close": 100.6}, HELD, "adding"),
        ({"rsi": 20.0, "change": -0.001}, Position(), "oversold_entry"),
    ],
)
def test_protection_goes_before_profit_and_profit_before_purchases(now, position, first):
    name, _ = decide(at(position, **now))
    assert name == first
